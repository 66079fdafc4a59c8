"""What a crash or a power cut left in the spool, made whole. Blocking disk work: run it in a thread.

Nothing is deleted: a lesson.json that cannot be read is set aside and written anew from the takes' journals.
"""

from __future__ import annotations

import logging
from pathlib import Path

from appliance.spool.layout import Spool
from appliance.spool.takes import salvage_folder, take_numbers
from media import journal as journals
from media.lesson import BadLesson, Lesson, Source, Span

log = logging.getLogger(__name__)

_NOT_SOURCES = frozenset({"receipts", "renditions"})


def unfinished(spool: Spool) -> list[Lesson]:
    """Lessons that were not closed in order, oldest first; those without a readable lesson.json are rebuilt."""
    found: list[Lesson] = []
    for lesson_id in spool.lesson_ids():
        try:
            lesson = spool.read_lesson(lesson_id)
        except (FileNotFoundError, BadLesson) as error:
            rebuilt = _rebuild(spool, lesson_id, error)
            if rebuilt is None:
                continue
            lesson = rebuilt
        if lesson.state != "kept":
            found.append(lesson)
    return found


def collect(spool: Spool, lesson: Lesson) -> None:
    """Put every take on the disk into the lesson, salvaging those that were cut off. No keeper may be at work on it."""
    folder = spool.lesson_dir(lesson.id)
    lesson.takes.clear()
    for source in lesson.sources:
        takes, lost = salvage_folder(folder / source.id)
        for sentence in lost:
            log.warning("Lesson %s: %s", lesson.id, sentence)
        for take in takes:
            # What was told to stop because of a pause says so, for the timeline's sake.
            if take.ended == "stopped" and lesson.spans[take.span].ended == "paused":
                take.ended = "paused"
            lesson.takes.append(take)


def last_sign(spool: Spool, lesson: Lesson) -> tuple[str, float, float] | None:
    """(boot, mono, wall) of the last fragment that became durable, whichever source's; None if there is none."""
    latest: tuple[str, float, float] | None = None
    for source in lesson.sources:
        folder = spool.lesson_dir(lesson.id) / source.id
        for number in take_numbers(folder)[-1:]:
            try:
                journal = journals.read(folder / f"take-{number:03d}.journal")
            except (journals.BadJournal, OSError):
                continue
            if journal.fragments:
                last = journal.fragments[-1]
                if latest is None or last.wall > latest[2]:
                    latest = (journal.take.boot, last.mono, last.wall)
    return latest


def _rebuild(spool: Spool, lesson_id: str, error: Exception) -> Lesson | None:
    """A lesson from its takes' journals alone; None when the folder holds no take."""
    folder = spool.lesson_dir(lesson_id)
    sources: list[Source] = []
    spans: dict[int, Span] = {}
    for place in sorted(path for path in folder.iterdir() if path.is_dir() and path.name not in _NOT_SOURCES):
        for number in take_numbers(place):
            try:
                entry = journals.read(place / f"take-{number:03d}.journal").take
            except (journals.BadJournal, OSError):
                continue
            if place.name not in {source.id for source in sources}:
                sources.append(_source(place, is_sound=entry.sample_rate > 0))
            known = spans.get(entry.span)
            if known is None or entry.mono < known.mono:
                spans[entry.span] = Span(entry.boot, entry.mono, entry.wall, "cut")
    if not sources:
        return None
    broken = spool.lesson_file(lesson_id)
    if broken.exists():
        broken.replace(broken.with_name("lesson.damaged.json"))
    log.warning("Lesson %s is rebuilt from its takes, for its lesson.json cannot be used: %s", lesson_id, error)
    last = max(spans)
    whole = [spans.get(number) or spans[min(spans)] for number in range(last + 1)]
    lesson = Lesson(lesson_id, "", "", "", "en", "stopping", sources, whole)
    spool.write_lesson(lesson)
    return lesson


def _source(place: Path, *, is_sound: bool) -> Source:
    kind, media = ("microphone", "audio") if is_sound else ("camera", "video")
    return Source(place.name, kind, media, place.name)  # type: ignore[arg-type]  # one of the two literals above
