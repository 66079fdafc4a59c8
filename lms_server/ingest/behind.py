"""Work that is done in a thread while the one who ordered it goes on: the next bytes are read from the network while
the disk takes the last ones."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import anyio
from starlette.concurrency import run_in_threadpool


class Behind:
    """One piece of work at a time, so no more than one waits in memory."""

    def __init__(self) -> None:
        self._work: asyncio.Task[None] | None = None

    async def hand(self, work: Callable[[], None]) -> None:
        """Returns once the work before is done. Raises what that raised."""
        await self.settle()
        self._work = asyncio.create_task(run_in_threadpool(work))

    async def settle(self) -> None:
        """Returns when all is done, whoever is impatient. Raises what the work raised."""
        work, self._work = self._work, None
        if work is not None:
            with anyio.CancelScope(shield=True):
                await work
