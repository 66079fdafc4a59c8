"""What gives way when the machine or its disk is short, so that a recording never does.

In this order: the preview, the judge, the quality of what is encoded here (a faster preset, then fewer and smaller
pictures); fragments never. Busy is not short: a machine may be used to the full. It is short when tasks wait for a
processor and the keepers' fragments come late by it. Recorded quality comes back last and slowly, for each change
begins a new take. A short disk lowers quality before the panel warns; cameras that are copied send their small stream
then, if room.toml names one.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from appliance.events import Bus, Shed
from appliance.recorder.judge.supervisor import Judging
from appliance.recorder.plan import Quality, SourcePlan, affected
from appliance.recorder.preview import Preview
from appliance.recorder.status import RecorderStatus
from media.lesson import Lesson, Remark

TICK = 2.0
"""Seconds between looks while a lesson records."""
LATE = 0.5
"""Seconds after its last picture at which a fragment becomes durable late enough to act; a second is too late."""
PRESSED = 0.5
"""Share of the time in which some task waited for a processor, from which lateness is blamed on the load."""
OVERRUN = 0.95
"""From this share on for OVERRUN_SECONDS, what can be spared goes although no fragment is late yet."""
OVERRUN_SECONDS = 60.0
HURRY = 6.0
"""Seconds that a step gets to show its effect before the next."""
CALM = 60.0
"""Seconds of calm after which judge, then preview come back."""
CALM_QUALITY = 600.0
"""The same for quality: a new take every ten minutes at most."""
AMPLE = 1.25
"""Quality drops when the disk has room for less than so many times the hours at which the panel warns."""

STEPS = ("load-preview", "load-judge", "load-quality", "load-quality")
DISK = "disk-quality"

log = logging.getLogger(__name__)


class Eased(Protocol):
    """What must be known of the recorder."""

    @property
    def capturing(self) -> bool: ...

    quality: Quality
    """How the next takes are recorded."""

    def status(self) -> RecorderStatus: ...

    def lateness(self) -> float:
        """Seconds by which the latest fragment since the last call became durable after its last picture."""

    async def ease(self, quality: Quality) -> None:
        """Record so from now on: takes that would be others begin anew."""


@dataclass(slots=True)
class Ladder:
    """How many of STEPS are in force, decided from figures alone. Pure; now: monotonic seconds."""

    step: int = 0
    _moved: float = float("-inf")
    _calm: float | None = None
    _overrun: float | None = None

    def look(self, now: float, pressure: float, late: float) -> int:
        """pressure: 0 to 1; late: seconds."""
        self._overrun = (self._overrun or now) if pressure >= OVERRUN else None
        overrun = self._overrun is not None and now - self._overrun >= OVERRUN_SECONDS and self.step < 2
        if overrun or (late >= LATE and pressure >= PRESSED):
            self._calm = None
            if self.step < len(STEPS) and now - self._moved >= HURRY:
                self.step, self._moved = self.step + 1, now
        elif late < LATE and pressure < OVERRUN:
            self._calm = now if self._calm is None else self._calm
            if self.step and now - max(self._calm, self._moved) >= (CALM_QUALITY if self.step > 2 else CALM):
                self.step, self._moved = self.step - 1, now
        return self.step


class Gauge:
    """How short of processors the machine is, since the last look."""

    def __init__(self, proc: Path = Path("/proc")) -> None:
        self._stalls = proc / "pressure/cpu"
        self._times = proc / "stat"
        self._last: tuple[float, float] | None = None

    def read(self, now: float, delay: float) -> float:
        """0 to 1. By the kernel's own measure (PSI: tasks that had to wait), else by how busy the processors were,
        which is no shortage by itself: then our own waking must be late too. delay: seconds it was."""
        waited = self._waited()
        if waited is None:
            return self._share(now, self._busy()) if delay >= 0.02 else 0.0
        return self._share(now, waited)

    def _share(self, now: float, total: float) -> float:
        last, self._last = self._last, (now, total)
        return 0.0 if last is None or now <= last[0] else min(1.0, max(0.0, (total - last[1]) / (now - last[0])))

    def _waited(self) -> float | None:
        """Seconds in which some task waited."""
        try:
            some = self._stalls.read_text().splitlines()[0]
        except OSError:
            return None  # a kernel without PSI, or with it switched off
        return int(some.rpartition("total=")[2]) / 1e6

    def _busy(self) -> float:
        """Seconds, of one processor as of the mean of all."""
        first = [float(word) for word in self._times.read_text().splitlines()[0].split()[1:9]]
        idle = first[3] + first[4]
        ticks = 100.0  # USER_HZ, which Linux promises
        count = sum(line.startswith("cpu") for line in self._times.read_text().splitlines()) - 1
        return (sum(first) - idle) / ticks / max(1, count)


@dataclass(slots=True)
class _Note:
    """A step on its way into lesson.json; source empty: the whole lesson."""

    source: str
    code: str
    begins: float
    facts: dict[str, Any]
    ends: float | None = None


@dataclass(slots=True)
class Shedding:
    """Belongs to the event loop's thread. warn_hours: at which the panel warns of the disk; make_room: lets go of what
    may go from it."""

    preview: Preview
    judging: Judging
    plans: Sequence[SourcePlan]
    bus: Bus
    warn_hours: float
    make_room: Callable[[], Awaitable[None]]
    standing: list[str] = field(default_factory=list)
    """What is given up now, the gravest last."""
    _recorder: Eased | None = None
    ladder: Ladder = field(default_factory=Ladder)
    _notes: list[_Note] = field(default_factory=list)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)

    def prepare(self) -> None:
        """Devices are about to be opened. Changes are free now, for no take has begun."""
        self._wake.set()
        if self._recorder is not None:
            self._recorder.quality = self._wanted(self._recorder)
            self._show(self._recorder.quality)

    def report(self, lesson: Lesson) -> list[Remark]:
        """What was given up in the span that has just ended."""
        span, now = len(lesson.spans) - 1, time.monotonic()
        notes, self._notes = self._notes, []
        # What still holds is noted anew for the next span.
        self._notes = [_Note(note.source, note.code, now, note.facts) for note in notes if note.ends is None]
        return [
            Remark(
                note.source,
                note.code,
                round(max(0.0, lesson.place(span, note.begins)), 1),
                round(min(lesson.seconds, lesson.place(span, note.ends or now)), 1),
                note.facts,
            )
            for note in notes
        ]

    async def run(self, recorder: Eased) -> None:
        """Until cancelled."""
        self._recorder = recorder
        gauge = Gauge()
        while True:
            if not recorder.capturing:
                self._rest()
                self._wake.clear()
                await self._wake.wait()
                recorder.lateness()
            asked = time.monotonic()
            await asyncio.sleep(TICK)
            now = time.monotonic()
            self.ladder.look(now, gauge.read(now, now - asked - TICK), recorder.lateness())
            quality = self._wanted(recorder)
            if quality.disk and not recorder.quality.disk:  # first goes what the server has signed for
                await self.make_room()
                quality = self._wanted(recorder)
            self._show(quality)
            if quality != recorder.quality and recorder.capturing:
                await recorder.ease(quality)

    def _wanted(self, recorder: Eased) -> Quality:
        return Quality(max(0, self.ladder.step - 2), self._short(recorder))

    def _short(self, recorder: Eased) -> bool:
        """Whether the disk is. Once so, for the whole lesson: what is saved must not be spent again at once."""
        status = recorder.status()
        return status.hours_left < AMPLE * self.warn_hours or (recorder.quality.disk and status.lesson is not None)

    def _rest(self) -> None:
        """Nothing records: everything is shown and nothing was given up."""
        self.ladder = Ladder()
        self._show(Quality())

    def _show(self, quality: Quality) -> None:
        """Switch preview and judge, and tell and note what changed."""
        self.preview.shed = self.ladder.step > 0
        self.judging.shed = self.ladder.step > 1
        reduced = affected(self.plans, quality)
        wanted = list(dict.fromkeys(STEPS[: self.ladder.step]))
        if "load-quality" in wanted and not affected(self.plans, Quality(load=quality.load)):
            wanted.remove("load-quality")
        if quality.disk and affected(self.plans, Quality(disk=True)):
            wanted.append(DISK)
        now = time.monotonic()
        for code in self.standing:
            if code not in wanted:
                for note in self._notes:
                    note.ends = now if note.code == code and note.ends is None else note.ends
                log.info("The load is less: %s no longer holds.", code)
                self.bus.publish(Shed(code, on=False))
        for code in wanted:
            if code not in self.standing:
                sources = reduced if code in {"load-quality", DISK} else [""]
                self._notes += [_Note(source, code, now, {}) for source in sources]
                log.warning("The %s is short: %s.", "disk" if code == DISK else "machine", code)
                self.bus.publish(Shed(code, on=True))
        self.standing = wanted
