"""The ledger: which assets of which lessons there are, and how far each is on its way.

SQLite, WAL, synchronous=FULL. It is a convenience, not the truth: lesson.json and the receipts are, and a ledger that
is lost or corrupt is set aside and rebuilt from them. Several processes use it at once (daemon, sync agent, command
line), each with its own Ledger. Times are time.time() of the room's own clock, used for leases and back-off only.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

from appliance.spool import renditions
from appliance.spool.layout import Spool, sync_directory
from media.lesson import BadLesson, Lesson

AssetState = Literal["waiting", "sending", "verifying", "receipted", "refused"]
TRANSITIONS: dict[AssetState, frozenset[AssetState]] = {
    "waiting": frozenset({"waiting", "sending", "verifying", "receipted", "refused"}),
    "sending": frozenset({"sending", "waiting", "verifying", "refused"}),
    "verifying": frozenset({"verifying", "waiting", "receipted", "refused"}),
    "refused": frozenset({"refused", "waiting"}),
    "receipted": frozenset({"receipted", "waiting"}),  # a server restored from an old backup is offered it again
}
TIER_ORDER = ("card", "slidecast", "proxy", "master")

_SCHEMA_VERSION = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS asset (
    lesson TEXT NOT NULL, path TEXT NOT NULL, kind TEXT NOT NULL, source TEXT NOT NULL, tier TEXT NOT NULL,
    bytes INTEGER NOT NULL, sha256 TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting', sent INTEGER NOT NULL DEFAULT 0, upload_url TEXT, problem TEXT,
    retry_at REAL NOT NULL DEFAULT 0, attempts INTEGER NOT NULL DEFAULT 0,
    lease_owner TEXT NOT NULL DEFAULT '', lease_until REAL NOT NULL DEFAULT 0,
    PRIMARY KEY (lesson, path)
) STRICT;
CREATE TABLE IF NOT EXISTS note (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
"""
_COLUMNS = "lesson, path, kind, source, tier, bytes, sha256, state, sent, upload_url, problem, retry_at, attempts"
WISH = "wish."
"""Notes that begin so, and end with a lesson's id: send it before all others."""
_WISH = f"EXISTS (SELECT 1 FROM note WHERE key = '{WISH}' || asset.lesson)"  # noqa: S608 - constant text


class IllegalMove(Exception):
    """An asset cannot go from the state it is in to the one asked for."""


class LedgerUnreadable(Exception):
    """The ledger's file is damaged or of a newer program: one sentence says which."""


@dataclass(frozen=True, slots=True)
class AssetRow:
    """One file of a kept lesson on its way to the server. sent: bytes the server has acknowledged."""

    lesson: str
    path: str
    kind: str
    source: str
    tier: str
    bytes: int
    sha256: str
    state: AssetState = "waiting"
    sent: int = 0
    upload_url: str | None = None
    problem: str | None = None
    retry_at: float = 0.0
    attempts: int = 0
    wish: bool = False
    """Somebody asked for this lesson: it goes before all others."""


class Ledger:
    """One connection to the ledger; use it from one thread."""

    def __init__(self, path: Path, patience: float = 10.0) -> None:
        """patience: seconds to wait while another process writes. Raises LedgerUnreadable."""
        self.path = path
        try:
            self._db = sqlite3.connect(path, timeout=patience, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            version = self._db.execute("PRAGMA user_version").fetchone()[0]
            if version > _SCHEMA_VERSION:
                raise LedgerUnreadable(f"{path} was written by a newer Darsbox; update this one.")
            if version < _SCHEMA_VERSION:
                self._db.executescript(_SCHEMA)
                self._db.execute(f"PRAGMA user_version={_SCHEMA_VERSION}")
            self._db.execute(f"SELECT {_COLUMNS} FROM asset LIMIT 1")  # noqa: S608 - constant columns
        except sqlite3.DatabaseError as error:
            raise LedgerUnreadable(f"{path} cannot be read: {error}.") from error

    def close(self) -> None:
        self._db.close()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def whole(self) -> bool:
        """Whether every page of the file makes sense; checked once at the daemon's start."""
        try:
            return bool(self._db.execute("PRAGMA quick_check").fetchone()[0] == "ok")
        except sqlite3.DatabaseError:
            return False

    def add_assets(self, rows: Iterable[AssetRow]) -> None:
        """Enter assets; those already there with the same content keep their state. Idempotent."""
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            for row in rows:
                self._db.execute(
                    """INSERT INTO asset (lesson, path, kind, source, tier, bytes, sha256, state, sent)
                       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                       ON CONFLICT (lesson, path) DO UPDATE SET
                         bytes = excluded.bytes, sha256 = excluded.sha256, state = excluded.state, sent = excluded.sent,
                         upload_url = NULL, problem = NULL, attempts = 0, retry_at = 0
                       WHERE asset.sha256 != excluded.sha256""",
                    (
                        row.lesson,
                        row.path,
                        row.kind,
                        row.source,
                        row.tier,
                        row.bytes,
                        row.sha256,
                        row.state,
                        row.sent,
                    ),
                )

    def assets(self, lesson: str | None = None) -> list[AssetRow]:
        """All assets, or those of one lesson, oldest lesson first."""
        where, values = ("", ()) if lesson is None else ("WHERE lesson = ?", (lesson,))
        rows = self._db.execute(
            f"SELECT {_COLUMNS}, {_WISH} FROM asset {where} ORDER BY lesson, path",  # noqa: S608 - constant text
            values,
        )
        found = [(AssetRow(*row[:-1]), row[-1]) for row in rows]
        return [replace(row, wish=True) if wish else row for row, wish in found]

    def pending(self) -> list[AssetRow]:
        """What has no receipt yet and was not refused, in the order of sending: tier first, then age."""
        rows = [row for row in self.assets() if row.state not in {"receipted", "refused"}]
        return sorted(rows, key=lambda row: (TIER_ORDER.index(row.tier), row.lesson, row.path))

    def claim(self, lesson: str, path: str, owner: str, now: float, seconds: float) -> bool:
        """Take an asset for some seconds; False while another living owner holds it.

        A lease that reaches further ahead than any lease lasts was written under a wrong clock, and does not count.
        """
        done = self._db.execute(
            """UPDATE asset SET lease_owner = ?, lease_until = ? WHERE lesson = ? AND path = ?
               AND (lease_owner IN ('', ?) OR lease_until < ? OR lease_until > ?)""",
            (owner, now + seconds, lesson, path, owner, now, now + 10 * seconds),
        )
        return done.rowcount == 1

    def release(self, lesson: str, path: str, owner: str) -> None:
        self._db.execute(
            "UPDATE asset SET lease_owner = '', lease_until = 0 WHERE lesson = ? AND path = ? AND lease_owner = ?",
            (lesson, path, owner),
        )

    def move(
        self,
        lesson: str,
        path: str,
        state: AssetState,
        *,
        sent: int | None = None,
        upload_url: str | None = None,
        problem: str | None = None,
        retry_at: float = 0.0,
        attempts: int | None = None,
    ) -> None:
        """Put an asset into a state. upload_url and attempts stay unless given; problem is cleared unless given.

        Raises IllegalMove, KeyError (no such asset).
        """
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            found = self._db.execute("SELECT state FROM asset WHERE lesson = ? AND path = ?", (lesson, path)).fetchone()
            if found is None:
                raise KeyError(f"{lesson}/{path}")
            if state not in get_args(AssetState) or state not in TRANSITIONS[found[0]]:
                raise IllegalMove(f"{lesson}/{path} cannot go from {found[0]} to {state}.")
            self._db.execute(
                """UPDATE asset SET state = ?, sent = coalesce(?, sent), upload_url = coalesce(?, upload_url),
                   problem = ?, retry_at = ?, attempts = coalesce(?, attempts) WHERE lesson = ? AND path = ?""",
                (state, sent, upload_url, problem, retry_at, attempts, lesson, path),
            )

    def note(self, key: str, value: str) -> None:
        """Keep a small fact for the panel, e.g. ``sync.last_contact``."""
        self._db.execute(
            "INSERT INTO note VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", (key, value)
        )

    def forget(self, key: str) -> None:
        self._db.execute("DELETE FROM note WHERE key = ?", (key,))

    def notes(self) -> dict[str, str]:
        return dict(self._db.execute("SELECT key, value FROM note").fetchall())


def read_notes(path: Path) -> dict[str, str]:
    """The notes, for a program that may read the ledger and not write beside it. Raises LedgerUnreadable."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=2.0)) as db:
            return dict(db.execute("SELECT key, value FROM note").fetchall())
    except sqlite3.Error as error:
        raise LedgerUnreadable(f"{path} cannot be read: {error}.") from error


def assets_of(spool: Spool, lesson: Lesson) -> list[AssetRow]:
    """What a kept lesson has for the server: its manifest, what was made of it for poor links, every take. States
    follow from the receipts."""
    manifest = spool.lesson_file(lesson.id).read_bytes()
    rows = [
        AssetRow(
            lesson=lesson.id,
            path="lesson.json",
            kind="manifest",
            source="",
            tier="card",
            bytes=len(manifest),
            sha256=hashlib.sha256(manifest).hexdigest(),
        )
    ]
    rows += [
        AssetRow(
            lesson=lesson.id,
            path=made.path,
            kind=made.kind,
            source="",
            tier=renditions.TIERS[made.kind],
            bytes=made.bytes,
            sha256=made.sha256,
        )
        for made in renditions.read(spool, lesson.id).made
    ]
    rows += [
        AssetRow(
            lesson=lesson.id,
            path=take.file,
            kind="take",
            source=take.source,
            tier="master",
            bytes=take.bytes,
            sha256=take.sha256,
        )
        for take in lesson.takes
        if take.sha256  # a take that can no longer be read has none, and could not be sent
    ]
    return [
        AssetRow(row.lesson, row.path, row.kind, row.source, row.tier, row.bytes, row.sha256, "receipted", row.bytes)
        if spool.receipt_of(row.lesson, row.path, row.sha256)
        else row
        for row in rows
    ]


def open_or_rebuild(spool: Spool) -> tuple[Ledger, Path | None]:
    """The room's ledger. A damaged one is set aside, and a new one is made from lesson.json and the receipts.

    Returns the ledger and where the damaged one was put, or None. Called by the daemon at its start.
    """
    spool.prepare()
    aside: Path | None = None
    try:
        ledger = Ledger(spool.ledger_file)
        if not ledger.whole():
            ledger.close()
            raise LedgerUnreadable(f"{spool.ledger_file} is damaged.")
    except LedgerUnreadable:
        aside = _set_aside(spool)
        ledger = Ledger(spool.ledger_file)
    for lesson_id in spool.lesson_ids():
        try:
            lesson = spool.read_lesson(lesson_id)
        except (BadLesson, OSError):
            continue  # the recorder's salvage deals with it and says so
        if lesson.state == "kept":
            ledger.add_assets(assets_of(spool, lesson))
    return ledger, aside


def _set_aside(spool: Spool) -> Path:
    stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
    aside = spool.root / f"ledger.damaged-{stamp}-{os.getpid()}.sqlite"
    for suffix in ("", "-wal", "-shm"):
        part = spool.ledger_file.with_name(spool.ledger_file.name + suffix)
        if part.exists():
            part.replace(aside.with_name(aside.name + suffix))
    sync_directory(spool.root)
    return aside
