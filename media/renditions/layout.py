"""Where a lesson's takes lie on the timeline of its renditions: the one that its assembled programmes have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from media.assemble import LONGEST
from media.lesson import Lesson, Take
from media.tracks import Piece

Report = Callable[[str], None]
"""Told one sentence for every take that could not be used, or not to its end."""


class CannotRender(Exception):
    """Nothing can be made of this lesson: says in one sentence why."""


@dataclass(frozen=True, slots=True)
class Layout:
    """end: seconds. pictures, sounds: the pieces of every source that has any, in the room's order of preference."""

    lesson: Lesson
    end: float
    pictures: dict[str, list[Piece]]
    sounds: dict[str, list[Piece]]


def lay_out(lesson: Lesson, file_of: Callable[[Take], Path]) -> Layout:
    """Raises CannotRender when there are no takes, or the lesson's clock leapt."""
    if not lesson.takes:
        raise CannotRender("The lesson has no recording.")
    offsets = lesson.offsets()
    early = {source.id: source.av_offset_ms / 1000 for source in lesson.sources}
    begins = [offsets[t.span][0] + t.epoch - offsets[t.span][1] - early[t.source] for t in lesson.takes]
    shift = -min(0.0, *begins)
    end = shift + max(at + take.lasted for at, take in zip(begins, lesson.takes, strict=True))
    if not 0.0 < end <= LONGEST:
        raise CannotRender(f"The lesson would last {end / 3600:.0f} hours: the room's clock leapt.")
    placed = sorted(zip(begins, lesson.takes, strict=True), key=lambda pair: pair[0])

    def of(media: str) -> dict[str, list[Piece]]:
        pieces = {
            source.id: [
                Piece(file_of(t), at + shift, t.seconds, pace=t.pace) for at, t in placed if t.source == source.id
            ]
            for source in lesson.sources
            if source.media == media
        }
        return {source: found for source, found in pieces.items() if found}

    return Layout(lesson, end, of("video"), of("audio"))
