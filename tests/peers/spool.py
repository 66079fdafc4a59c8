"""A room's spool with kept lessons in it, as the daemon leaves them, without a camera."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

from appliance.spool.layout import Spool, make_directory
from appliance.spool.ledger import open_or_rebuild
from media.lesson import Lesson, Source, Span, Take, take_file

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
