"""A lesson's recordings sent while they still grow, when the link has nothing better to carry.

Only bytes that a later fragment proves durable are sent, so no power cut takes back what the server has. The room notes
nothing of it: created again, the upload is the same one and says how far it is; and when the kept take is created as an
asset, the server finds that it has the beginning already.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from appliance.spool import keeping
from appliance.spool.layout import Spool
from lms_sync import wire
from lms_sync.client import LinkError, RequestError
from lms_sync.localfile import FileMissing, FileUnreadable, LocalFileError
from lms_sync.transfer import Transfer
from media import journal as journals
from media.lesson import BadLesson

LEAST = 256 * 1024
"""Bytes that must have been recorded since the last request: what goes around them is then less than a hundredth."""
LOOK = 5.0
"""Seconds between two looks when nothing had grown enough."""
REST = 600.0
"""Seconds for which a take is left alone that a server or the disk did not like; it goes as a whole later anyway."""


@dataclass(frozen=True, slots=True)
class Growth:
    """A take that is being recorded. file: of the spool; source: its id; bytes: what is durable of it."""

    lesson: str
    source: str
    file: Path
    bytes: int

    @property
    def asset(self) -> wire.Asset:
        path = f"{self.source}/{self.file.name}"
        return wire.Asset(self.lesson, "take", self.source, path, "master", self.bytes, sha256="")


class GrowingFile:
    """The durable beginning of a take. A ``localfile.Source``; the hash of the whole is not known yet."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def fill(self, into: memoryview, offset: int, *, checked: bool = True) -> None:
        """checked or not: the take is held against its hash when it is kept."""
        await asyncio.to_thread(self._fill, into, offset)

    async def verify(self) -> None:
        """As above."""

    def _fill(self, into: memoryview, offset: int) -> None:
        try:
            with self._path.open("rb", buffering=0) as file:
                count = os.preadv(file.fileno(), [into], offset)
        except OSError as error:
            raise FileUnreadable(f"{self._path} cannot be read: {error.strerror}.") from error
        if count < len(into):
            raise FileMissing(f"{self._path} has less on the disk than was recorded.")


class Growing:
    """One of the agent's. steady: for tests."""

    def __init__(self, spool: Spool, steady: Callable[[], float] = time.monotonic) -> None:
        self._spool = spool
        self._steady = steady
        self._look_at = 0.0
        self._places: dict[Path, _Place] = {}

    def next(self) -> Growth | None:
        """What has grown enough to be sent on, sound before pictures."""
        now = self._steady()
        if now < self._look_at:
            return None
        found = [growth for growth in self._growths() if self._due(growth, now)]
        if not found:
            self._look_at = now + LOOK
        return min(found, key=lambda growth: growth.bytes, default=None)

    async def send(
        self, growth: Growth, transfer: Transfer, go_on: Callable[[], bool], moved: Callable[[], None]
    ) -> None:
        """Bring it to as far as it is durable. go_on: asked between chunks; moved: told after each.

        Raises SyncError, LocalFileError; then it rests, unless it was the link's fault.
        """
        place = self._places.setdefault(growth.file, _Place())
        record = _Record(place, go_on, moved)
        try:
            await transfer.send(growth.asset, GrowingFile(growth.file), record, url=place.url, known=place.sent)
        except LinkError:
            raise
        except (RequestError, LocalFileError):
            place.rests_until = self._steady() + REST
            raise

    def _growths(self) -> Iterator[Growth]:
        """Takes of the lesson that is being recorded, which is always the newest."""
        lesson = max(self._spool.lesson_ids(), default="")
        if not lesson or keeping.is_kept(self._spool, lesson):
            return
        try:
            state = self._spool.read_lesson(lesson).state
        except (OSError, BadLesson):
            return  # it is only just begun, or the recorder's salvage deals with it
        if state not in {"recording", "paused"}:
            self._places.clear()
            return
        for file in sorted(self._spool.lesson_dir(lesson).glob("*/take-*.journal")):
            try:
                last = journals.read_last(file)
            except OSError:
                continue  # it has ended with nothing in it
            if last is not None:  # the one before it was durable when its line was begun
                yield Growth(lesson, file.parent.name, file.with_suffix(".mp4"), last.off)

    def _due(self, growth: Growth, now: float) -> bool:
        place = self._places.get(growth.file)
        if place is None:
            return growth.bytes >= LEAST
        return growth.bytes - place.sent >= LEAST and now >= place.rests_until


@dataclass(slots=True)
class _Place:
    """Where one take stands at the server. rests_until: monotonic seconds."""

    url: str = ""
    sent: int = 0
    rests_until: float = 0.0


@dataclass(frozen=True, slots=True)
class _Record:
    """The transfer's ``Record`` for one call of send."""

    place: _Place
    go_on: Callable[[], bool]
    moved: Callable[[], None]

    def created(self, url: str) -> None:
        self.place.url = url

    def reached(self, offset: int) -> None:
        self.place.sent = offset
        self.moved()
