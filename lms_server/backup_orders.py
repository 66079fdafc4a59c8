"""Orders that make a backup, and bring a server back from one."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from lms_server.command_line import Data, opened, settings_of
from lms_server.errors import StartError


def add_to(app: typer.Typer) -> None:
    app.command(
        "backup",
        help="Copy the database, the keys and every file that DIR lacks, while the server runs. The keys are in it: "
        "keep it as safe as the server.\n\nExample: lms-server backup --to /mnt/backup",
    )(backup)
    app.command(
        "restore",
        help="Bring a server back from one of the dated folders in a backup, into an empty place.\n\n"
        "Example: lms-server restore --from /mnt/backup/2026-11-29T08-00-00Z --data /var/lib/darsbox/server",
    )(restore)


def backup(
    context: typer.Context, *, to: Annotated[Path, typer.Option(help="Folder of the backups")], data: Data = None
) -> None:
    from lms_server import backup as backups  # noqa: PLC0415  the other commands start without what this one needs

    settings = settings_of(context, data)
    with opened(settings) as database:
        report = backups.make(settings, database, to, time.time())
    typer.echo(f"{report.place}: {report.files} files, {report.bytes:,} bytes; {report.fresh} of them are new.")
    _lost(report.lost)


def restore(
    context: typer.Context,
    *,
    place: Annotated[Path, typer.Option("--from", help="One dated folder of a backup")],
    data: Data = None,
) -> None:
    from lms_server import backup as backups  # noqa: PLC0415  as above

    report = backups.bring_back(settings_of(context, data), place)
    typer.echo(f"The server is back: {report.files} files, {report.bytes:,} bytes. Start it.")
    _lost(report.lost)


def _lost(lost: list[str]) -> None:
    if lost:
        raise StartError(f"{len(lost)} files are not there or damaged, as {lost[0][:16]}…; the rest is whole.")
