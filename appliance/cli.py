"""The room's command line. Nothing heavy is imported before it is known what is wanted.

Exit 0 on success, 2 on wrong use, 1 otherwise, and then one plain sentence on standard error.
"""

from __future__ import annotations

import faulthandler
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote

import typer

from appliance import pinning
from appliance.errors import RoomError

DEFAULT_URL = "http://127.0.0.1:8400"
DEFAULT_CONFIG = Path("/etc/darsbox/room.toml")
DEFAULT_SPOOL = Path("/var/lib/darsbox/spool")

app = typer.Typer(
    help="The smart classroom's recorder.\n\nExample: appliance start --title 'Analyse II'",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)

app.add_typer(pinning.app, name="pin")

Url = Annotated[str, typer.Option("--url", envvar="DARSBOX_URL", help="The room's daemon.", metavar="URL")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
ConfigFile = Annotated[Path, typer.Option("--config", envvar="DARSBOX_CONFIG", help="The room's file.")]
SpoolFolder = Annotated[Path | None, typer.Option("--spool", envvar="DARSBOX_SPOOL", help="Where lessons are kept.")]


# -- the daemon


@app.command(epilog="Example: appliance run --config room.toml --spool ./spool")
def run(
    config: ConfigFile = DEFAULT_CONFIG,
    spool: SpoolFolder = None,
    host: Annotated[str | None, typer.Option(help="Listen there instead of where room.toml says.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Listen there; 0 takes any free port.")] = None,
    dump_config: Annotated[bool, typer.Option("--dump-config", help="Print what is in force, and end.")] = False,
) -> None:
    """Run the room's daemon until it is told to stop."""
    from appliance import config as configuration  # noqa: PLC0415 - see the module's docstring

    room = configuration.load(config)
    if dump_config:
        typer.echo(room.dump(), nl=False)
        return
    from appliance import logs, main  # noqa: PLC0415

    api = configuration.listening(room.tables.api, host, port)
    logs.configure()
    faulthandler.enable()  # where a library of C ends the process, the log says so
    main.run(room, spool or DEFAULT_SPOOL, api.host, api.port)


@app.command("config", epilog="Example: appliance config --config room.toml --dump")
def check_config(
    config: ConfigFile = DEFAULT_CONFIG,
    dump: Annotated[bool, typer.Option("--dump", help="Print what is in force, without secrets.")] = False,
) -> None:
    """Check room.toml; print what is in force."""
    from appliance import config as configuration  # noqa: PLC0415

    room = configuration.load(config)
    typer.echo(room.dump() if dump else f"{config} is in order: {len(room.devices)} devices.", nl=not dump)


# -- the teacher's touches


@app.command(epilog="Example: appliance start --title 'Analyse II'")
def start(title: Annotated[str, typer.Option(help="What the lesson is called.")] = "", url: Url = DEFAULT_URL) -> None:
    """Begin a lesson."""
    _order(url, "start", {"title": title})


@app.command(epilog="Example: appliance pause")
def pause(url: Url = DEFAULT_URL) -> None:
    """Stop recording for a while."""
    _order(url, "pause")


@app.command(epilog="Example: appliance resume")
def resume(url: Url = DEFAULT_URL) -> None:
    """Go on after a pause."""
    _order(url, "resume")


@app.command(epilog="Example: appliance mark --label 'Exercise 3'")
def mark(label: Annotated[str, typer.Option(help="What the moment is called.")] = "", url: Url = DEFAULT_URL) -> None:
    """Mark this moment of the lesson."""
    _order(url, "mark", {"label": label})


@app.command(epilog="Example: appliance extend --minutes 20")
def extend(
    minutes: Annotated[int, typer.Option(min=1, max=120, help="For how long after its end.")] = 10,
    url: Url = DEFAULT_URL,
) -> None:
    """Let a lesson that the timetable began run on."""
    _order(url, "extend", {"minutes": minutes})


@app.command(epilog="Example: appliance stop")
def stop(url: Url = DEFAULT_URL) -> None:
    """End the lesson and keep it."""
    _order(url, "stop")


def _order(url: str, order: str, body: dict[str, Any] | None = None) -> None:
    from appliance import client, tables  # noqa: PLC0415

    status = client.ask(url, "POST", f"/api/v1/lesson/{order}", body)
    typer.echo(tables.headline(status))


# -- looking


@app.command(epilog="Example: appliance status --json")
def status(url: Url = DEFAULT_URL, as_json: AsJson = False) -> None:
    """What the room is doing."""
    from appliance import client, tables  # noqa: PLC0415

    answer = client.ask(url, "GET", "/api/v1/status")
    _print(answer, tables.status(answer), as_json)


@app.command(epilog="Example: appliance devices --json")
def devices(url: Url = DEFAULT_URL, as_json: AsJson = False) -> None:
    """Cameras and microphones, and what was found beside them."""
    from appliance import client, tables  # noqa: PLC0415

    answer = client.ask(url, "GET", "/api/v1/devices")
    _print(answer, tables.devices(answer), as_json)


@app.command(epilog="Example: appliance lessons --json")
def lessons(url: Url = DEFAULT_URL, as_json: AsJson = False, spool: SpoolFolder = None) -> None:
    """The lessons kept here, and how far each is on its way.

    With --spool no daemon is needed.
    """
    from appliance import client, tables  # noqa: PLC0415

    if spool is None:
        answer = client.ask(url, "GET", "/api/v1/lessons")
    else:
        from appliance.api.listing import list_lessons  # noqa: PLC0415
        from appliance.spool.layout import Spool  # noqa: PLC0415

        answer = [entry.model_dump(mode="json") for entry in list_lessons(Spool(_existing(spool)))]
    _print(answer, tables.lessons(answer), as_json)


@app.command(epilog="Example: appliance keep 01JD4R6YJ3M3W9VZB0Q7RZB6C5")
def keep(
    lesson: Annotated[str, typer.Argument(help="The lesson's id, from appliance lessons.")],
    undo: Annotated[bool, typer.Option("--undo", help="Let it go to the server after all.")] = False,
    url: Url = DEFAULT_URL,
) -> None:
    """Keep a lesson's recordings in the room.

    They are not sent, and nothing of the lesson is removed here, until that is undone.
    """
    from appliance import client  # noqa: PLC0415

    entry = client.ask(url, "POST", f"/api/v1/lessons/{quote(lesson, safe='')}/keep", {"keep": not undo})
    typer.echo("Its recordings are kept here." if entry["kept_here"] else "Its recordings go to the server.")


@app.command(epilog="Example: appliance doctor --config room.toml")
def doctor(
    config: ConfigFile = DEFAULT_CONFIG,
    spool: SpoolFolder = None,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
    quick: Annotated[bool, typer.Option("--quick", help="Do not look at and listen to every source.")] = False,
) -> None:
    """Look at everything the room needs, and say what to do.

    Every source is looked at or listened to for ten seconds, unless a lesson is recorded.
    """
    from appliance import tables  # noqa: PLC0415
    from appliance.doctor import examine  # noqa: PLC0415

    findings = examine(config, spool or DEFAULT_SPOOL, url, quick=quick)
    _print([finding.as_json() for finding in findings], tables.doctor(findings), as_json)
    bad = [finding for finding in findings if finding.level == "error"]
    if bad:
        raise RoomError(f"{len(bad)} of {len(findings)} checks failed; see what to do above.")


@app.command(
    epilog="Example: appliance export 01JD4R6YJ3M3W9VZB0Q7RZB6C5 --out /media/disk\n\n"
    "Example: appliance export --usb /media/usb"
)
def export(
    *,
    lesson: Annotated[str | None, typer.Argument(help="The lesson's id, from appliance lessons.")] = None,
    out: Annotated[Path | None, typer.Option(help="The folder to write to.")] = None,
    usb: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="A mounted stick: put there, sealed for the server, all that it still lacks."),
    ] = None,
    whole: Annotated[
        bool, typer.Option("--whole", help="With --usb: also what the server said it has of a file that is half there.")
    ] = False,
    compose: Annotated[
        Literal["pip", "side"] | None,
        typer.Option(
            help="Also one film of two pictures: pip (the camera in the slides' corner) or side (beside them)."
        ),
    ] = None,
    spool: SpoolFolder = None,
    as_json: AsJson = False,
) -> None:
    """Make playable files of a lesson; or, with --usb, carry lessons to the server on a stick.

    A lesson becomes one video for each camera, with the sound, and one sound file for each microphone.
    On a stick everything of every lesson goes that the server has not signed for; only the server can read it.
    """
    if usb is not None:
        if lesson is not None or out is not None or compose is not None:
            raise typer.BadParameter("--usb carries everything that the server lacks; leave out the lesson and --out.")
        from appliance.export import carry  # noqa: PLC0415

        raise typer.Exit(carry(_existing(spool or DEFAULT_SPOOL), usb, whole=whole, as_json=as_json))
    if lesson is None or out is None or whole:
        raise typer.BadParameter("Missing: a lesson with --out for files that play, or --usb for a stick.")
    from appliance.export import export_lesson  # noqa: PLC0415

    files = export_lesson(_existing(spool or DEFAULT_SPOOL), lesson, out, compose=compose)
    _print(files, "\n".join(f"{out / file['name']}" for file in files), as_json)


@app.command(epilog="Example: appliance enrol --from /media/usb")
def enrol(
    source: Annotated[
        str, typer.Option("--from", metavar="FILE", help="The enrolment file, its stick, or the text of its QR code.")
    ],
    spool: SpoolFolder = None,
) -> None:
    """Bind this room to the server that made an enrolment file, or bind it anew."""
    from appliance.enrolling import enrol as bind  # noqa: PLC0415

    _as_owner(spool or DEFAULT_SPOOL)
    raise typer.Exit(bind(spool or DEFAULT_SPOOL, ["--from", source]))


@app.command(epilog="Example: appliance adopt /mnt/old/var/lib/darsbox/spool")
def adopt(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="The spool on the disk of the PC that was here before.")],
    spool: SpoolFolder = None,
    as_json: AsJson = False,
) -> None:
    """Take over the lessons on a broken PC's disk, after this one was enrolled as the same room.

    The old disk is only read. It can be stopped and begun again at any time.
    """
    from appliance.adopting import adopt as take_over  # noqa: PLC0415
    from appliance.spool.layout import Spool  # noqa: PLC0415

    place = Spool(_existing(spool or DEFAULT_SPOOL))
    _as_owner(place.root)
    done = take_over(Spool(old), place, lambda lesson: typer.echo(f"Copying {lesson} …", err=True))
    _print(asdict(done), done.sentence, as_json)
    if done.left:
        left = "\n".join(f"{lesson}: {why}." for lesson, why in done.left.items())
        raise RoomError(f"{left}\nThese stay on the old disk; keep it, and read it with ddrescue before you try again.")


def _as_owner(spool: Path) -> None:
    """Raises RoomError: what root writes into a spool, the room cannot read."""
    if spool.exists() and (owner := spool.stat().st_uid) != os.geteuid():
        raise RoomError(f"Run this as the room's own user (number {owner}), or the room could not use what is written.")


def _existing(spool: Path) -> Path:
    if not (spool / "lessons").is_dir():
        raise RoomError(f"There are no lessons in {spool}; name the room's spool with --spool.")
    return spool


def _print(answer: object, text: str, as_json: bool) -> None:
    typer.echo(json.dumps(answer, ensure_ascii=False, indent=1) if as_json else text)


# -- the way in


def main() -> None:
    """The program ``appliance``."""
    sys.exit(entry(sys.argv[1:]))


def entry(arguments: list[str]) -> int:
    """Run one command; returns the exit code."""
    try:
        return int(app(arguments, prog_name="appliance", standalone_mode=False) or 0)
    except typer.TyperException as error:
        complaint, code = error.format_message(), error.exit_code
        if code == 2 and "\n" not in complaint:  # with line feeds it is the help itself, for a bare "appliance"
            complaint = f"{complaint.rstrip('.')}. See appliance --help."
    except RoomError as error:
        complaint, code = error.detail, 1
    except OSError as error:
        complaint, code = f"{error.filename or 'The system'}: {error.strerror or error}.", 1
    except (KeyboardInterrupt, typer.Abort):
        complaint, code = "Interrupted.", 1
    typer.echo(complaint, err=True)
    return code


if __name__ == "__main__":
    main()
