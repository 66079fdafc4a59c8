"""Places that take whole lessons as other systems know them, one module each.

TargetError             code, detail: one plain sentence
├── TargetLost          it cannot be reached, or cannot at the moment: wait, then repeat the step
├── TargetClosed        it does not accept our login: ask a human
└── TargetRefuses       it will not take this lesson as it is
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from media.lesson import Lesson

Role = Literal["presenter", "presentation", "sound"]


class TargetError(Exception):
    code = "target"

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class TargetLost(TargetError):
    code = "target-unreachable"


class TargetClosed(TargetError):
    code = "target-not-admitted"


class TargetRefuses(TargetError):
    code = "target-refuses"


class NoFilms(TargetError):
    code = "target-no-films"


@dataclass(frozen=True, slots=True)
class Film:
    """One playable file of the lesson. role: what it shows."""

    role: Role
    path: Path
    content_type: str


@dataclass(frozen=True, slots=True)
class Errand:
    """A lesson to be delivered. memory: what an earlier try has kept. keep: makes the memory durable; called after each
    step. films: makes the lesson's files; slow, so only asked for when they are needed."""

    lesson: Lesson
    memory: Mapping[str, Any]
    keep: Callable[[Mapping[str, Any]], None]
    films: Callable[[], Sequence[Film]]


class LessonTarget(Protocol):
    async def deliver(self, errand: Errand) -> None:
        """Bring a lesson there, from wherever its memory says it stands. Raises TargetError, OSError."""
