"""What the recorder knows of itself, for the API: figures and codes, derived from evidence."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

SourceState = Literal["idle", "starting", "recording", "stalled", "lost"]
RecorderState = Literal["ready", "starting", "recording", "paused", "stopping", "cannot-record"]


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a source does not deliver: code for the faces, detail in English for the log and the command line."""

    code: str
    detail: str
    facts: dict[str, str | int | float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """bytes: durable in this lesson. last_byte_age: seconds since a fragment of it became durable. Levels in dBFS."""

    id: str
    kind: str
    media: str
    label: str
    driver: str
    state: SourceState = "idle"
    bytes: int = 0
    last_byte_age: float | None = None
    rms_db: float | None = None
    peak_db: float | None = None
    problem: Problem | None = None
    late_fragments: int = 0
    """Fragments that became durable more than a second after their last picture, since its keeper began."""


@dataclass(frozen=True, slots=True)
class LessonStatus:
    """elapsed: seconds recorded so far, pauses left out; it grows only while bytes reach the disk.

    started: Unix seconds, as the room's clock had it.
    """

    id: str
    title: str
    state: str
    started: float
    elapsed: float
    marks: int
    gaps: int
    teacher: str = ""


@dataclass(frozen=True, slots=True)
class RecorderStatus:
    state: RecorderState
    lesson: LessonStatus | None
    sources: tuple[SourceStatus, ...]
    disk_free: int
    disk_total: int
    hours_left: float
    """Hours of recording the disk still takes at the rate of the last lesson (or the sources' usual rate)."""
    held_seconds: int = 0
    """The room listens before Start: so many of the last seconds are held in memory."""
    undo_seconds: float = 0.0
    """The lesson was stopped, and that can be undone for so long."""
