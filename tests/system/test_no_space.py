"""A disk without a byte left, at whichever write it happens. If these fail, a full disk costs what was safe before.

The spool's own writers on a real, small file system, filled up to a chance remainder before each of them writes.
"""

from __future__ import annotations

import hashlib
import os
import random
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from appliance.spool import renditions
from appliance.spool.layout import Spool, write_atomically
from appliance.spool.ledger import AssetRow, Ledger, open_or_rebuild
from appliance.spool.takes import Clock, TakeWriter, salvage_folder
from media.fragments import Fragment
from media.lesson import Lesson
from tests.peers import mounts
from tests.unit.appliance.spool.test_takes import begun, stream

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small file system")
LESSON = "01K00000000000000000000000"
ROOMS = [random.Random(number).randrange(0, 96 << 10) for number in range(12)]
"""Bytes left over when the writing begins: none at all, less than a page, or enough for some of it."""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with mounts.memory(tmp_path / "disk", 2 << 20) as folder:
        yield folder


def fill(disk: Path, left: int) -> None:
    with (disk / "ballast").open("ab") as ballast:
        ballast.truncate(0)
        free = os.statvfs(disk)
        os.posix_fallocate(ballast.fileno(), 0, max(1, free.f_bavail * free.f_frsize - left))


def relieve(disk: Path) -> None:
    (disk / "ballast").unlink()


def test_a_take_keeps_every_fragment_that_was_called_durable(disk: Path) -> None:
    head, parts = stream(400)
    for number, left in enumerate(ROOMS, start=1):
        writer = begun(disk / "front", head, number)
        fill(disk, left)
        durable = _append_until_full(writer, parts)
        assert durable < len(parts)
        _tried(partial(writer.close, "full"))  # its facts may find no room either
        relieve(disk)
        takes, problems = salvage_folder(disk / "front")
        assert problems == []
        (take,) = [take for take in takes if take.number == number]
        data = writer.file.read_bytes()
        assert data.startswith(head.data + b"".join(part.data for part in parts[:durable]))
        assert take.bytes == len(data)
        assert take.sha256 in {"", hashlib.sha256(data).hexdigest()}  # after salvage it is reckoned later


def _append_until_full(writer: TakeWriter, parts: list[Fragment]) -> int:
    for number, part in enumerate(parts):
        try:
            writer.append(part, Clock(100.3 + part.time + part.seconds, 1e9 + number))
        except OSError:
            return number
    return len(parts)


def test_the_lesson_its_receipts_and_its_renditions_are_the_old_ones_or_the_new_ones(disk: Path) -> None:
    spool = Spool(disk / "spool")
    spool.prepare()
    lesson = Lesson(LESSON, "Forces", "Amphi A", "Test", "en", "kept")
    spool.lesson_dir(LESSON).mkdir()
    spool.write_lesson(lesson)
    receipt = spool.receipt_file(LESSON, "lesson.json", "5" * 64)
    write_atomically(receipt, b"signed")
    place = renditions.folder(spool, LESSON)
    for number, left in enumerate(ROOMS):
        part = place / ".poster.jpg.part"
        part.write_bytes(bytes([number]) * 4000)
        before = spool.read_lesson(LESSON), renditions.read(spool, LESSON)
        lesson = replace(lesson, title="F" * 3000 * (number + 1))
        fill(disk, left)
        wrote = [
            _tried(partial(spool.write_lesson, lesson)),
            _tried(lambda: write_atomically(spool.receipt_file(LESSON, "lesson.json", "6" * 64), b"x" * 9000)),
            _tried(partial(renditions.settle, spool, LESSON, "poster", part)),
        ]
        relieve(disk)
        assert spool.read_lesson(LESSON) == (lesson if wrote[0] else before[0])
        assert receipt.read_bytes() == b"signed"
        listed = renditions.read(spool, LESSON)
        if not wrote[2]:
            assert listed == before[1]
        for made in listed.made if wrote[2] else ():
            assert hashlib.sha256((spool.lesson_dir(LESSON) / made.path).read_bytes()).hexdigest() == made.sha256
        assert list(spool.root.rglob(".*.new*")) == []


def test_the_ledger_refuses_and_is_whole_afterwards(disk: Path) -> None:
    spool = Spool(disk / "spool")
    spool.prepare()
    ledger, _ = open_or_rebuild(spool)
    known: list[str] = []
    refused = 0
    with ledger:
        for number, left in enumerate(ROOMS):
            rows = [
                AssetRow(LESSON, f"front/take-{number}-{n}.mp4", "take", "front", "master", 1, f"{n:064x}")
                for n in range(200)
            ]
            fill(disk, left)
            try:
                ledger.add_assets(rows)
                known += [row.path for row in rows]
            except sqlite3.OperationalError:
                refused += 1
            relieve(disk)
            assert {row.path for row in ledger.assets()} == set(known)
    assert refused
    with Ledger(spool.ledger_file) as again:
        assert again.whole()


def _tried(write: Callable[[], object]) -> bool:
    try:
        write()
    except OSError:
        return False
    return True
