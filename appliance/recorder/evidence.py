"""What is known of each source of a running lesson: from the keepers' datagrams, and after a restart from the journals.

A state shown is derived from bytes that reached the disk, never from intention.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from appliance.recorder.plan import SourcePlan
from appliance.recorder.status import Problem, SourceState, SourceStatus
from appliance.spool.takes import closed_take, take_numbers
from media import journal as journals
from media.lesson import Take, take_file

FRESH = 2.0
"""Seconds: a source whose last durable fragment is older than this is not called recording."""
OPENING = 6.0
"""Seconds a source may take to deliver its first fragment before that is called a problem."""
LEVEL_FRESH = 1.0


@dataclass(slots=True)
class SourceEvidence:
    """One source. takes: by number, closed or growing, as far as they are durable."""

    plan: SourcePlan
    asked: float = 0.0
    last: float | None = None
    takes: dict[int, Take] = field(default_factory=dict)
    problem: Problem | None = None
    level: tuple[float, float, float] | None = None
    retired: Problem | None = None
    held: tuple[float, float] | None = None
    """Of an armed room: how many seconds, and when that was heard."""
    late: float = 0.0
    too_late: int = 0

    def ask(self, now: float) -> None:
        """A keeper was told to record it at this monotonic instant."""
        self.asked, self.last, self.problem, self.retired = now, None, None, None

    def hear(self, said: dict[str, Any]) -> None:
        """Take in one datagram of the keeper; unknown ones are a newer keeper's and passed over."""
        match said.get("event"):
            case "fragment":
                number = int(said["take"])
                self.takes[number] = _growing(
                    self.plan.id,
                    number,
                    span=int(said["span"]),
                    size=int(said["bytes"]),
                    epoch=float(said["epoch"]),
                    seconds=float(said["seconds"]),
                )
                self.last = float(said["mono"])
                self.problem = None
                self.late = max(self.late, float(said.get("late", 0.0)))
                self.too_late = int(said.get("too_late", 0))
            case "held":
                self.held = (float(said["seconds"]), float(said["mono"]))
                self.problem = None
            case "lost":
                self.problem = Problem(str(said["code"]), str(said["detail"]))
            case "ended":
                self.retired = self.problem = Problem(str(said["code"]), str(said["detail"]))
            case "level":
                self.level = (float(said["rms_db"]), float(said["peak_db"]), time.monotonic())

    def recall(self, folder: Path) -> None:
        """After a restart of the daemon: read closed takes and journals anew."""
        self.takes.clear()
        for number in take_numbers(folder):
            file = folder / f"take-{number:03d}.mp4"
            take = closed_take(file)
            if take is None:
                try:
                    journal = journals.read(file.with_suffix(".journal"))
                except (journals.BadJournal, OSError):
                    continue
                take = _growing(
                    self.plan.id,
                    number,
                    span=journal.take.span,
                    size=journal.end,
                    epoch=journal.clock.epoch,
                    seconds=journal.seconds,
                )
                if journal.fragments:
                    self.last = journal.fragments[-1].mono
            self.takes[number] = take

    def state(self, now: float, *, wanted: bool) -> SourceState:
        """By evidence. wanted: a lesson is recording and this source belongs to it."""
        if not wanted:
            return "idle"
        if self.last is not None and now - self.last <= FRESH:
            return "recording"
        if self.problem is not None or self.plan.capture is None:
            return "lost"
        if now - max(self.asked, self.last or 0.0) <= OPENING and self.last is None:
            return "starting"
        return "stalled"

    def status(self, now: float, *, wanted: bool) -> SourceStatus:
        plan = self.plan
        level = self.level if self.level is not None and now - self.level[2] <= LEVEL_FRESH else None
        return SourceStatus(
            id=plan.id,
            kind=plan.kind,
            media=plan.media,
            label=plan.label,
            driver=plan.driver,
            state=self.state(now, wanted=wanted),
            bytes=sum(take.bytes for take in self.takes.values()),
            last_byte_age=None if self.last is None or not wanted else round(now - self.last, 2),
            rms_db=level[0] if level else None,
            peak_db=level[1] if level else None,
            problem=self.problem or plan.problem,
            late_fragments=self.too_late,
        )


def _growing(source: str, number: int, *, span: int, size: int, epoch: float, seconds: float) -> Take:
    return Take(source, number, span, take_file(source, number), size, "", epoch, seconds, "")


class Evidence:
    """All sources of the room."""

    def __init__(self, plans: list[SourcePlan], clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.sources = {plan.id: SourceEvidence(plan) for plan in plans}

    def forget(self) -> None:
        """A new lesson begins."""
        self.sources = {name: SourceEvidence(item.plan) for name, item in self.sources.items()}

    def held(self) -> float:
        """The most that any source holds in memory, in seconds; 0 when none does."""
        now = self._clock()
        return max((i.held[0] for i in self.sources.values() if i.held and now - i.held[1] <= FRESH), default=0.0)

    def takes(self) -> list[Take]:
        """Every take of the lesson as far as it is durable."""
        return [take for item in self.sources.values() for take in item.takes.values()]

    def lateness(self) -> float:
        """The most since it was last asked, in seconds."""
        late = max((item.late for item in self.sources.values()), default=0.0)
        for item in self.sources.values():
            item.late = 0.0
        return late

    def states(self, *, wanted: bool) -> dict[str, SourceState]:
        now = self._clock()
        return {name: item.state(now, wanted=wanted) for name, item in self.sources.items()}

    def statuses(self, *, wanted: bool) -> tuple[SourceStatus, ...]:
        now = self._clock()
        return tuple(item.status(now, wanted=wanted) for item in self.sources.values())
