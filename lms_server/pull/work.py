"""The pulling itself: lesson after lesson, file after file. What concerns one file does not keep the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from . import folder as folders
from . import names
from .client import File, Lesson, Server
from .errors import FileProblem, NoSuchLesson, NotReady, PullError
from .fetch import fetch, of_disk
from .lock import alone
from .progress import Show, size

State = Literal["fetched", "present", "damaged", "missing"]
_WORDS: dict[State, str] = {
    "present": "already there",
    "fetched": "fetched and verified",
    "damaged": "arrived damaged, thrown away",
    "missing": "no longer on the server",
}


@dataclass(frozen=True, slots=True)
class Order:
    """What was asked for. named: one lesson by its id, so that its not being there yet is an error."""

    out: Path
    originals: bool
    verify: bool
    named: bool
    renditions: bool = False


@dataclass(frozen=True, slots=True)
class FileResult:
    path: str
    bytes: int
    sha256: str
    state: State


@dataclass(slots=True)
class Result:
    """What became of one lesson."""

    lesson: str
    title: str
    folder: str | None = None
    files: list[FileResult] = field(default_factory=list)
    problem: str | None = None


def pull(link: Server, lessons: Sequence[Lesson], order: Order, show: Show, results: list[Result]) -> None:
    """Fetch what is missing of every lesson; ``results`` grows as it goes. Raises PullError: at once for what would
    stop every other file too, at the end for the first file that could not be had."""
    problem: PullError | None = None
    for number, listed in enumerate(lessons, 1):
        result = Result(listed.id, listed.title)
        results.append(result)
        what = f"{names.one_line(listed.room)}: {names.one_line(listed.title)}"
        show.say(f"[{number}/{len(lessons)}] {listed.day:%Y-%m-%d} {what}")
        try:
            _lesson(link, link.lesson(listed.id), order, show, result)
        except FileProblem as error:
            problem = problem or error
            result.problem = str(error)
        except (NotReady, NoSuchLesson) as error:
            if order.named:
                raise
            result.problem = str(error)
            show.say(f"  {error}")
    if problem is not None:
        raise problem


def _lesson(link: Server, lesson: Lesson, order: Order, show: Show, result: Result) -> None:
    """Raises FileProblem, of the first of its files that could not be had, when the others are there."""
    wanted = folders.wanted(lesson, originals=order.originals, renditions=order.renditions)
    problem: FileProblem | None = None
    try:
        home = folders.of(order.out, lesson)
        result.folder = str(home)
        with alone(home / folders.OWNER):
            sums = folders.Sums(home)
            for path, file in wanted:
                state: State = "present"
                try:
                    if not sums.has(path, file, lesson.started, thorough=order.verify):
                        state = "fetched"
                        _file(link, file, home / path, show)
                    sums.add(path, file, lesson.started)
                except FileProblem as error:
                    problem, state = problem or error, error.state
                result.files.append(FileResult(path, file.bytes, file.sha256, state))
                show.say(f"  {path}  {size(file.bytes)}  {_WORDS[state]}")
    except OSError as error:
        raise of_disk(error, order.out / folders.SUMS, 0) from error
    if problem is not None:
        raise problem


def _file(link: Server, file: File, target: Path, show: Show) -> None:
    show.begin(target.name, file.bytes)
    try:
        fetch(link, file, target, show)
    finally:
        show.end()
