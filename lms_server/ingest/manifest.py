"""lesson.json as the catalogue wants it."""

from __future__ import annotations

from collections.abc import Sequence

from lms_server.catalog.uploads import Card
from media.lesson import BadLesson, Lesson, Original, Remark, Source, Take

MAX_BYTES = 8 * 1024 * 1024
"""A day of takes, marks and gaps is far smaller; more is not a lesson."""


def read_card(text: bytes, lesson_id: str) -> Card:
    """Raises BadLesson with one sentence for whatever a room may have sent under this name."""
    try:
        lesson = Lesson.from_json(text)
        if lesson.id != lesson_id:
            raise BadLesson(f"lesson.json speaks of another lesson, {lesson.id[:40]!r}.")
        if lesson.state != "kept":
            raise BadLesson("lesson.json was sent before the lesson was kept.")
        return _card(lesson)
    except (TypeError, ValueError, AttributeError, ArithmeticError, RecursionError) as error:
        if isinstance(error, BadLesson):
            raise
        raise BadLesson(f"lesson.json has something of the wrong type in it: {error}") from error


def _card(lesson: Lesson) -> Card:
    return Card(
        title=" ".join(lesson.title.replace("\0", " ").split())[:300],  # PostgreSQL has no NUL in text
        language=lesson.language.replace("\0", "")[:20],
        started=float(lesson.started),
        seconds=round(float(lesson.seconds), 3),
        gaps=[
            {"source": gap.source, "at": gap.at, "seconds": gap.seconds, "why": str(gap.why)} for gap in lesson.gaps()
        ],
        marks=[
            {"at": round(lesson.place(mark.span, mark.mono), 3), "label": str(mark.label)[:300]}
            for mark in lesson.marks
        ],
        sources=[source_card(source, lesson.quality) for source in lesson.sources],
        takes=[_wanted(take) for take in lesson.takes if take.bytes] + [_wanted(each) for each in lesson.originals],
        teacher=" ".join(lesson.teacher.split())[:200],
    )


def source_card(source: Source, quality: Sequence[Remark] = ()) -> dict[str, object]:
    """A source as the catalogue shows it."""
    return {
        "id": str(source.id),
        "kind": str(source.kind),
        "media": str(source.media),
        "label": str(source.label)[:200],
        "driver": str(source.driver)[:60],
        "quality": sorted({remark.code[:60] for remark in quality if remark.source == source.id}),
    }


def _wanted(file: Take | Original) -> dict[str, object]:
    return {"path": file.file, "sha256": str(file.sha256), "bytes": file.bytes}
