"""A room's spool with kept lessons in it, as the daemon leaves them, without a camera."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

from appliance.spool.layout import Spool, make_directory
from appliance.spool.ledger import open_or_rebuild
from media import journal
from media.journal import FragmentEntry, TakeEntry
from media.lesson import Lesson, Source, Span, State, Take, take_file

BLOCK = 16 * 1024 * 1024
"""Bytes that are made at once."""


def lesson_id(number: int) -> str:
    """Ids whose order is that of their numbers."""
    return f"01JD{number:022d}"


def keep_lesson(root: Path, number: int, *sizes: int, room: str = "Amphi A", alike: bool = False) -> Lesson:
    """A lesson with one take of each size (bytes, of chance), entered in the ledger. alike: takes of one size are the
    same to the byte, as of a device that gives nothing but black."""
    spool = Spool(root)
    spool.prepare()
    folder = spool.lesson_dir(lesson_id(number))
    make_directory(folder / "front")
    takes = []
    for take, size in enumerate(sizes, start=1):
        file = take_file("front", take)
        digest = _write(folder / file, size, random.Random(1000 * number + (0 if alike else take)))
        takes.append(Take("front", take, 0, file, size, digest, 10.0 * take, 10.0, "stopped"))
    lesson = Lesson(
        id=lesson_id(number),
        title=f"Lesson {number}",
        room=room,
        institution="",
        language="en",
        state="kept",
        sources=[Source("front", "camera", "video")],
        spans=[Span("boot", 10.0, 1.8e9, "stopped")],
        takes=takes,
    )
    spool.write_lesson(lesson)
    ledger, _ = open_or_rebuild(spool)
    ledger.close()
    return lesson


def describe(root: Path, number: int, state: State) -> None:
    """A lesson as far as its lesson.json tells of it while it is recorded."""
    spool = Spool(root)
    spool.prepare()
    make_directory(spool.lesson_dir(lesson_id(number)))
    spool.write_lesson(Lesson(lesson_id(number), "Forces", "Amphi A", "Test", "en", state))


def record(root: Path, number: int, source: str, *lengths: int) -> Path:
    """A take of fragments of these lengths, as a keeper leaves it in mid-lesson."""
    lesson = lesson_id(number)
    file = Spool(root).lesson_dir(lesson) / source / "take-001.mp4"
    make_directory(file.parent)
    take = TakeEntry(lesson, source, 1, 0, 1000, "", "avc1", 640, 360, 0, "boot", 1.0, 1.0)
    lines, at = [journal.line(take)], 1000
    for fragment, length in enumerate(lengths, start=1):
        entry = FragmentEntry(fragment, at, length, fragment * 0.5, 0.5, True, fragment * 0.5, fragment * 0.5, "")
        lines.append(journal.line(entry))
        at += length
    file.write_bytes(bytes(at))
    file.with_suffix(".journal").write_bytes(b"".join(lines))
    return file


def _write(path: Path, size: int, chance: random.Random) -> str:
    """A file of so many bytes of chance; its SHA-256."""
    digest = hashlib.sha256()
    with path.open("wb") as file:
        while size:
            block = chance.randbytes(min(size, BLOCK))
            file.write(block)
            digest.update(block)
            size -= len(block)
    return digest.hexdigest()
