"""Backups, and how a server comes back from one.

    DIR/objects/ab/cd/abcd…       every file of the store under its SHA-256, once, however many backups need it
    DIR/2026-11-29T08-00-00Z/     one backup: the database, the keys, and backup.json, which is written last

The database is copied while the server runs (SQLite's online backup, PostgreSQL's pg_dump), then the files that it
names: they never change, and deleted ones are kept for an hour, so nothing that the copy knows is missing. A backup
without backup.json is none. The keys are in it: whoever has a backup can sign as the server.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterable
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlmodel import col, select

from lms_server.catalog.database import Database
from lms_server.catalog.migrate import HEAD, migrate
from lms_server.catalog.tables import Asset, CaptionRow, LessonRow, OutputRow
from lms_server.errors import StartError
from lms_server.places import open_places
from lms_server.settings import Settings
from lms_server.store import NotStored, Store
from lms_server.store.folder import FolderStore, sync_folder

OBJECTS, NOTE = "objects", "backup.json"
SQLITE, POSTGRESQL = "database.sqlite", "database.dump"
KEYS = ("server.jwk", "sealing.jwk", "session.key")


@dataclass(frozen=True, slots=True)
class Report:
    """place: of this backup, or of what was brought back. files, bytes: that it needs; fresh: those that were copied
    now. lost: SHA-256 of files that the store no longer has, or has damaged."""

    place: str
    files: int
    bytes: int
    fresh: int
    lost: list[str]


def make(settings: Settings, database: Database, to: Path, now: float) -> Report:
    """A backup in a new folder under ``to``. Raises StartError, OSError."""
    name = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H-%M-%SZ")
    place = to / name
    _private(to)
    try:
        place.mkdir(mode=0o700)
    except FileExistsError as error:
        raise StartError(f"There is a backup {place} already; wait a second.") from error
    store = open_places(settings, lambda _: None).store
    before = _named(database)
    _copy_database(settings, place)
    keys = place / "keys"
    keys.mkdir(mode=0o700)
    for key in KEYS:
        if (settings.keys / key).exists():
            _copy_private(settings.keys / key, keys / key)
    wanted = {**before, **_named(database)}
    copies = FolderStore(to / OBJECTS)
    fresh, lost = _copy(store, copies, wanted, to / OBJECTS)
    report = Report(str(place), len(wanted), sum(wanted.values()), fresh, lost)
    note = {**asdict(report), "made": now, "form": HEAD, "objects": sorted(set(wanted) - set(lost))}
    half = place / f".{NOTE}"
    half.write_text(json.dumps(note, indent=1), encoding="utf-8")
    _sync(half)
    half.rename(place / NOTE)
    sync_folder(place)
    sync_folder(to)
    return report


def bring_back(settings: Settings, place: Path) -> Report:
    """A server out of a backup, where there is none. It can be begun again after a kill: the database, by which a
    server is known, comes last. Raises StartError, OSError."""
    try:
        note = json.loads((place / NOTE).read_text(encoding="utf-8"))
        wanted = [str(sha256) for sha256 in note["objects"]]
    except (OSError, ValueError, KeyError) as error:
        raise StartError(f"{place} is no whole backup: its {NOTE} is missing or damaged; take another one.") from error
    _refuse_to_overwrite(settings)
    settings.data.mkdir(parents=True, exist_ok=True)
    store = open_places(settings, lambda _: None).store
    copies = FolderStore(place.parent / OBJECTS)
    sizes = {sha256: copies.size(sha256) or 0 for sha256 in wanted}
    settings.uploads.mkdir(parents=True, exist_ok=True)
    fresh, lost = _copy(copies, store, sizes, settings.uploads)
    _private(settings.keys)
    for key in KEYS:
        if (place / "keys" / key).exists():
            _copy_private(place / "keys" / key, settings.keys / key)
    if isinstance(settings.database, Path):
        half = settings.database.with_suffix(".restoring")
        _copy_private(place / SQLITE, half)
        half.rename(settings.database)
        sync_folder(settings.database.parent)
    else:
        options = ("--no-owner", "--exit-on-error", "--single-transaction", f"--dbname={settings.database}")
        _postgresql("pg_restore", *options, str(place / POSTGRESQL))
    migrate(settings.database)
    return Report(str(place), len(wanted), sum(sizes.values()), fresh, lost)


def _named(database: Database) -> dict[str, int]:
    """The files that the database needs, and their lengths."""
    living = select(Asset.sha256, Asset.bytes).join(LessonRow).where(col(LessonRow.deleted).is_(None))
    with database.read() as session:
        found = dict(session.exec(living).all())
        found |= dict(session.exec(select(OutputRow.sha256, OutputRow.bytes)).all())
        found |= dict(session.exec(select(CaptionRow.sha256, CaptionRow.bytes)).all())
    return found


def _copy(source: Store, target: Store, wanted: Iterable[str], aside: Path) -> tuple[int, list[str]]:
    """What the target lacks, each proven by its SHA-256: how many, and which the source does not have whole."""
    fresh, lost = 0, []
    for sha256 in wanted:
        if target.size(sha256) is not None:
            continue
        half = aside / f"half-{sha256[:16]}"
        try:
            if _fetched(source, sha256, half):
                target.adopt(half, sha256)
                fresh += 1
            else:
                lost.append(sha256)
        finally:
            half.unlink(missing_ok=True)
    return fresh, lost


def _fetched(source: Store, sha256: str, half: Path) -> bool:
    digest = hashlib.sha256()
    try:
        pieces = source.read(sha256)
    except NotStored:
        return False
    with half.open("wb") as file:
        for piece in pieces:
            digest.update(piece)
            file.write(piece)
    return digest.hexdigest() == sha256


def _copy_database(settings: Settings, place: Path) -> None:
    if isinstance(settings.database, Path):
        copy = place / SQLITE
        os.close(os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        with closing(sqlite3.connect(settings.database)) as live, closing(sqlite3.connect(copy)) as target:
            live.backup(target, pages=4096, sleep=0.01)
            target.execute("PRAGMA journal_mode=DELETE")
        _sync(copy)
    else:
        dump = place / POSTGRESQL
        _postgresql("pg_dump", "--format=custom", "--no-owner", f"--file={dump}", f"--dbname={settings.database}")
        dump.chmod(0o600)
        _sync(dump)


def _postgresql(program: str, *words: str) -> None:
    """One of PostgreSQL's own programs; passwords come as they come to it anyway. Raises StartError."""
    found = shutil.which(program)
    if found is None:
        raise StartError(f"{program} is not here; install PostgreSQL's client programs of the server's version.")
    done = subprocess.run([found, *words], capture_output=True, text=True, check=False)
    if done.returncode:
        last = done.stderr.strip().rpartition("\n")[2]
        raise StartError(f"{program} failed: {last[:300]}")


def _refuse_to_overwrite(settings: Settings) -> None:
    """Raises StartError when a server is there already."""
    if isinstance(settings.database, Path):
        if settings.database.exists():
            raise StartError(f"{settings.database} is there already; restore into an empty --data.")
        return
    database = Database(settings.database)
    try:
        with database.engine.connect() as connection:
            tables = "SELECT count(*) FROM information_schema.tables WHERE table_schema = current_schema()"
            if connection.exec_driver_sql(tables).scalar():
                raise StartError("The database has tables already; restore into an empty one.")
    finally:
        database.close()


def _copy_private(source: Path, target: Path) -> None:
    """Readable by its owner alone, from its first byte on."""
    with source.open("rb") as file, open(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as copy:
        shutil.copyfileobj(file, copy, 1024 * 1024)
        copy.flush()
        os.fsync(copy.fileno())


def _private(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def _sync(file: Path) -> None:
    with file.open("rb") as opened:
        os.fsync(opened.fileno())
