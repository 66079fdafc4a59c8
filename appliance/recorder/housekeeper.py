"""Keeps room on the disk, in the background: never on the way of a recording.

Looks every hour; at once when a lesson begins or the disk is full; and oftener while a lesson runs on a short disk.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
from collections.abc import Callable

from appliance.spool.layout import Spool
from appliance.spool.retention import Outcome, make_room

log = logging.getLogger(__name__)

FIRST = 20.0
"""Seconds after the start of the daemon, which has better things to do then."""
HOUR = 3600.0
LOOK = 15.0
"""Seconds between two looks at a disk that a lesson is filling: some 20 MB of a room with three cameras."""
AGAIN = 60.0
"""Seconds before a short disk is looked through again: receipts may have come meanwhile."""


class Housekeeper:
    """freeable: bytes that could be let go, as of the last look; the forecast counts them as room."""

    def __init__(self, spool: Spool, keep_free: float, recording: Callable[[], bool]) -> None:
        """keep_free: share of the disk, 0 to 1."""
        self.freeable = 0
        self._spool = spool
        self._keep_free = keep_free
        self._recording = recording
        self._called = asyncio.Event()
        self._turn = asyncio.Lock()
        self._refusal = ""

    def call(self) -> None:
        """Look at once."""
        self._called.set()

    async def run(self) -> None:
        """Until cancelled."""
        await self._wait(FIRST)
        while True:
            await self.make_room()
            await self._wait(AGAIN if self._short() else HOUR)

    async def make_room(self) -> None:
        """Let go of what may go, if the disk is short; an error is said and changes nothing."""
        async with self._turn:
            try:
                outcome = await asyncio.to_thread(make_room, self._spool, self._keep_free)
            except OSError as error:
                outcome = Outcome(refusal=f"Making room on the disk failed: {error.strerror or error}.")
            self.freeable = outcome.freeable
            if outcome.refusal and outcome.refusal != self._refusal:
                log.warning("%s", outcome.refusal)
            self._refusal = outcome.refusal

    async def _wait(self, seconds: float) -> None:
        """So long, but not longer than until somebody calls, or until a running lesson has made the disk short."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        was_short = self._short()
        while (left := end - loop.time()) > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(left, LOOK) if self._recording() else left):
                    await self._called.wait()
            if self._called.is_set() or (not was_short and self._short()):
                break
        self._called.clear()

    def _short(self) -> bool:
        disk = shutil.disk_usage(self._spool.root)
        return disk.free < disk.total * self._keep_free
