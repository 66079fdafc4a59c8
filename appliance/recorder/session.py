"""One lesson's state machine: start, pause, resume, mark, stop; and after a crash, on with it.

    (none) ──start──► recording ◄──resume── paused
                          │  ───pause────►    │
                          └──stop──► stopping ◄┘ ──► kept
                          ▲             │
                          └────undo─────┘   (for undo_seconds after a stop that may be undone)

lesson.json is written durably at every arrow. The daemon holds no media: keepers record, evidence says how it goes.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ulid import ULID

from appliance.errors import AlreadyRecording, BadRequest, CannotRecord, DiskFull, NotRecording, WrongState
from appliance.events import Bus, DiskChanged, LessonChanged, Level, SourceChanged
from appliance.recorder import recovery
from appliance.recorder.crew import Crew
from appliance.recorder.evidence import Evidence
from appliance.recorder.glimpse import Glimpse
from appliance.recorder.hotplug import Plug
from appliance.recorder.household import Household
from appliance.recorder.plan import Quality, RecorderPolicy, RoomIdentity, SourcePlan
from appliance.recorder.pulse import Heard
from appliance.recorder.sealing import Sealer
from appliance.recorder.shown import Disk, View
from appliance.recorder.status import RecorderStatus, SourceState
from appliance.spool.layout import Spool, make_directory
from appliance.spool.ledger import Ledger, assets_of
from media.lesson import Lesson, Mark, Source, Span

log = logging.getLogger(__name__)

MAX_TITLE = 200
CRITICAL_BYTES = 16 * 1024 * 1024
"""Below the reserve plus this no lesson is begun."""


@dataclass(frozen=True, slots=True)
class LiveTake:
    """The take a source is writing; whatever its journal lists may be read."""

    file: Path
    journal: Path


@dataclass(frozen=True, slots=True)
class Ended:
    """A stop that may still be undone, until this monotonic instant. paused: the lesson was."""

    until: float
    paused: bool


class Recorder:
    """The room's recorder. All methods belong to the event loop's thread."""

    def __init__(
        self,
        spool: Spool,
        ledger: Ledger,
        sources: Sequence[SourcePlan],
        room: RoomIdentity,
        bus: Bus,
        *,
        household: Household,
        ffmpeg: str,
        runtime: Path,
        policy: RecorderPolicy,
        boot: str,
        at_the_panel: Callable[[], str] = str,
    ) -> None:
        """boot: what tells this run of the machine from every other, for the monotonic clock begins anew with each.
        at_the_panel: the name of the teacher who stands there, empty for a guest."""
        self._spool = spool
        self._ledger = ledger
        self._plans = list(sources)
        self._room = room
        self._bus = bus
        self._household = household
        self._policy = policy
        self._boot = boot
        self._at_the_panel = at_the_panel
        self._lesson: Lesson | None = None
        self._evidence = Evidence(self._plans)
        self._view = View(self._plans, policy, self._evidence)
        self._crew = Crew(
            self._plans,
            spool,
            ffmpeg=ffmpeg,
            socket_file=runtime / "keepers.sock",
            policy=policy,
            boot=self._boot,
            on_unasked_end=self._on_unasked_end,
        )
        self._sealer = Sealer(spool)
        self._turn = asyncio.Lock()
        self._shown: dict[str, SourceState] = {}
        self._wake = asyncio.Event()
        self._full = False
        self._ended: Ended | None = None
        self.ready = asyncio.Event()

    # -- the five touches ---------------------------------------------------------------------------------------------

    async def start(self, title: str) -> None:
        """Begin a lesson of who stands at the panel. Raises AlreadyRecording, CannotRecord, DiskFull, BadRequest."""
        title = " ".join(title.split())
        if len(title) > MAX_TITLE:
            raise BadRequest(f"A title has at most {MAX_TITLE} characters; shorten it.", limit=MAX_TITLE)
        async with self._turn:
            if self._lesson is not None and self._ended is not None:
                await self._finish(self._lesson)  # who starts the next lesson wants nothing of the last one undone
            if self._lesson is not None:
                raise AlreadyRecording("A lesson is being recorded; stop it first.", lesson=self._lesson.id)
            if not any(plan.capture for plan in self._plans):
                raise CannotRecord("The room has no camera or microphone that can be recorded; see appliance doctor.")
            if self._is_full():
                await self._household.make_room()
            if self._is_full():
                raise DiskFull(
                    "The disk has no room for a lesson; deliver or remove older ones.", free=self._disk().free
                )
            lesson = Lesson(
                id=self._crew.armed_for or str(ULID()),
                title=title,
                room=self._room.name,
                institution=self._room.institution,
                language=self._room.language,
                state="recording",
                sources=self._sources(),
                spans=[self._new_span(held=self._evidence.held())],
                teacher=self._at_the_panel(),
            )
            self._evidence.forget()
            self._full = False
            try:
                # The folder first, for the keepers; lesson.json is on the disk before the answer is.
                await asyncio.to_thread(make_directory, self._spool.lesson_dir(lesson.id))
                self._lesson = lesson
                await asyncio.gather(asyncio.to_thread(self._spool.write_lesson, lesson), self._open(lesson))
            except OSError as error:
                await self._crew.close()
                self._lesson = None
                self._wake.set()
                self._household.go_on()
                raise DiskFull(f"The disk does not take the lesson: {error.strerror}.") from error
            self._announce()
            self._household.short_of_room()

    async def pause(self) -> None:
        """Raises NotRecording, WrongState."""
        async with self._turn:
            lesson = self._running()
            if self._ended is not None:  # whoever mutes the room wants nothing held either
                await self._finish(lesson)
                return
            if lesson.state != "recording":
                raise WrongState("The lesson is paused already.", state=lesson.state)
            await self._end_span("paused")
            lesson.state = "paused"
            await self._write(lesson)
            self._announce()
            self._household.go_on()

    async def resume(self) -> None:
        """Raises NotRecording, WrongState."""
        async with self._turn:
            lesson = self._running()
            if lesson.state != "paused":
                raise WrongState("The lesson is not paused.", state=lesson.state)
            lesson.spans.append(self._new_span())
            lesson.state = "recording"
            await asyncio.gather(self._write(lesson), self._open(lesson))
            self._announce()

    async def mark(self, label: str) -> None:
        """Remember this moment. Raises NotRecording, WrongState, BadRequest."""
        label = " ".join(label.split())
        if len(label) > MAX_TITLE:
            raise BadRequest(f"A mark's name has at most {MAX_TITLE} characters; shorten it.", limit=MAX_TITLE)
        moment = time.monotonic()
        async with self._turn:
            lesson = self._running()
            if lesson.state != "recording":
                raise WrongState("A moment can be marked only while the lesson is recorded.", state=lesson.state)
            lesson.marks.append(Mark(len(lesson.spans) - 1, moment, label))
            await self._write(lesson)
            self._announce()

    async def taught_by(self, teacher: str) -> None:
        """Whose lesson it is. Raises NotRecording."""
        async with self._turn:
            lesson = self._running()
            lesson.teacher = teacher
            await self._write(lesson)
            self._announce()

    async def stop(self) -> None:
        """End the lesson and keep it. Raises NotRecording."""
        async with self._turn:
            await self._finish(self._running())

    async def stop_softly(self) -> None:
        """End the lesson here and now, but keep it only after ``undo_seconds``: until then its sources are held in
        memory, and ``undo`` makes what is held the lesson's next stretch. A second stop keeps it at once. Raises
        NotRecording."""
        async with self._turn:
            lesson = self._running()
            if self._ended is not None or not self._policy.undo or lesson.state == "stopping":
                await self._finish(lesson)
                return
            was = lesson.state
            lesson.state = "stopping"
            self._announce()
            if was == "recording":
                await self._end_span("stopped")
            await self._write(lesson)
            self._ended = Ended(time.monotonic() + self._policy.undo, paused=was == "paused")
            if was == "recording":
                await self._household.hand_over_devices()
                self._crew.arm(lesson.id, span=len(lesson.spans), hold=self._policy.undo)
            self._announce()

    async def undo(self) -> None:
        """The lesson goes on as if it had not been stopped. Raises NotRecording, WrongState."""
        async with self._turn:
            lesson, ended = self._running(), self._ended
            if ended is None:
                raise WrongState("There is no stop that could be undone.", state=lesson.state)
            self._ended = None
            lesson.spans[-1].ended = "paused"
            if ended.paused:
                lesson.state = "paused"
                await self._write(lesson)
            else:
                lesson.spans.append(self._new_span(held=self._evidence.held()))
                lesson.state = "recording"
                await asyncio.gather(self._write(lesson), self._open(lesson))
            self._announce()

    def plugged(self, plug: Plug) -> None:
        """A camera or a microphone came, changed or went."""
        if plug.there and plug.media != "button":
            self._crew.wake(plug.media)

    # -- what is shown ------------------------------------------------------------------------------------------------

    def status(self) -> RecorderStatus:
        undo = max(0.0, self._ended.until - time.monotonic()) if self._ended is not None else 0.0
        return self._view.status(self._lesson, self._disk(), ready=self.ready.is_set(), undo=undo)

    def live(self, source: str) -> LiveTake | None:
        """The take this source is writing now, None when it writes none."""
        lesson = self._lesson
        if lesson is None or lesson.state != "recording" or source not in self._crew.keepers:
            return None
        numbers = self._evidence.sources[source].takes
        if not numbers:
            return None
        file = self._spool.lesson_dir(lesson.id) / source / f"take-{max(numbers):03d}.mp4"
        return LiveTake(file, file.with_suffix(".journal"))

    def heard(self) -> Heard | None:
        """What the keepers have said of the lesson that is being recorded, None while none is."""
        if self._lesson is None or self._lesson.state != "recording":
            return None
        last = {name: source.last for name, source in self._evidence.sources.items() if name in self._crew.keepers}
        return Heard(self._spool.lesson_dir(self._lesson.id), last)

    def lateness(self) -> float:
        """Seconds by which the latest fragment since the last call became durable after its last picture."""
        return self._evidence.lateness()

    @property
    def quality(self) -> Quality:
        """How takes are recorded that begin from now on."""
        return self._crew.quality

    @quality.setter
    def quality(self, quality: Quality) -> None:
        self._crew.quality = quality

    async def ease(self, quality: Quality) -> None:
        """Record with this quality from now on: takes that would be others begin anew."""
        async with self._turn:
            if self._lesson is not None and self._lesson.state == "recording":
                await self._crew.ease(self._lesson, quality)

    def glimpse(self, source: str) -> Glimpse | None:
        """A look at what an armed source holds, None when it holds nothing."""
        handle = self._crew.armed.get(source)
        return handle.glimpse if handle is not None else None

    @property
    def owns_devices(self) -> bool:
        """Whether nobody else may open a device: while a lesson is recorded, and between lessons in an armed room."""
        return self.capturing or (self._policy.pre_roll > 0 and self._lesson is None)

    @property
    def capturing(self) -> bool:
        """Whether a lesson is being recorded."""
        return self._lesson is not None and self._lesson.state in {"recording", "stopping"}

    # -- living -------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Recover, then supervise until cancelled; a lesson that runs then is ended in order and kept."""
        self._crew.listen(self._hear)
        try:
            async with self._turn:
                await self._recover()
            self.ready.set()
            while True:
                await self._watch()
        finally:
            if self._lesson is not None:
                async with self._turn:
                    await self._finish(self._lesson)
            await self._crew.disarm()
            await self._sealer.dismiss()
            self._crew.dismiss()

    async def _watch(self) -> None:
        """Publish what changes by time alone. Without a lesson there is nothing to look at, and no tick."""
        if self._lesson is None:
            self._wake.clear()
            await self._arm()
            await self._wake.wait()
            return
        await asyncio.sleep(1.0)
        self._publish_sources()
        if self._ended is not None and time.monotonic() >= self._ended.until:
            await self._settle()

    async def _settle(self) -> None:
        """The time in which a stop could be undone is over."""
        async with self._turn:
            if self._lesson is not None and self._ended is not None:
                await self._finish(self._lesson)

    def _publish_sources(self) -> None:
        lesson = self._lesson
        states = self._evidence.states(wanted=lesson is not None and lesson.state == "recording")
        for name, state in states.items():
            if self._shown.get(name) != state:
                self._bus.publish(SourceChanged(name, state))
        self._shown = states

    def _hear(self, said: dict[str, Any]) -> None:
        lesson, source = self._lesson, self._evidence.sources.get(said["source"])
        if source is None or said["lesson"] != (self._crew.armed_for if lesson is None else lesson.id):
            return
        if lesson is None and said["event"] == "level":
            self._household.overhear(said["source"], said["rms_db"])
        known = source.problem
        source.hear(said)
        match said["event"]:
            case "level" if self._bus.listened:
                self._bus.publish(Level(said["source"], said["rms_db"], said["peak_db"]))
            case "fragment" if self._shown.get(said["source"]) != "recording":
                if known is not None:
                    log.info("Source %s is back.", said["source"])
                self._publish_sources()
            case "lost" | "ended":
                if known != source.problem:  # once when lost, not at every attempt
                    log.warning("Source %s: %s", said["source"], said["detail"])
                self._publish_sources()

    # -- keepers ------------------------------------------------------------------------------------------------------

    async def _open(self, lesson: Lesson) -> None:
        """Start a keeper for every source of the lesson that has none."""
        await self._household.make_way()
        for source in self._crew.open(lesson):
            self._evidence.sources[source].ask(time.monotonic())

    async def _arm(self) -> None:
        """Hold the last seconds before the lesson to come, if the room is to listen before Start."""
        if self._policy.pre_roll:
            async with self._turn:
                if self._lesson is None:
                    await self._household.hand_over_devices()
                    self._crew.arm(str(ULID()), span=0, hold=self._policy.pre_roll)

    async def _on_unasked_end(self, source: str, why: str) -> None:
        """A keeper died: start another; or it ended for good: end the lesson when it was the last."""
        if why in {"disk-full", "disk-error"} and not self._full:
            self._full = True
            self._bus.publish(DiskChanged("full"))
            self._household.short_of_room()
        await self._arm()
        async with self._turn:
            lesson = self._lesson
            if lesson is None or lesson.state != "recording":
                return
            if not why:
                log.warning("The keeper of %s ended unasked; a new one takes over.", source)
                await self._open(lesson)
            elif not self._crew.keepers:
                await self._finish(lesson)

    # -- endings and beginnings ---------------------------------------------------------------------------------------

    async def _end_span(self, why: Literal["paused", "stopped", "cut"]) -> None:
        lesson = self._running()
        await self._crew.close()
        if lesson.spans[-1].ended is None:
            lesson.spans[-1].ended = why
        await asyncio.to_thread(recovery.collect, self._spool, lesson)
        lesson.quality += self._household.report(lesson)
        for name, source in self._evidence.sources.items():
            source.takes = {take.number: take for take in lesson.takes_of(name)}

    async def _finish(self, lesson: Lesson) -> None:
        """Close every take, freeze lesson.json, and enter the lesson's assets into the ledger."""
        lesson.state = "stopping"
        self._announce()
        if self._ended is None:
            await self._end_span("stopped")
        self._ended = None
        await self._crew.disarm()  # what was held for an undo is dropped
        await self._sealer.finish(lesson)
        lesson.state = "kept"
        await self._write(lesson)
        self._lesson = None
        self._evidence.forget()
        await self._deliver(lesson)

    async def _close(self, lesson: Lesson) -> None:
        """End a lesson that was cut off long ago; it is kept as soon as its hashes are known."""
        lesson.state = "stopping"
        await self._end_span("stopped")
        await self._write(lesson)
        self._lesson = None
        self._evidence.forget()

        async def keep() -> None:
            lesson.state = "kept"
            await self._write(lesson)
            await self._deliver(lesson)

        self._sealer.behind(lesson, keep)

    async def _deliver(self, lesson: Lesson) -> None:
        await asyncio.to_thread(self._enter, lesson)
        self._bus.publish(LessonChanged(lesson.id, "kept"))
        self._publish_sources()
        self._household.go_on()

    def _enter(self, lesson: Lesson) -> None:
        # The ledger is a convenience that is rebuilt at the next start: its trouble must not cost the lesson.
        try:
            self._ledger.add_assets(assets_of(self._spool, lesson))
        except (sqlite3.Error, OSError) as error:
            log.error("The ledger did not take lesson %s; it will be rebuilt at the next start: %s", lesson.id, error)

    async def _recover(self) -> None:
        """Adopt, resume or close what a crash or a power cut left."""
        found = await asyncio.to_thread(recovery.unfinished, self._spool)
        for number, lesson in enumerate(found):
            self._lesson = lesson
            newest = number == len(found) - 1
            self._crew.adopt(lesson)
            if newest and lesson.state == "recording" and (self._crew.keepers or await self._resumable(lesson)):
                await self._go_on(lesson)
            elif newest and lesson.state == "paused" and await self._resumable(lesson):
                await self._end_span("paused")
            else:
                log.warning("Lesson %s was cut off; it is closed with all it has.", lesson.id)
                await self._close(lesson)

    async def _go_on(self, lesson: Lesson) -> None:
        """Record again, into the same lesson; the gap is what the takes leave between them."""
        adopted = set(self._crew.keepers)
        known = {source.id for source in lesson.sources}  # a lesson rebuilt from its takes lacks the slower ones
        lesson.sources += [source for source in self._sources() if source.id not in known]
        if not adopted:
            await asyncio.to_thread(recovery.collect, self._spool, lesson)
            self._sealer.behind(lesson)
            if lesson.spans[-1].boot != self._boot:
                lesson.spans[-1].ended = "cut"
                lesson.spans.append(self._new_span())
                await self._write(lesson)
        for name, source in self._evidence.sources.items():
            await asyncio.to_thread(source.recall, self._spool.lesson_dir(lesson.id) / name)
        log.warning("Lesson %s goes on after an interruption (%d sources never stopped).", lesson.id, len(adopted))
        await self._open(lesson)
        self._announce()

    async def _resumable(self, lesson: Lesson) -> bool:
        """Whether the lesson was cut off so lately that it surely still goes on."""
        sign = await asyncio.to_thread(recovery.last_sign, self._spool, lesson)
        boot, mono, wall = sign or (lesson.spans[-1].boot, lesson.spans[-1].mono, lesson.spans[-1].wall)
        age = time.monotonic() - mono if boot == self._boot else time.time() - wall
        # A clock set back by the blackout gives a negative age: then too the lesson goes on rather than being lost.
        return age <= self._policy.resume

    # -- small things -------------------------------------------------------------------------------------------------

    def _running(self) -> Lesson:
        if self._lesson is None:
            raise NotRecording("No lesson is being recorded; start one first.")
        return self._lesson

    def _sources(self) -> list[Source]:
        return [Source(p.id, p.kind, p.media, p.label, p.av_offset_ms, p.driver) for p in self._plans if p.capture]

    def _new_span(self, held: float = 0.0) -> Span:
        return Span(self._boot, time.monotonic(), time.time(), pre_roll=round(held, 3))

    def _disk(self) -> Disk:
        disk = shutil.disk_usage(self._spool.root)
        return Disk(disk.free, disk.total, round(disk.total * self._policy.reserve), self._household.freeable)

    def _is_full(self) -> bool:
        disk = self._disk()
        return disk.free < disk.reserve + CRITICAL_BYTES

    async def _write(self, lesson: Lesson) -> None:
        await asyncio.to_thread(self._spool.write_lesson, lesson)

    def _announce(self) -> None:
        self._wake.set()
        if self._lesson is not None:
            self._bus.publish(LessonChanged(self._lesson.id, self._lesson.state))
        self._publish_sources()
