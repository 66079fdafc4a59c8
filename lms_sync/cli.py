"""The command line of the sync agent. Exit 0 when it is done, 2 on wrong use, 1 otherwise, and then one plain sentence
on standard error.
"""

from __future__ import annotations

import asyncio
import faulthandler
import json
import logging
import os
import signal
import sqlite3
import sys
import time
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import structlog
import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from appliance.spool.layout import Spool
from appliance.spool.ledger import AssetRow, Ledger, LedgerUnreadable
from appliance.spool.targets import BadTargets
from lms_sync import identity, report
from lms_sync.agent import Agent
from lms_sync.control import Control
from lms_sync.delivering import Deliveries
from lms_sync.door import EXPORT_RUNS, AlreadyRunning, only_one
from lms_sync.governor import Governor
from lms_sync.joining import Joining
from lms_sync.priority import step_back
from lms_sync.wire.slip import LARGEST, NAME, BadSlip, Slip

if TYPE_CHECKING:
    from lms_sync.export import Export, Report

DEFAULT_SPOOL = Path("/var/lib/darsbox/spool")

app = typer.Typer(
    name="lms-sync",
    help="Brings the room's lessons to the central server, and the server's receipts back.",
    epilog="Example: lms-sync once --spool /var/lib/darsbox/spool",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

SpoolOption = Annotated[
    Path,
    typer.Option("--spool", metavar="DIR", envvar="DARSBOX_SPOOL", help="The room's spool.", file_okay=False),
]
AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON on standard output.")]


@app.command(epilog="Example: lms-sync run --spool /var/lib/darsbox/spool")
def run(
    spool: SpoolOption = DEFAULT_SPOOL,
    others: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="What other programs took of the link, such as updates; it counts in budgets."
        ),
    ] = None,
) -> None:
    """Send lessons as they come, until stopped."""
    _log_to_stderr()
    faulthandler.enable()  # where a library of C ends the process, the log says so
    step_back()
    place = Spool(spool)
    governor = Governor(place, others=others)
    deliveries = Deliveries(place, pacer=governor.pacer, paused=lambda: governor.barred("master"))

    async def work() -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(Agent(place, governor=governor).run())
            tasks.create_task(deliveries.run())
            tasks.create_task(Control(place).run())
            tasks.create_task(Joining(place).run())

    with only_one(place):
        _until_signalled(work())


@app.command(epilog="Example: lms-sync once --spool /var/lib/darsbox/spool")
def once(spool: SpoolOption = DEFAULT_SPOOL) -> None:
    """Send all that can be sent now, then end: exit 0 when nothing is left."""
    _log_to_stderr(least=logging.ERROR if sys.stderr.isatty() else logging.INFO)  # the bar has the line
    place = _existing(spool)
    identity.read(place)
    with only_one(place):
        left, why = asyncio.run(_send_all(place))
    if left:
        many = f"{left} files" if left > 1 else "1 file"
        _fail(f"{many} could not be sent yet. {why or '`lms-sync status` shows which.'}")
    print("Everything is on the server.", file=sys.stderr)  # noqa: T201 - this is the command's answer


@app.command(epilog="Example: lms-sync status --json")
def status(
    spool: SpoolOption = DEFAULT_SPOOL,
    as_json: Annotated[bool, typer.Option("--json", help="Answer in JSON on standard output.")] = False,
) -> None:
    """What was sent, what waits, and when the server was last heard."""
    place = _existing(spool)
    with Ledger(place.ledger_file) as ledger:
        found = report.gather(place, ledger)
    if as_json:
        print(json.dumps(found, ensure_ascii=False, indent=1))  # noqa: T201 - this is the command's answer
        return
    print("\n".join(report.lines(found, time.time())))  # noqa: T201


@app.command(
    epilog='Example: lms-sync enrol --server https://lessons.example.edu --code 7QK2M-9XDR4 --room "Amphi A"\n\n'
    "Example: lms-sync enrol --from /media/usb"
)
def enrol(
    *,
    server: Annotated[str, typer.Option("--server", metavar="URL", help="The central server's address.")] = "",
    code: Annotated[
        str, typer.Option("--code", metavar="CODE", help="What `lms-server enrol-code ROOM` printed.")
    ] = "",
    room: Annotated[str, typer.Option("--room", metavar="NAME", help="This room's name on the server.")] = "",
    institution: Annotated[
        str, typer.Option("--institution", metavar="I", help="The school or faculty it belongs to.")
    ] = "",
    source: Annotated[
        str,
        typer.Option("--from", metavar="FILE", help="The enrolment file, its stick, or the text of its QR code."),
    ] = "",
    spool: SpoolOption = DEFAULT_SPOOL,
    as_json: AsJson = False,
) -> None:
    """Bind this room to a server by a one-time code, or by a file or QR code that holds it."""
    given = all((server, code, room))
    if bool(source) == any((server, code, room, institution)) or not (source or given):
        raise typer.BadParameter("Give --server, --code and --room; or --from with an enrolment file.")
    try:
        slip = _slip(source) if source else Slip(server, code, room, institution, "", 0.0)
        who, before = asyncio.run(identity.enrol_by(Spool(spool), slip))
    except BadSlip as error:
        _fail(str(error))
    except identity.IdentityError as error:
        if as_json:
            print(json.dumps({"code": error.code, "detail": str(error)}))  # noqa: T201 - this is the command's answer
        raise
    except OSError as error:
        _fail(f"{error.filename or spool} cannot be used: {error.strerror}.")
    if as_json:
        print(json.dumps({"server": who.server, "room": who.room}))  # noqa: T201
        return
    said = "was enrolled with" if before else "is enrolled with"
    print(f"This room {said} {who.server} as {who.room}.")  # noqa: T201 - this is the command's answer


def _slip(source: str) -> Slip:
    """Raises BadSlip, OSError."""
    if source.lstrip().startswith("{"):
        return Slip.read(source.encode())
    file = Path(source)
    with (file / NAME if file.is_dir() else file).open("rb") as opened:
        return Slip.read(opened.read(LARGEST + 1))


StickArgument = Annotated[Path, typer.Argument(metavar="DIR", help="Where the stick is mounted.", show_default=False)]


@app.command(epilog="Example: lms-sync export /media/usb")
def export(
    stick: StickArgument,
    spool: SpoolOption = DEFAULT_SPOOL,
    whole: Annotated[
        bool, typer.Option("--whole", help="Also what the server has said it has of a file that is half there.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Put what the server lacks on a stick, sealed, after taking up the receipts on it.

    It can be stopped, and the stick pulled out, at any time: the next export goes on from there.
    """
    from lms_sync.export import Export  # noqa: PLC0415 - the agent, which runs for months, needs nothing of sticks

    step_back()
    place = _existing(spool)
    with _stick_in_use(place):
        found = asyncio.run(_fill(Export(place, identity.read(place), stick, whole=whole), place))
    if as_json:
        print(json.dumps(found.as_json(), ensure_ascii=False, indent=1))  # noqa: T201 - this is the command's answer
    for sentence in (*found.problems, found.hint):
        if sentence:
            _say_error(sentence)
    if not as_json:
        print(found.sentence)  # noqa: T201
    if found.problems:
        raise typer.Exit(1)


@app.command(epilog="Example: lms-sync receipts /media/usb")
def receipts(stick: StickArgument, spool: SpoolOption = DEFAULT_SPOOL, as_json: AsJson = False) -> None:
    """Take up the server's receipts from a stick that has come back."""
    from lms_sync.export import find  # noqa: PLC0415 - as above

    place = _existing(spool)
    with _stick_in_use(place), Ledger(place.ledger_file) as ledger:
        found = find(place, ledger, identity.read(place), stick)
        left = sum(row.state != "receipted" for row in ledger.assets())
    if as_json:
        print(json.dumps({"receipts": found.count, "left": left, "problems": found.bad}, indent=1))  # noqa: T201
    for sentence in found.bad:
        _say_error(sentence)
    if not as_json:
        many = "1 receipt was" if found.count == 1 else f"{found.count} receipts were"
        print(f"{many} taken up from the stick; {left or 'no'} files still wait for the server.")  # noqa: T201
    if found.bad:
        raise typer.Exit(1)


def main(arguments: Sequence[str] | None = None) -> None:
    """The entry point: no traceback reaches a user."""
    try:
        app(arguments)
    except (identity.IdentityError, AlreadyRunning, LedgerUnreadable, BadTargets) as error:
        _say_error(str(error))
    except sqlite3.Error as error:
        _say_error(f"The ledger cannot be read: {error}.")
    except OSError as error:
        _say_error(f"{error.filename or 'The spool'}: {error.strerror or error}.")
    else:
        return
    sys.exit(1)


# -- running
# ----------------------------------------------------------------------------------------------------------


def _until_signalled(work: Coroutine[Any, Any, None]) -> None:
    """Run until SIGTERM or SIGINT, which end it in order."""

    async def guarded() -> None:
        task = asyncio.ensure_future(work)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, task.cancel)
        try:
            await task
        except asyncio.CancelledError:
            structlog.get_logger("lms_sync").info("agent.stopped")

    asyncio.run(guarded())


@contextmanager
def _stick_in_use(place: Spool) -> Iterator[None]:
    """One at a time on a spool; what the stick does wrong is one sentence."""
    from lms_sync.carrier import StickBad  # noqa: PLC0415 - as above
    from lms_sync.export import CannotExport  # noqa: PLC0415

    owner = place.ledger_file.stat().st_uid
    if owner != os.geteuid():
        _fail(f"Run this as the room's own user (number {owner}), or the room could not use what is written.")
    try:
        with only_one(place, "sticks.lock", EXPORT_RUNS):
            yield
    except CannotExport as error:
        _fail(str(error))
    except StickBad as error:
        _fail(str(error.strerror))
    except OSError as error:
        _fail(f"The stick cannot be used: {error.strerror or error}. Put it in and do it again; it goes on from there.")


async def _fill(work: Export, place: Spool) -> Report:
    """With a progress bar on a terminal. Raises CannotExport, OSError, LedgerUnreadable."""
    with Ledger(place.ledger_file) as ledger, _bar("Writing", shown=True) as bar:
        task = bar.add_task("", total=None)
        return await work.run(
            ledger,
            lambda count: bar.update(task, total=count),
            lambda row, count: bar.update(task, advance=count, description=row.path),
        )


def _bar(what: str, *, shown: bool) -> Progress:
    """On a terminal, how far it is."""
    return Progress(
        TextColumn(what),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        TextColumn("left  {task.description}", markup=False),
        console=Console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty() or not shown,
    )


async def _send_all(place: Spool) -> tuple[int, str]:
    """How many assets are left, and why. With a progress bar on a terminal. Raises LedgerUnreadable."""
    with Ledger(place.ledger_file) as ledger:
        rows = [row for row in ledger.assets() if row.state != "receipted"]
    sent = {(row.lesson, row.path): row.sent for row in rows}
    with _bar("Sending", shown=bool(rows)) as bar:
        task = bar.add_task("", total=sum(row.bytes for row in rows), completed=sum(sent.values()))

        def moved(row: AssetRow, reached: int) -> None:
            sent[row.lesson, row.path] = reached
            bar.update(task, completed=sum(sent.values()), description=row.path)

        agent = Agent(place, moved=moved)
        left = await agent.once()
    return len(left), agent.detail


# -- saying
# -----------------------------------------------------------------------------------------------------------


def _existing(spool: Path) -> Spool:
    place = Spool(spool)
    if not place.ledger_file.is_file():
        _fail(f"{spool} holds no ledger; give the room's spool with --spool.")
    return place


def _log_to_stderr(*, least: int = logging.INFO) -> None:
    """JSON lines, or something readable on a terminal."""
    terminal = sys.stderr.isatty()
    renderer: Any = structlog.dev.ConsoleRenderer() if terminal else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def _say_error(sentence: str) -> None:
    print(sentence, file=sys.stderr)  # noqa: T201 - a command answers its user


def _fail(sentence: str) -> NoReturn:
    _say_error(sentence)
    raise typer.Exit(1)


if __name__ == "__main__":
    main()
