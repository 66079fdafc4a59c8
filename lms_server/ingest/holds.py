"""One writer per upload in this process; between processes the offset decides, see ``parts``. A room whose link broke
comes back on a new connection before the server knows that the old one is dead: the newcomer is let in, and the old
request stops reading at once, keeping what it may keep."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio

from lms_server.errors import Busy

PATIENCE = 60.0
"""Seconds a newcomer waits for the old request to put away what it has; longer only while a whole file is proven."""
SILENCE = 0.25
LAST_WORDS = 2.0
"""Seconds a request that was asked to stop may be silent, and may go on at all."""


class Hold:
    """``reading`` is the scope in which the holder may be interrupted: while it waits for its peer, never while it
    writes or stores. What the network has delivered already is still taken in."""

    def __init__(self) -> None:
        self.reading: anyio.CancelScope | None = None
        self.done = anyio.Event()
        self._until: float | None = None

    def interrupt(self) -> None:
        if self._until is None:
            self._until = anyio.current_time() + LAST_WORDS
        self.heard()

    def heard(self) -> None:
        """The holder's peer sent something, or somebody waits: how long may it be silent now?"""
        if self.reading is not None and self._until is not None:
            self.reading.deadline = min(anyio.current_time() + SILENCE, self._until)


class Holds:
    def __init__(self) -> None:
        self._holds: dict[str, Hold] = {}

    @asynccontextmanager
    async def of(self, upload_id: str) -> AsyncIterator[Hold]:
        """Raises Busy when the one before does not let go."""
        with anyio.move_on_after(PATIENCE):
            while (before := self._holds.get(upload_id)) is not None:
                before.interrupt()
                await before.done.wait()
        if upload_id in self._holds:
            raise Busy("upload-busy", "Another request is still storing this upload; ask again in a while.")
        hold = self._holds[upload_id] = Hold()
        try:
            yield hold
        finally:
            del self._holds[upload_id]
            hold.done.set()

    def held(self, upload_id: str) -> bool:
        return upload_id in self._holds

    async def interrupt(self, upload_id: str, patience: float) -> None:
        """Ask whoever reads to stop, and wait a little: for HEAD, which wants the offset the next PATCH will find."""
        hold = self._holds.get(upload_id)
        if hold is not None:
            hold.interrupt()
            with anyio.move_on_after(patience):
                await hold.done.wait()
