"""The room's timetable as lessons of the days to come, read again when its file changes and as time goes by.

It is the server's (``spool/timetable.ics``) where there is one, else ``[timetable] file`` of room.toml. Reading is done
by a process of its own (``media.timetable``): no timetable can take the daemon's time or memory.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from asyncio.subprocess import DEVNULL, PIPE
from pathlib import Path

from appliance.recorder.pipes import as_a_guest, put_down, tell
from appliance.recorder.status import Problem
from appliance.spool.layout import Spool
from media.timetable import LARGEST, BadTimetable, Event, Timetable, overlaps
from media.timetable.apart import PATIENCE, SLOW, command, question, understood

BEHIND, AHEAD = 86400.0, 9 * 86400.0
"""Seconds around now whose lessons are known."""
FRESH = 6 * 3600.0
"""Seconds after which the days to come are read anew."""

log = logging.getLogger(__name__)


class Diary:
    """events, problem: of the last reading; there is a timetable at all if ``there``."""

    def __init__(self, spool: Spool, own: str) -> None:
        self._files = (spool.root / "timetable.ics", *([Path(own)] if own else []))
        self._own = Path(own) if own else None
        self._stamp: tuple[object, ...] = ()
        self._read_for = float("-inf")
        self.events: tuple[Event, ...] = ()
        self.problem: Problem | None = None
        self.there = False

    async def look(self, now: float) -> bool:
        """Read it if there is news; whether there was. now: Unix seconds."""
        file, stamp = await asyncio.to_thread(self._find)
        if stamp == self._stamp and abs(now - self._read_for) < FRESH:
            return False
        self._stamp, self._read_for, self.there = stamp, now, file is not None
        try:
            found = await self._read(file, now) if file is not None else Timetable()
            self.problem = None
        except (BadTimetable, OSError) as error:
            found = Timetable()
            said = f"It cannot be read: {error.strerror}." if isinstance(error, OSError) else str(error)
            self.problem = Problem("timetable-unreadable", said, {"file": str(file)})
            log.warning("Timetable %s: %s", file, said)
        self.events = found.events
        self._tell(file, found)
        return True

    def _find(self) -> tuple[Path | None, tuple[object, ...]]:
        for file in self._files:
            try:
                facts = file.stat()
            except OSError:
                continue
            return file, (file, facts.st_ino, facts.st_size, facts.st_mtime_ns)
        if self._own is not None:
            return self._own, (self._own,)  # it was named, so that it is not there is a problem
        return None, ()

    async def _read(self, file: Path, now: float) -> Timetable:
        """Raises BadTimetable, OSError."""
        text = await asyncio.to_thread(_beginning, file)
        process = await asyncio.create_subprocess_exec(
            *command(), stdin=PIPE, stdout=PIPE, stderr=DEVNULL, preexec_fn=as_a_guest
        )
        try:
            async with asyncio.timeout(PATIENCE):
                with contextlib.suppress(OSError):
                    await tell(process, question(text, now - BEHIND, now + AHEAD))
                if process.stdin is not None:
                    process.stdin.close()
                said = await process.stdout.read() if process.stdout is not None else b""
        except TimeoutError as error:
            raise BadTimetable(SLOW) from error
        finally:
            await put_down(process)
        return understood(said)

    def _tell(self, file: Path | None, found: Timetable) -> None:
        if file is None:
            return
        log.info("Timetable %s: %d lessons in the days around now.", file, len(found.events))
        for entry in found.passed_over:
            log.info('Timetable: "%s" is passed over: %s.', entry.title, entry.why)
        for first, second in list(overlaps(found.events))[:5]:
            log.warning('Timetable: "%s" begins before "%s" has ended, and waits for it.', second.title, first.title)


def _beginning(file: Path) -> bytes:
    """At most a byte more than a timetable may have: the reader refuses it then."""
    with file.open("rb") as opened:
        return opened.read(LARGEST + 1)
