"""Tries the room before class, at the times of ``[selftest]`` and at a touch, while nothing is recorded.

The work is done by ``python -m appliance.selftest``, which asks this daemon for pictures and levels as a panel does: so
the preview, which gives every device back at a touch on Start, holds the devices, and the test only loses its turn.
What it found is kept in the spool, for the daemon that comes next, and counts for this run of the machine only.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field

from appliance.events import Bus, SelfTested
from appliance.recorder.pipes import as_a_guest, put_down, tell
from appliance.recorder.plan import SourcePlan
from appliance.schedule import BEFORE, SelftestTable, due, due_before
from appliance.spool.layout import Spool, write_atomically
from appliance.thresholds import JudgeTable

MODULE = "appliance.selftest"
LOOK = 5.0
"""Seconds between two looks at the clock: it may be set at any time, so nobody sleeps until the hour."""
YIELD = 0.1
"""Seconds between two looks whether a lesson has begun."""
LONGEST = 60.0
"""Seconds after which a test has failed."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Wrong:
    """A source and what the judge says of it, as a code of ``recorder.judge.facts`` or ``source-lost``."""

    source: str
    code: str


@dataclass(frozen=True, slots=True)
class Tested:
    """at: Unix seconds, as the room's clock had it; sources: how many were tried."""

    at: float
    sources: int
    wrong: tuple[Wrong, ...] = ()


@dataclass(slots=True)
class _Memory:
    """done: the machine's uptime at the last test of each time of day."""

    done: dict[str, float] = field(default_factory=dict)
    last: Tested | None = None


class SelfTesting:
    """Belongs to the event loop's thread. last: the last test in this run of the machine, until a lesson."""

    def __init__(
        self,
        table: SelftestTable,
        judge: JudgeTable,
        sources: Sequence[SourcePlan],
        spool: Spool,
        bus: Bus,
        *,
        url: str,
        ffmpeg: str,
        boot: str,
        idle: Callable[[], bool],
        ahead: Callable[[], float | None] = lambda: None,
    ) -> None:
        """url: of this daemon; boot: what tells this run of the machine from others; idle: no lesson is on; ahead:
        seconds until the next lesson of the timetable, None when there is none."""
        self._ahead = ahead
        self._table = table
        self._idle = idle
        self._bus = bus
        self._file = spool.root / "selftest.json"
        self._boot = boot
        self._sources = sum(source.capture is not None for source in sources)
        order = {
            "url": url,
            "ffmpeg": ffmpeg,
            "judge": judge.model_dump(mode="json"),
            "sources": {source.id: source.media for source in sources if source.capture is not None},
        }
        self._order = json.dumps(order).encode()
        self._memory = self._recall()
        self._wished = asyncio.Event()
        self._testing = False

    @property
    def testing(self) -> bool:
        """Whether the room is being tried, or will be in a moment."""
        return self._testing or self._wished.is_set()

    def wish(self) -> bool:
        """Somebody wants a test now, or joins the one that goes on; False while a lesson is on, and where there is
        nothing to try."""
        if not self._sources or not self._idle():
            return False
        if not self._testing:
            self._wished.set()
        return True

    @property
    def last(self) -> Tested | None:
        return self._memory.last

    async def run(self, ready: asyncio.Event) -> None:
        """Until cancelled. ready: set when the recorder has recovered what a crash left."""
        await ready.wait()
        while self._sources:
            if self.last is not None and not self._idle():
                self._memory.last = None  # a lesson is judged itself, and the room may be another after it
                await asyncio.to_thread(self._note)
            uptime = time.clock_gettime(time.CLOCK_BOOTTIME)
            at = self._due(uptime) if self._idle() else None
            if at is not None:
                self._memory.done[at] = uptime
            if at is not None or self._wished.is_set():
                await self._try()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK):
                    await self._wished.wait()
        await asyncio.Event().wait()

    def _due(self, uptime: float) -> str | None:
        ahead = self._ahead()
        if (
            ahead is not None
            and self._table.before_minutes
            and due_before(self._table, ahead, uptime, self._memory.done)
        ):
            return BEFORE
        return due(self._table, time.localtime(), uptime, self._memory.done)

    async def _try(self) -> None:
        self._testing = True
        self._wished.clear()
        try:
            await self._test()
        finally:
            self._testing = False

    async def _test(self) -> None:
        """One test; given up without a word when a lesson begins."""
        # Noted before: a test that kills the daemon is not made again and again.
        await asyncio.to_thread(self._note)
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", MODULE, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, preexec_fn=as_a_guest
            )
        except OSError as error:
            log.error("The self-test could not be started: %s.", error.strerror)
            return
        working = asyncio.ensure_future(_answer(process, self._order))
        try:
            until = time.monotonic() + LONGEST
            while not working.done() and self._idle() and time.monotonic() < until:
                await asyncio.wait([working], timeout=YIELD)
            if working.done():
                await self._take_in(working.result())
            else:
                log.info("The self-test was given up%s.", "" if self._idle() else ", for a lesson has begun")
        finally:
            await put_down(process)
            working.cancel()

    async def _take_in(self, said: bytes) -> None:
        try:
            wrong = tuple(Wrong(str(item["source"]), str(item["code"])) for item in json.loads(said))
        except (ValueError, KeyError, TypeError):
            log.error("The self-test failed; appliance doctor says more.")
            return
        self._memory.last = Tested(round(time.time(), 3), self._sources, wrong)
        self._testing = False  # whoever wants one from now on has seen this one's answer, and gets another
        for each in wrong:
            log.warning("Self-test: %s: %s.", each.source, each.code)
        log.info("The self-test found %d of %d sources in order.", self._sources - len(wrong), self._sources)
        await asyncio.to_thread(self._note)
        self._bus.publish(SelfTested(tuple((each.source, each.code) for each in wrong)))

    def _note(self) -> None:
        body = {
            "boot": self._boot,
            "done": self._memory.done,
            "last": asdict(self._memory.last) if self._memory.last else None,
        }
        try:
            write_atomically(self._file, json.dumps(body).encode() + b"\n")
        except OSError as error:
            log.warning("What the self-test found could not be noted: %s.", error.strerror)

    def _recall(self) -> _Memory:
        """What an earlier daemon of this run of the machine noted; nothing when it cannot be read."""
        try:
            body = json.loads(self._file.read_bytes())
            if body["boot"] != self._boot:
                return _Memory()
            last = body["last"]
            wrong = tuple(Wrong(str(item["source"]), str(item["code"])) for item in last["wrong"]) if last else ()
            return _Memory(
                {str(at): float(uptime) for at, uptime in body["done"].items()},
                Tested(float(last["at"]), int(last["sources"]), wrong) if last else None,
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return _Memory()


async def _answer(process: Process, order: bytes) -> bytes:
    """All that it says, which is nothing when it ended before it could hear."""
    with contextlib.suppress(OSError):
        await tell(process, order)
    if process.stdin is not None:
        process.stdin.close()
    return await process.stdout.read() if process.stdout is not None else b""
