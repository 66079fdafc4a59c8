"""What a crash or a power cut left in the spool, made whole. Blocking disk work: run it in a thread.

Nothing is deleted: a lesson.json that cannot be read is set aside and written anew from the takes' journals.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from pathlib import Path

from appliance.spool import holding
from appliance.spool.layout import Spool
from appliance.spool.takes import closed_take, salvage_folder, take_numbers
from media import journal as journals
from media.journal import TakeEntry
from media.lesson import BadLesson, Lesson, Source, Span, take_file

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
            catch_up(spool, lesson)
            found.append(lesson)
    return found


def catch_up(spool: Spool, lesson: Lesson) -> None:
    """Add the spans that takes speak of and lesson.json does not: after a touch on Resume, keepers and lesson.json go
    to the disk side by side, and a cut may leave either without the other."""
    unknown: dict[int, Span] = {}
    for source in lesson.sources:
        for entry in _entries(spool.lesson_dir(lesson.id) / source.id):
            known = unknown.get(entry.span)
            if entry.span >= len(lesson.spans) and (known is None or entry.mono < known.mono):
                unknown[entry.span] = Span(entry.boot, entry.mono, entry.wall)
    for _, span in sorted(unknown.items()):
        lesson.spans.append(span)
        lesson.state = "recording"


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
    for number, span in enumerate(lesson.spans):
        if span.pre_roll:  # until now as much as was held when it was told to record
            first = min((take.epoch for take in lesson.takes if take.span == number), default=span.mono)
            span.pre_roll = round(max(0.0, span.mono - first), 3)


def last_sign(spool: Spool, lesson: Lesson) -> tuple[str, float, float] | None:
    """(boot, mono, wall) of the last fragment that became durable, whichever source's; None if there is none."""
    latest: tuple[str, float, float] | None = None
    for source in lesson.sources:
        folder = spool.lesson_dir(lesson.id) / source.id
        for number in take_numbers(folder)[-1:]:
            try:
                boot = journals.read_first(folder / f"take-{number:03d}.journal").boot
                last = journals.read_last(folder / f"take-{number:03d}.journal")
            except (journals.BadJournal, OSError):
                continue
            if last is not None and (latest is None or last.wall > latest[2]):
                latest = (boot, last.mono, last.wall)
    return latest


def _rebuild(spool: Spool, lesson_id: str, error: Exception) -> Lesson | None:
    """A lesson from its takes' journals alone; None when the folder holds no take."""
    folder = spool.lesson_dir(lesson_id)
    sources: list[Source] = []
    spans: dict[int, Span] = {}
    growing = False
    for place in sorted(path for path in folder.iterdir() if path.is_dir() and path.name not in _NOT_SOURCES):
        for entry in _entries(place):
            growing |= closed_take(place / Path(take_file(entry.source, entry.take)).name) is None
            if place.name not in {source.id for source in sources}:
                sources.append(_source(place, is_sound=entry.sample_rate > 0))
            known = spans.get(entry.span)
            if known is None or entry.mono < known.mono:
                spans[entry.span] = Span(entry.boot, entry.mono, entry.wall, "cut")
    if not sources:
        _forget(folder)
        return None
    broken = spool.lesson_file(lesson_id)
    if broken.exists():
        broken.replace(broken.with_name("lesson.damaged.json"))
    log.warning("Lesson %s is rebuilt from its takes, for its lesson.json cannot be used: %s", lesson_id, error)
    last = max(spans)
    whole = [spans.get(number) or spans[min(spans)] for number in range(last + 1)]
    if growing:  # it was being recorded: whether it goes on is decided as of any other
        whole[-1].ended = None
    lesson = Lesson(lesson_id, "", "", "", "en", "recording" if growing else "stopping", sources, whole)
    spool.write_lesson(lesson)
    return lesson


def _entries(place: Path) -> Iterator[TakeEntry]:
    """What the journals of a source's folder say of their takes; unreadable ones are passed over."""
    for number in take_numbers(place):
        try:
            yield journals.read_first(place / f"take-{number:03d}.journal")
        except (journals.BadJournal, OSError):
            continue


def _forget(folder: Path) -> None:
    """Take away what a cut at the very beginning left of a lesson: folders, and nothing in them that was recorded."""
    files = [path for path in folder.rglob("*") if not path.is_dir()]
    if all(file.name == holding.NAME or file.match(".*.new") or not file.stat().st_size for file in files):
        shutil.rmtree(folder)


def _source(place: Path, *, is_sound: bool) -> Source:
    kind, media = ("microphone", "audio") if is_sound else ("camera", "video")
    return Source(place.name, kind, media, place.name)  # type: ignore[arg-type]  # one of the two literals above
