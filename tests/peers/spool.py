"""A room's spool with kept lessons in it, as the daemon leaves them, without a camera."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

from appliance.spool.layout import Spool, make_directory
from appliance.spool.ledger import open_or_rebuild
from media.lesson import Lesson, Source, Span, Take, take_file


def lesson_id(number: int) -> str:
    """Ids whose order is that of their numbers."""
    return f"01JD{number:022d}"


def keep_lesson(root: Path, number: int, *sizes: int, room: str = "Amphi A") -> Lesson:
    """A lesson with one take of each size (bytes, of chance), entered in the ledger."""
    spool = Spool(root)
    spool.prepare()
    folder = spool.lesson_dir(lesson_id(number))
    make_directory(folder / "front")
    takes = []
    for take, size in enumerate(sizes, start=1):
        data = random.Random(1000 * number + take).randbytes(size)
        file = take_file("front", take)
        (folder / file).write_bytes(data)
        digest = hashlib.sha256(data).hexdigest()
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
