"""What is shown of the recorder: state and figures, from the evidence of what has reached the disk. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from appliance.recorder.evidence import Evidence
from appliance.recorder.plan import RecorderPolicy, SourcePlan
from appliance.recorder.status import LessonStatus, RecorderState, RecorderStatus
from media.lesson import Lesson

SETTLED = 30.0
"""Seconds of a lesson after which its own rate tells more than what its sources usually give."""


@dataclass(frozen=True, slots=True)
class Disk:
    """Bytes. reserve: what recordings leave free; freeable: what may go when room is needed."""

    free: int
    total: int
    reserve: int
    freeable: int

    @property
    def usable(self) -> int:
        return max(0, self.free + self.freeable - self.reserve)


@dataclass(frozen=True, slots=True)
class View:
    """What a room can record, and by which rules."""

    plans: Sequence[SourcePlan]
    policy: RecorderPolicy
    evidence: Evidence

    def status(self, lesson: Lesson | None, disk: Disk, *, ready: bool, undo: float = 0.0) -> RecorderStatus:
        """lesson: the one that runs; ready: False while one that was cut off may still be found; undo: seconds for
        which its stop can still be undone."""
        rate = sum(plan.expected_rate for plan in self.plans if plan.capture)
        shown: LessonStatus | None = None
        if lesson is not None:
            so_far = replace(lesson, takes=self.evidence.takes())
            elapsed = so_far.seconds
            if elapsed > SETTLED:
                rate = round(sum(take.bytes for take in so_far.takes) / elapsed)
            shown = LessonStatus(
                id=lesson.id,
                title=lesson.title,
                state=lesson.state,
                started=lesson.started,
                elapsed=round(elapsed, 2),
                marks=len(lesson.marks),
                gaps=len([gap for gap in so_far.gaps() if gap.why != "late"]),
                teacher=lesson.teacher,
            )
        return RecorderStatus(
            state=self.state(lesson, ready=ready),
            lesson=shown,
            sources=self.evidence.statuses(wanted=lesson is not None and lesson.state == "recording"),
            disk_free=disk.free,
            disk_total=disk.total,
            hours_left=disk.usable / max(rate, 1) / 3600,
            undo_seconds=round(undo, 1),
            held_seconds=min(self.policy.pre_roll, math.ceil(self.evidence.held())) if lesson is None else 0,
        )

    def state(self, lesson: Lesson | None, *, ready: bool) -> RecorderState:
        if lesson is None:
            if not ready:
                return "starting"
            return "ready" if any(plan.capture for plan in self.plans) else "cannot-record"
        if lesson.state == "paused":
            return "paused"
        if lesson.state != "recording":
            return "stopping"
        states = set(self.evidence.states(wanted=True).values())
        if "recording" in states:
            return "recording"
        return "starting" if "starting" in states else "cannot-record"
