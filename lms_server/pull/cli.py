"""The command line of lms-pull. Exit 0 when all that was asked for is there, 2 on wrong use, 1 otherwise, and then
one plain sentence on standard error."""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import httpx
import typer
from rich.cells import cell_len
from rich.console import Console

from . import names
from .client import Lesson, Server
from .errors import PullError
from .progress import Bar, Lines, Show, duration, size
from .work import Order, Result, pull

EXAMPLE = """
Example, as often as you like (what is there is skipped, what broke off goes on):

    lms-pull --server https://box.example.edu --token TOKEN --out Lessons

A term on a disk, which proves itself by `sha256sum --check SHA256SUMS`:

    lms-pull --server https://box.example.edu --token TOKEN --term "Autumn 2026" --mirror --parallel 4 --out /media/disk
"""

_A_DAY = re.compile(r"\d{4}-?\d\d-?\d\d")
app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command(epilog=EXAMPLE)
def command(
    *,
    server: Annotated[str, typer.Option("--server", metavar="URL", help="The address of the central server.")],
    token: Annotated[
        str, typer.Option("--token", metavar="TOKEN", envvar="LMS_PULL_TOKEN", help="What the server gave you to pull.")
    ],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Where the lessons' folders go.", file_okay=False)
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="DATE", help="Only lessons from this day on, as 2026-11-01.")
    ] = None,
    lesson: Annotated[
        str | None, typer.Option("--lesson", metavar="ID", help="Only this lesson; --list shows the ids.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="DATE", help="Only lessons up to and with this day.")
    ] = None,
    room: Annotated[str | None, typer.Option("--room", metavar="ROOM", help="Only lessons of this room.")] = None,
    course: Annotated[str, typer.Option("--course", metavar="CODE", help="Only lessons of this course.")] = "",
    term: Annotated[str, typer.Option("--term", metavar="TERM", help="Only lessons of this term.")] = "",
    teacher: Annotated[str, typer.Option("--teacher", metavar="NAME", help="Only lessons of this teacher.")] = "",
    search: Annotated[str, typer.Option("--search", metavar="WORDS", help="Only lessons with all these words.")] = "",
    parallel: Annotated[
        int, typer.Option("--parallel", metavar="N", help="So many lessons at a time.", min=1, max=16)
    ] = 1,
    mirror: Annotated[
        bool,
        typer.Option(
            "--mirror", help="Also write one SHA256SUMS over all of DIR, and say what the server has no more."
        ),
    ] = False,
    only_list: Annotated[bool, typer.Option("--list", help="Only show what there is.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Answer in JSON on standard output.")] = False,
    renditions: Annotated[
        bool, typer.Option("--renditions", help="Also the small forms: poster, sound and slides, small film.")
    ] = False,
    originals: Annotated[
        bool, typer.Option("--originals", help="The takes as the room recorded them, not the assembled files.")
    ] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Read every file that is there again, even one nobody touched.")
    ] = False,
) -> None:
    """List recordings of a Darsbox server, and pull them: resumable, verified by SHA-256, nothing fetched twice."""
    if out is None and not only_list:
        raise typer.BadParameter("Say where the recordings go with --out DIR, or look first with --list.")
    link = Server(_address(server), _token(token))
    try:
        said = {"since": _day(since), "until": _day(until, ends=True), "room": room, "course": course, "term": term}
        said |= {"teacher": teacher, "q": search}
        asked = {name: value for name, value in said.items() if value}
        lessons = [link.lesson(lesson)] if lesson else list(link.lessons(asked))
        if only_list or out is None:
            _print_list(lessons, as_json)
            return
        order = Order(
            out, originals, verify, named=lesson is not None, renditions=renditions, parallel=parallel, mirror=mirror
        )
        _pull(link, lessons, order, as_json)
    except PullError as error:
        _fail(str(error))
    except KeyboardInterrupt:
        _fail("Stopped; run the same command again to go on from here.")
    finally:
        link.close()


def main() -> None:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a console that cannot show Arabic still pulls it
    app()


# -- pulling ---------------------------------------------------------------------------------------------


def _pull(link: Server, lessons: Sequence[Lesson], order: Order, as_json: bool) -> None:
    """Pull, and say at the end what came, even when something ended it. Raises PullError."""
    results: list[Result] = []
    try:
        with _show(as_json) as show:
            pull(link, lessons, order, show, results)
    finally:
        if as_json:
            print(json.dumps([asdict(result) for result in results], ensure_ascii=False, indent=1))  # noqa: T201
        else:
            files = [file for result in results for file in result.files]
            fetched = [file.bytes for file in files if file.state == "fetched"]
            present = sum(file.state == "present" for file in files)
            got = f"{_count(len(fetched), 'file')} fetched ({size(sum(fetched))}), {present} already there"
            print(f"{got}, {_count(len(results), 'lesson')} in {order.out}.")  # noqa: T201


def _show(as_json: bool) -> Show:
    if sys.stderr.isatty():
        return Bar(Console(stderr=True))
    return Lines(None if as_json else sys.stdout)


# -- the list --------------------------------------------------------------------------------------------


def _print_list(lessons: Sequence[Lesson], as_json: bool) -> None:
    if as_json:
        listed = [{key: value for key, value in asdict(lesson).items() if key != "files"} for lesson in lessons]
        print(json.dumps(listed, ensure_ascii=False, indent=1))  # noqa: T201
        return
    if not lessons:
        print("There is no lesson for that.")  # noqa: T201
        return
    rows = [("STARTED", "LENGTH", "SIZE", "GAPS", "STATE", "ID", "ROOM", "TITLE")]
    for lesson in lessons:
        rows.append(
            (
                f"{lesson.day:%Y-%m-%d %H:%M}",
                duration(lesson.seconds),
                size(lesson.bytes) if lesson.bytes else "",
                str(lesson.gaps or ""),
                lesson.state,
                lesson.id,
                names.one_line(lesson.room),
                names.one_line(lesson.title),
            )
        )
    widths = [max(cell_len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = [cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True)]
        print("  ".join(cells).rstrip())  # noqa: T201


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


# -- what was typed --------------------------------------------------------------------------------------


def _address(text: str) -> str:
    """Raises typer.BadParameter unless it is an http(s) address."""
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL as error:
        raise typer.BadParameter(f"{text!r} is no address; it looks like https://lessons.example.edu.") from error
    if url.scheme not in ("http", "https") or not url.host:
        raise typer.BadParameter(f"{text!r} is no address; it looks like https://lessons.example.edu.")
    return text


def _token(text: str) -> str:
    token = text.strip()
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise typer.BadParameter("The token is not one; copy it again, whole and alone.")
    return token


def _day(text: str | None, *, ends: bool = False) -> str | None:
    """ISO 8601 with an offset: a day begins at this computer's midnight. ends: the end of that day, but a time of day
    is what it says. Raises typer.BadParameter."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        moment += timedelta(days=ends and _A_DAY.fullmatch(text) is not None)
        return (moment if moment.tzinfo is not None else moment.astimezone()).isoformat()
    except (ValueError, OverflowError, OSError) as error:
        raise typer.BadParameter(f"{text!r} is no day; it looks like 2026-11-01.") from error


def _fail(sentence: str) -> None:
    print(sentence, file=sys.stderr)  # noqa: T201
    raise typer.Exit(1)


if __name__ == "__main__":
    main()
