"""The room follows its timetable: it begins a lesson at its time if none is on, and ends what it began.

Nothing here waits for a network. Where the room's clock is known to be wrong and nobody has told the time, nothing is
begun or ended, and that is said. What was begun is on record in ``audit.log`` first, and remembered in
``spool/timetable.json``, so that a power cut costs neither a lesson nor its end.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from appliance.errors import AlreadyRecording, DiskFull, NotRecording, RoomError, WrongState
from appliance.events import Bus, LessonChanged
from appliance.recorder.status import Problem
from appliance.recorder.touches import Recorder
from appliance.room import agenda
from appliance.room.agenda import Held, Running
from appliance.room.diary import Diary
from appliance.schedule import TimetableTable
from appliance.spool import audit
from appliance.spool.clock import Clock
from appliance.spool.layout import Spool
from media.timetable import Event

LOOK = 5.0
"""Seconds between two looks at clock and file: the clock may be set at any time."""
AGAIN = 60.0
"""Seconds between two attempts to begin a lesson that could not be begun."""

MUTED = Problem("muted", "A switch in the room says that nobody shall be heard, so no lesson is begun.")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Shown:
    """What the faces show. now: the timetable's lesson of this hour, whether or not it is recorded; lesson: the id of
    the lesson that the timetable began and that is on, ends: Unix seconds at which it will be ended."""

    follows: bool
    now: Event | None
    next: Event | None
    lesson: str = ""
    ends: float | None = None
    problem: Problem | None = None


class Follower:
    """Belongs to the event loop's thread. clock: what the timetable goes by; muted: whether somebody wants nobody to be
    heard; wall: the room's own clock, by which it says when a lesson began."""

    def __init__(
        self,
        table: TimetableTable,
        recorder: Recorder,
        bus: Bus,
        spool: Spool,
        clock: Clock,
        *,
        muted: Callable[[], bool] = lambda: False,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._muted = muted
        self._table = table
        self._recorder = recorder
        self._bus = bus
        self._spool = spool
        self._clock = clock.now
        self._sure = clock.sure
        self._wall = wall
        self._file = spool.root / "timetable.json"
        self._memory = agenda.recall(self._file)
        self._diary = Diary(spool, table.file)
        self._wake = asyncio.Event()
        self._turn = asyncio.Lock()
        self._seen = ""
        self._refused: Problem | None = None
        self._again_at = float("-inf")
        self._clockless = False

    # -- what is shown

    def shown(self) -> Shown | None:
        """None where the room has no timetable, and has begun nothing by one."""
        now, events, held = self._clock(), self._diary.events, self._memory.held
        on = held is not None and held.lesson != "" and held.lesson == self._seen
        if not self._diary.there and not on:
            return None
        problem = self._diary.problem or self._refused
        if now is None:
            problem = Problem("clock-unknown", "The room's clock is wrong; set it, or connect the room to its server.")
        return Shown(
            follows=self._table.follow,
            now=agenda.current(events, now) if now is not None else None,
            next=agenda.following(self._memory, events, now) if now is not None else None,
            lesson=held.lesson if held is not None and on else "",
            ends=self._ends(held) if held is not None and on else None,
            problem=problem,
        )

    def ahead(self) -> float | None:
        """Seconds until the next lesson of the timetable, None when there is none."""
        now = self._clock()
        event = agenda.following(self._memory, self._diary.events, now) if now is not None else None
        return event.begin - now if event is not None and now is not None else None

    # -- what a teacher may do

    async def extend(self, minutes: int) -> None:
        """Let the lesson that the timetable began run on: so long after its end, or after now if that has passed.
        Raises NotRecording, WrongState, DiskFull."""
        async with self._turn:
            await self._extend(minutes * 60.0)
        self._wake.set()

    async def _extend(self, seconds: float) -> None:
        held, now = self._memory.held, self._clock()
        if held is None or not self._seen or held.lesson != self._seen:
            if self._recorder.status().lesson is None:
                raise NotRecording("No lesson is being recorded; start one first.")
            raise WrongState("This lesson was started by hand, so it ends only by hand.")
        end = max(self._ends(held), now if now is not None else 0.0) + seconds
        extra = min(end - held.event.end, agenda.MOST_EXTRA)
        await self._remember(agenda.Memory(replace(held, extra=extra), self._memory.done))

    # -- living

    async def run(self, ready: asyncio.Event) -> None:
        """Until cancelled. ready: set when the recorder has recovered what a crash left."""
        await ready.wait()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._read())
            group.create_task(self._listen())
            while True:
                await self.follow()
                await self._rest()

    async def _read(self) -> None:
        while True:
            now = self._clock()
            if await self._diary.look(now if now is not None else self._wall()):
                self._wake.set()
            await asyncio.sleep(LOOK)

    async def _listen(self) -> None:
        with self._bus.subscribe() as queue:
            while True:
                if isinstance(await queue.get(), LessonChanged):
                    self._wake.set()

    async def _rest(self) -> None:
        """Until the next edge of a lesson, something happens, or it is time for a look."""
        self._wake.clear()
        now, held = self._clock(), self._memory.held
        edges = [edge for event in self._diary.events for edge in (event.begin, event.end)]
        edges += [self._ends(held)] if held is not None else []
        ahead = [edge - now for edge in edges if edge > now] if now is not None else []
        try:
            async with asyncio.timeout(min([LOOK, *ahead])):
                await self._wake.wait()
        except TimeoutError:
            return

    async def follow(self) -> None:
        """Do what is to be done now."""
        async with self._turn:
            await self._follow()

    async def _follow(self) -> None:
        now = self._clock()
        if now is None:
            if self._diary.there and not self._clockless:
                log.warning("The room's clock is wrong, so the timetable begins and ends nothing until it is right.")
            self._clockless = True
            return
        self._clockless = False
        running, events = self._running(now), self._diary.events
        found = agenda.attribute(self._memory, running, self._seen, events, now)
        if found != self._memory:
            await self._remember(found, strict=False)
        held = found.held
        self._seen = held.lesson if held is not None else ""
        if running is not None:
            self._refused = None
        if held is not None and now >= self._ends(held):
            await self._end(held, now)
        elif held is not None and now < held.event.begin - agenda.LATE and self._sure():
            await self._end(held, now)  # a wrong clock had begun it; it will be begun at its time
        elif self._table.follow and running is None and time.monotonic() >= self._again_at:
            event = agenda.to_begin(found, events, now)
            if event is None:
                self._refused = None
            elif self._muted():
                self._refused = MUTED
            else:
                await self._begin(event)

    async def _begin(self, event: Event) -> None:
        try:
            await self._record("start", event)
            await self._remember(agenda.Memory(Held(event, self._wall()), self._memory.done))
            await self._recorder.start(event.title)
        except AlreadyRecording:
            await self._remember(agenda.Memory(None, self._memory.done), strict=False)  # somebody was faster
            return
        except RoomError as error:
            await self._remember(agenda.Memory(None, self._memory.done), strict=False)
            if self._refused is None or self._refused.code != error.code:
                log.warning('The timetable\'s lesson "%s" could not be begun: %s', event.title, error.detail)
            self._refused = Problem(error.code, error.detail, {"title": event.title})
            self._again_at = time.monotonic() + AGAIN
            return
        self._refused = None
        lesson = self._recorder.status().lesson
        log.info('The timetable has begun the lesson "%s".', event.title)
        if lesson is not None and self._memory.held is not None:
            self._seen = lesson.id
            await self._remember(replace(self._memory, held=replace(self._memory.held, lesson=lesson.id)), strict=False)

    async def _end(self, held: Held, now: float) -> None:
        found = agenda.Memory(None, dict(self._memory.done))
        if now >= held.event.begin:
            found.finish(held.event, now)
        try:
            await self._record("stop", held.event)
        except DiskFull as error:
            log.warning("%s", error.detail)  # what ends a recording is obeyed all the same
        lesson = self._recorder.status().lesson
        if lesson is not None and lesson.id == held.lesson:  # else it has just ended
            try:
                await self._recorder.stop()
            except OSError as error:
                log.error("The lesson could not be ended and is tried again: %s.", error.strerror)
                return
            except NotRecording:
                log.info('The lesson "%s" was ended by somebody else just then.', held.event.title)
            else:
                log.info('The timetable has ended the lesson "%s".', held.event.title)
        self._seen = ""
        await self._remember(found, strict=False)

    # -- small things

    def _running(self, now: float) -> Running | None:
        lesson = self._recorder.status().lesson
        if lesson is None:
            return None
        return Running(lesson.id, lesson.started + now - self._wall(), lesson.started)

    def _ends(self, held: Held) -> float:
        return agenda.ends(held, self._diary.events, self._table.overrun_minutes * 60)

    async def _record(self, what: str, event: Event) -> None:
        """Raises DiskFull."""
        line = {"at": round(self._wall(), 3), "what": what, "why": "timetable", "title": event.title, "uid": event.uid}
        try:
            await asyncio.to_thread(audit.note, self._spool, line)
        except OSError as error:
            raise DiskFull("The timetable's order cannot be put on record; free some room on the disk.") from error

    async def _remember(self, memory: agenda.Memory, *, strict: bool = True) -> None:
        """Raises DiskFull if strict; else what cannot be written is remembered until the daemon ends."""
        try:
            await asyncio.to_thread(agenda.note, self._file, memory)
        except OSError as error:
            if strict:
                raise DiskFull("The disk does not take what the timetable began; free some room.") from error
            log.warning("What the timetable began could not be noted: %s.", error.strerror)
        self._memory = memory
