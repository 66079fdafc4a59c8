"""``lms-server import``: the parts put together, and what a person sees of it."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import anyio
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from sqlalchemy.exc import OperationalError

from lms_server import keys
from lms_server.catalog.database import Database
from lms_server.catalog.graves import Graves
from lms_server.catalog.rooms import Rooms
from lms_server.catalog.uploads import Uploads
from lms_server.errors import StartError
from lms_server.ingest.ingest import Ingest
from lms_server.ingest.sticks import BundleReport, Sticks
from lms_server.places import open_places
from lms_server.settings import Settings


def take_in(settings: Settings, database: Database, stick: Path) -> list[BundleReport]:
    """Everything on a stick; with a progress bar on a terminal. The database is migrated.

    Raises StartError, StoreFull.
    """
    if isinstance(settings.database, Path):
        _same_owner(settings.database)
    uploads = Uploads(database, time.time, settings.upload_seconds, settings.new_lessons)
    places = open_places(settings, Graves(database, time.time).spare)
    key, sealing_key = keys.server_key(settings.keys), keys.sealing_key(settings.keys)
    ingest = Ingest(
        settings=settings,
        uploads=uploads,
        parts=places.parts(uploads, time.time),
        store=places.store,
        key=key,
        clock=time.time,
        on_stored=lambda _: None,
    )
    sticks = Sticks(
        settings=settings,
        rooms=Rooms(database, time.time),
        uploads=uploads,
        ingest=ingest,
        key=key,
        sealing_key=sealing_key,
    )
    total = 0
    with Progress(
        TextColumn("Reading"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        TextColumn("left  {task.description}", markup=False),
        console=Console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    ) as bar:
        task = bar.add_task("", total=None)

        def begun(more: int) -> None:
            nonlocal total
            total += more
            bar.update(task, total=total)

        def moved(path: str, count: int) -> None:
            bar.update(task, advance=count, description=path)

        try:
            return anyio.run(sticks.take_in, stick, begun, moved)
        except OperationalError as error:
            raise StartError(
                "The database cannot be written just now; import again, it goes on where it stopped."
            ) from error


def sentence(report: BundleReport) -> str:
    """What came of one room."""
    said = [f"{_many(report.stored)} stored, {_size(report.bytes)}"]
    if report.known:
        said.append(f"{report.known} known before")
    if report.half:
        said.append(f"{_many(len(report.half))} here in part, to go on by the next stick or the link")
    return f"{report.room}: {'; '.join(said)}. {report.receipts or 'No'} new receipts are on the stick."


def _same_owner(file: Path) -> None:
    """What another user writes, the server could not read. Raises StartError."""
    owner = file.stat().st_uid
    if owner != os.geteuid():
        raise StartError(f"Run this as the server's own user (number {owner}), or it could not read what is stored.")


def _many(count: int) -> str:
    return f"{count} file" if count == 1 else f"{count} files"


def _size(count: float) -> str:
    for unit in ("B", "kB", "MB"):
        if count < 999.5:
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"
