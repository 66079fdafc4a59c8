"""``provision``: getting machines ready, keeping them up to date, and the files of their rooms."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from appliance.cli import DEFAULT_CONFIG, DEFAULT_SPOOL, DEFAULT_URL
from provisioning import fleet_orders, slots
from provisioning.doctor import examine
from provisioning.imaging.orders import image
from provisioning.packages import PURPOSES, missing
from provisioning.updating import checkup
from provisioning.updating.orders import update
from provisioning.updating.trust import ANCHOR

app = typer.Typer(
    help="Getting machines ready for Darsbox.",
    epilog="Example: provision doctor --json",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(update, name="update")
app.add_typer(image, name="image")
fleet_orders.add_to(app)


class Purpose(StrEnum):
    """What a machine is to do."""

    RUN = "run"
    TEST = "test"
    SOAK = "soak"


For = Annotated[Purpose, typer.Option("--for", help="What the machine is to do.")]


@app.command(epilog="Example: provision doctor --for test")
def doctor(
    *,
    purpose: For = Purpose.RUN,
    folder: Annotated[Path, typer.Option(help="Where recordings will lie.")] = Path("var"),
    root: Annotated[Path, typer.Option(help="Where the versions of Darsbox lie.")] = slots.ROOT,
    spool: Annotated[Path, typer.Option(envvar="DARSBOX_SPOOL", help="The room's spool.")] = DEFAULT_SPOOL,
    anchor: Annotated[Path, typer.Option(help="The root.json of whose updates the room takes.")] = ANCHOR,
    updates: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Look at a folder of updates too, whose maker you are.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For scripts.")] = False,
) -> None:
    """What this machine lacks, and what to do about it. Exits with 1 when something stops it from working."""
    findings = [*examine(purpose, folder), *checkup.of_room(root, spool, anchor)]
    if updates is not None:
        findings += checkup.of_maker(updates, time.time())
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in findings], indent=1))
    else:
        for finding in findings:
            typer.echo(f"{finding.level:8} {finding.detail}")
            for more in (finding.why, finding.command and f"-> {finding.command}"):
                if more:
                    typer.echo(f"{'':8} {more}")
    raise typer.Exit(any(finding.level == "error" for finding in findings))


@app.command(epilog="Example: sudo apt-get install $(provision packages --for test --missing)")
def packages(
    purpose: For = Purpose.RUN,
    only_missing: Annotated[bool, typer.Option("--missing", help="Only those that are not here.")] = False,
) -> None:
    """The Debian packages, one a line."""
    wanted = PURPOSES[purpose]
    for package in missing(wanted) if only_missing else wanted:
        typer.echo(package.name)


@app.command(epilog="Example: sudo provision bundle --out /tmp/room.tar.gz")
def bundle(
    *,
    out: Annotated[Path, typer.Option(metavar="FILE", help="The archive to write (tar.gz).")],
    config: Annotated[Path, typer.Option(envvar="DARSBOX_CONFIG", help="The room's file.")] = DEFAULT_CONFIG,
    spool: Annotated[Path, typer.Option(envvar="DARSBOX_SPOOL", help="Where lessons are kept.")] = DEFAULT_SPOOL,
    url: Annotated[str, typer.Option(envvar="DARSBOX_URL", help="The room's daemon.")] = DEFAULT_URL,
    logs: Annotated[Path | None, typer.Option(help="A folder of logs, where no journal has them.")] = None,
) -> None:
    """All that who helps from afar asks for, in one file: logs, doctor, what is in force, versions, what waits.

    No password, key or code is in it; titles of lessons only where a log names them.
    """
    from provisioning.bundle import write_bundle  # noqa: PLC0415 - loads the room's own program

    names = write_bundle(out, config, spool, url, logs)
    typer.echo(f"{out}: {', '.join(names)}. Look into it before you send it: tar xzf {out}")


def main() -> None:
    """The console script. No traceback reaches a user."""
    try:
        app()
    except OSError as error:
        typer.echo(f"{error.filename or 'The system'}: {error.strerror or error}.", err=True)
        sys.exit(1)
