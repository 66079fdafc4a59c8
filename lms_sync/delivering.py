"""Whole lessons to the targets beside the room's server: each lesson to each target, oldest first, one at a time.

Waits for the hours that ``[sync]`` leaves, and holds its rate. Everything it knows is in the spool
(``appliance.spool.targets``), so it may be killed at any instant. A target that is lost is said once, and once when it
is back.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import structlog

from appliance.spool import keeping
from appliance.spool import targets as spooled
from appliance.spool.layout import Spool
from appliance.spool.targets import Progress, Target
from lms_sync.health import Troubles
from lms_sync.pace import Backoff
from lms_sync.pacer import Pacer
from lms_sync.targets import Errand, Film, LessonTarget, TargetError, TargetLost
from lms_sync.targets.opencast import Opencast
from media.lesson import BadLesson, Lesson

LOOK = 10.0
"""Seconds between two looks for a lesson that a target lacks."""
REFUSED_AGAIN = 6 * 3600.0

log = structlog.get_logger("lms_sync.targets")

Connect = Callable[[Target, httpx.AsyncBaseTransport], LessonTarget]


class Deliveries:
    """pacer: what bodies wait for. paused: why nothing may be sent now, or "". connect, backoff: for tests."""

    def __init__(
        self,
        spool: Spool,
        *,
        pacer: Pacer,
        paused: Callable[[], str],
        connect: Connect = Opencast,
        backoff: Backoff | None = None,
    ) -> None:
        self._spool = spool
        self._pacer = pacer
        self._paused = paused
        self._connect = connect
        self._backoff = backoff or Backoff()
        self._troubles = Troubles()
        self._done: set[tuple[str, str]] = set()

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            if not await self.once():
                await asyncio.sleep(LOOK)

    async def once(self) -> bool:
        """One lesson to one target, if one waits there. True when there may be another."""
        try:
            targets = spooled.read(self._spool)
            self._troubles.end("targets")
        except (spooled.BadTargets, OSError) as error:
            self._troubles.begin("targets", "targets-unreadable", str(error))
            return False
        if not targets or self._paused():
            return False
        for lesson_id in self._spool.lesson_ids():
            for target in targets:
                if (lesson_id, target.id) not in self._done and await self._deliver(lesson_id, target):
                    return True
        return False

    async def _deliver(self, lesson_id: str, target: Target) -> bool:
        """Whether something was tried."""
        reached = spooled.progress(self._spool, lesson_id, target.id)
        if reached.state == "delivered":
            self._done.add((lesson_id, target.id))
            return False
        now = time.time()
        if now < reached.retry_at < now + 2 * REFUSED_AGAIN:
            return False
        try:
            lesson = self._spool.read_lesson(lesson_id)
        except (BadLesson, OSError):
            return False  # the daemon deals with it and says so
        if lesson.state != "kept" or keeping.is_kept(self._spool, lesson_id):
            return False
        if not lesson.takes or any(
            not (self._spool.lesson_dir(lesson_id) / take.file).exists() for take in lesson.takes
        ):
            self._done.add((lesson_id, target.id))  # let go before this target came to be
            return False
        log.info("target.sending", target=target.id, lesson=lesson_id)
        try:
            self._keep(lesson_id, target, replace(reached, state="sending"))
            await self._send(lesson, target, reached)
        except (TargetError, OSError) as error:
            self._failed(lesson_id, target, error)
        else:
            self._keep(lesson_id, target, Progress("delivered"))
            self._troubles.end(f"target {target.id}")
            log.info("target.delivered", target=target.id, lesson=lesson_id)
        return True

    async def _send(self, lesson: Lesson, target: Target, reached: Progress) -> None:
        folder = self._spool.lesson_dir(lesson.id)

        def keep(memory: Mapping[str, Any]) -> None:
            self._keep(lesson.id, target, Progress("sending", memory))

        with ExitStack() as stack:

            def films() -> Sequence[Film]:
                from lms_sync.films import films_of  # noqa: PLC0415 - a room without targets never loads it

                work = stack.enter_context(tempfile.TemporaryDirectory(prefix=".target-", dir=folder))
                return films_of(lesson, folder, Path(work))

            transport = Paced(self._pacer)
            there = self._connect(target, transport)
            try:
                await there.deliver(Errand(lesson, reached.memory, keep, films))
            finally:
                await transport.aclose()

    def _failed(self, lesson_id: str, target: Target, error: Exception) -> None:
        before = spooled.progress(self._spool, lesson_id, target.id)
        lost = isinstance(error, TargetLost | OSError)
        code = error.code if isinstance(error, TargetError) else "local-file-unreadable"
        attempts = before.attempts + 1
        wait = self._backoff.wait(attempts + 1) if lost else REFUSED_AGAIN
        reached = replace(before, state="waiting" if lost else "refused", problem=code, attempts=attempts)
        self._keep(lesson_id, target, replace(reached, retry_at=time.time() + wait))
        self._troubles.begin(f"target {target.id}", code, str(error))

    def _keep(self, lesson_id: str, target: Target, reached: Progress) -> None:
        spooled.keep(self._spool, lesson_id, target.id, reached)


class Paced(httpx.AsyncBaseTransport):
    """The network, with every body held to the rate that the room's link may carry for lessons."""

    def __init__(self, pacer: Pacer) -> None:
        self._pacer = pacer
        self._network = httpx.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if isinstance(request.stream, httpx.AsyncByteStream):
            request.stream = _PacedBody(request.stream, self._pacer)
        return await self._network.handle_async_request(request)

    async def aclose(self) -> None:
        await self._network.aclose()


class _PacedBody(httpx.AsyncByteStream):
    def __init__(self, body: httpx.AsyncByteStream, pacer: Pacer) -> None:
        self._body = body
        self._pacer = pacer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._body:
            await self._pacer.take(len(part))
            yield part

    async def aclose(self) -> None:
        await self._body.aclose()
