"""Where takes, gaps and marks lie on the picture of a lesson: figures in per cent of its length. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from lms_server.catalog.schemas import Gap, LessonDetail, Mark, Source

LEAST = 0.25
"""Per cent. A gap of half a second in two hours must still be seen."""
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400)
"""Seconds between two figures of the scale."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """left and width in per cent; at and seconds on the lesson's timeline; why: empty for a take."""

    left: float
    width: float
    at: float
    seconds: float
    why: str = ""


@dataclass(frozen=True, slots=True)
class Lane:
    """One source: what was recorded of it, and what is missing."""

    source: Source
    takes: tuple[Stretch, ...]
    gaps: tuple[Stretch, ...]


@dataclass(frozen=True, slots=True)
class Tick:
    """A figure of the scale, or a mark."""

    left: float
    at: float
    label: str = ""


@dataclass(frozen=True, slots=True)
class Moment:
    """Where something begins: a slide or a part, which have numbers from 1 on, or what the teacher marked."""

    at: float
    kind: Literal["slide", "mark", "part"]
    label: str = ""
    number: int = 0


@dataclass(frozen=True, slots=True)
class Timeline:
    seconds: float
    lanes: tuple[Lane, ...]
    marks: tuple[Tick, ...]
    scale: tuple[Tick, ...]


def draw(lesson: LessonDetail, *, figures: int = 6) -> Timeline | None:
    """None for a lesson without a length or sources. figures: about how many the scale may have."""
    if lesson.seconds <= 0 or not lesson.sources:
        return None
    length = lesson.seconds
    return Timeline(
        seconds=length,
        lanes=tuple(_lane(source, lesson.gaps, length) for source in lesson.sources),
        marks=tuple(_tick(mark, length) for mark in sorted(lesson.marks, key=lambda mark: mark.at)),
        scale=tuple(Tick(_part(at, length), at) for at in _figures(length, figures)),
    )


def moments(lesson: LessonDetail, slides: Sequence[float]) -> list[Moment]:
    """The lesson's chapters in their order, but for those that are cut away. slides: seconds at which each appeared."""
    shown = [Moment(at, "slide", number=number) for number, at in enumerate(slides, 1)]
    marked = [Moment(mark.at, "mark", mark.label.strip()) for mark in lesson.marks]
    split = [Moment(part.at, "part", part.title, number) for number, part in enumerate(lesson.parts, 1)]
    found = shown + marked + (split if len(split) > 1 or any(part.label for part in split) else [])
    return sorted((moment for moment in found if _is_shown(lesson, moment.at)), key=lambda moment: moment.at)


def _is_shown(lesson: LessonDetail, at: float) -> bool:
    return not lesson.parts or any(part.at <= at < part.at + part.seconds for part in lesson.parts)


def _lane(source: Source, gaps: Sequence[Gap], length: float) -> Lane:
    mine = sorted((gap for gap in gaps if gap.source == source.id), key=lambda gap: gap.at)
    takes: list[Stretch] = []
    cursor = 0.0
    for gap in mine:
        begins = min(gap.at, length)
        if begins > cursor:
            takes.append(_stretch(cursor, begins, length))
        cursor = max(cursor, gap.at + gap.seconds)
    if cursor < length:
        takes.append(_stretch(cursor, length, length))
    return Lane(source, tuple(takes), tuple(_hole(gap, length) for gap in mine))


def _stretch(begins: float, ends: float, length: float) -> Stretch:
    return Stretch(_part(begins, length), _part(ends - begins, length), begins, ends - begins)


def _hole(gap: Gap, length: float) -> Stretch:
    left = _part(gap.at, length)
    width = max(LEAST, min(_part(gap.seconds, length), 100.0 - left))
    return Stretch(min(left, 100.0 - width), width, gap.at, gap.seconds, gap.why)


def _tick(mark: Mark, length: float) -> Tick:
    return Tick(_part(mark.at, length), mark.at, mark.label)


def _figures(length: float, figures: int) -> list[float]:
    step = next((step for step in _STEPS if length / step <= figures), _STEPS[-1])
    return [float(at) for at in range(0, int(length) + 1, step) if at <= length * 0.97]


def _part(seconds: float, length: float) -> float:
    return round(min(100.0, max(0.0, 100.0 * seconds / length)), 3)
