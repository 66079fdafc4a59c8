"""What the ledger says of the lessons' way to the server, read anew only when the ledger has changed."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from appliance.api.listing import sent
from appliance.api.views import LastView, SyncView
from appliance.spool.layout import Spool
from appliance.spool.ledger import AssetRow, Ledger, LedgerUnreadable
from media.lesson import BadLesson

INTERVAL = 1.0
"""Seconds between two readings, however often the panel asks."""
_LOOK_BACK = 20
"""Lessons to look through for the last one that was kept."""


@dataclass(frozen=True, slots=True)
class Page:
    """One reading of the ledger."""

    sync: SyncView = field(default_factory=SyncView)
    last: LastView | None = None


class Books:
    """server: the address in room.toml, until the agent has noted the one it speaks to."""

    def __init__(self, spool: Spool, server: str | None) -> None:
        self._spool = spool
        self._server = server
        self._page = Page(SyncView(server=server))
        self._seen: tuple[object, ...] = ()
        self._read_at = 0.0
        self._reading = asyncio.Lock()

    @property
    def page(self) -> Page:
        """The last reading."""
        return self._page

    async def look(self) -> Page:
        """A reading not older than INTERVAL."""
        async with self._reading:
            if time.monotonic() - self._read_at >= INTERVAL:
                self._page = await asyncio.to_thread(self._read)
                self._read_at = time.monotonic()
            return self._page

    def _read(self) -> Page:
        seen = tuple(_stamp(self._spool, suffix) for suffix in ("", "-wal"))
        if seen == self._seen:
            return self._page
        try:
            with Ledger(self._spool.ledger_file) as ledger:
                rows, notes = ledger.assets(), ledger.notes()
        except (LedgerUnreadable, sqlite3.Error):
            return replace(self._page, sync=self._page.sync.model_copy(update={"problem": "ledger-unreadable"}))
        self._seen = tuple(_stamp(self._spool, suffix) for suffix in ("", "-wal"))
        return Page(sync_view(rows, notes, self._server), self._last(rows))

    def _last(self, rows: Sequence[AssetRow]) -> LastView | None:
        for lesson_id in reversed(self._spool.lesson_ids()[-_LOOK_BACK:]):
            try:
                lesson = self._spool.read_lesson(lesson_id)
            except (BadLesson, OSError):
                continue  # the listing shows it as damaged
            if lesson.state == "kept":
                mine = [row for row in rows if row.lesson == lesson_id]
                return LastView(
                    id=lesson_id,
                    title=lesson.title,
                    seconds=round(lesson.seconds, 3),
                    state=lesson.state,
                    bytes=sum(row.bytes for row in mine) or sum(take.bytes for take in lesson.takes),
                    sent=sum(sent(row) for row in mine),
                    receipted=bool(mine) and all(row.state == "receipted" for row in mine),
                )
        return None


def _stamp(spool: Spool, suffix: str) -> tuple[int, int] | None:
    try:
        found = spool.ledger_file.with_name(spool.ledger_file.name + suffix).stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def sync_view(rows: Sequence[AssetRow], notes: Mapping[str, str], server: str | None) -> SyncView:
    """Figures of the lessons that have not arrived whole. Pure."""
    lessons: dict[str, list[AssetRow]] = defaultdict(list)
    for row in rows:
        lessons[row.lesson].append(row)
    waiting = [row for mine in lessons.values() if any(r.state != "receipted" for r in mine) for row in mine]
    return SyncView(
        server=notes.get("sync.server") or server,
        last_contact=_float(notes.get("sync.last_contact")),
        problem=notes.get("sync.problem") or None,
        lessons_total=len(lessons),
        lessons_waiting=len({row.lesson for row in waiting}),
        bytes_total=sum(row.bytes for row in waiting),
        bytes_sent=sum(sent(row) for row in waiting),
    )


def _float(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None
