"""The hashes of what was salvaged: made while the room works on, for a lesson of gigabytes must not delay its return.

Salvage proves a take's end by the hashes of its fragments; the hash of the whole file, which the server checks, is
needed only when the lesson is kept.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable

from appliance.spool.layout import Spool
from appliance.spool.takes import seal
from media.lesson import Lesson

log = logging.getLogger(__name__)


class Sealer:
    """Belongs to the event loop's thread; the reading is done in others."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._given_up = threading.Event()
        self._jobs: dict[str, asyncio.Task[None]] = {}

    def behind(self, lesson: Lesson, then: Callable[[], Awaitable[None]] | None = None) -> None:
        """Seal the lesson's takes in the background; ``then`` is awaited when all are."""
        self._jobs[lesson.id] = asyncio.create_task(self._work(lesson, then), name=f"seal {lesson.id}")

    async def finish(self, lesson: Lesson) -> None:
        """Every take of the lesson has its hash when this returns, but for one that cannot be read any more."""
        job = self._jobs.pop(lesson.id, None)
        if job is not None:
            await job
        await self._seal(lesson, gently=False)

    async def dismiss(self) -> None:
        """Leave the rest to the next start."""
        self._given_up.set()
        await asyncio.gather(*self._jobs.values())

    async def _work(self, lesson: Lesson, then: Callable[[], Awaitable[None]] | None) -> None:
        await self._seal(lesson, gently=True)
        if then is not None and not self._given_up.is_set():
            await then()

    async def _seal(self, lesson: Lesson, *, gently: bool) -> None:
        folder = self._spool.lesson_dir(lesson.id)
        for take in [take for take in lesson.takes if not take.sha256]:
            try:
                sealed = await asyncio.to_thread(seal, folder / take.file, self._given_up, gently=gently)
            except OSError as error:
                log.error("%s of lesson %s cannot be read and will not be sent: %s", take.file, lesson.id, error)
                continue
            if sealed is None:
                return
            take.sha256 = sealed.sha256
