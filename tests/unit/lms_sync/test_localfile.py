"""What is read for sending is what was recorded, or nothing is sent."""

from __future__ import annotations

import hashlib
import os
import random
from pathlib import Path

import pytest

from lms_sync.localfile import FileMissing, FileRotten, LocalFile

pytestmark = pytest.mark.anyio
DATA = random.Random(5).randbytes(100_000)
SHA = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "take-001.mp4"
    file.write_bytes(DATA)
    return file


def put(path: Path, data: bytes) -> None:
    path.write_bytes(data)


async def filled(file: LocalFile, offset: int, count: int) -> bytes:
    room = bytearray(count)
    await file.fill(memoryview(room), offset, checked=False)
    return bytes(room)


async def test_it_reads_in_order_and_finds_the_whole_right(path: Path) -> None:
    with LocalFile(path, len(DATA), SHA) as file:
        read = [await file.read(at, min(30_000, len(DATA) - at)) for at in range(0, len(DATA), 30_000)]
    assert b"".join(read) == DATA


async def test_a_resumed_file_is_checked_from_its_first_byte(path: Path) -> None:
    put(path, b"x" + DATA[1:])
    with LocalFile(path, len(DATA), SHA) as file:
        await file.read(60_000, 20_000)
        with pytest.raises(FileRotten):
            await file.read(80_000, 20_000)


async def test_steps_back_and_forth_do_not_confuse_the_check(path: Path) -> None:
    chance = random.Random(9)
    with LocalFile(path, len(DATA), SHA) as file:
        for _ in range(50):
            at = chance.randrange(len(DATA))
            count = chance.randrange(1, len(DATA) - at + 1)
            assert await file.read(at, count) == DATA[at : at + count]
        assert await file.read(0, len(DATA)) == DATA


async def test_one_flipped_bit_is_found_before_the_last_byte_is_given(path: Path) -> None:
    put(path, DATA[:50_000] + bytes([DATA[50_000] ^ 1]) + DATA[50_001:])
    with LocalFile(path, len(DATA), SHA) as file:
        await file.read(0, 90_000)
        with pytest.raises(FileRotten, match="changed on the disk"):
            await file.read(90_000, 10_000)
        with pytest.raises(FileRotten):
            await file.verify()


async def test_verify_leaves_the_reader_usable(path: Path) -> None:
    with LocalFile(path, len(DATA), SHA) as file:
        await file.read(0, 40_000)
        await file.verify()
        assert await file.read(40_000, 60_000) == DATA[40_000:]


async def test_what_another_proves_is_read_where_it_is_wanted_and_nowhere_else(path: Path) -> None:
    put(path, b"x" + DATA[1:])
    with LocalFile(path, len(DATA), SHA) as file:
        assert await filled(file, 60_000, 40_000) == DATA[60_000:]
        with pytest.raises(FileRotten):
            await file.verify()


def test_another_length_is_said_with_both_figures(path: Path) -> None:
    with pytest.raises(FileRotten, match="100000 bytes on the disk, but 7 were recorded"):
        LocalFile(path, 7, SHA)


async def test_a_file_cut_while_it_is_read_is_said(path: Path) -> None:
    with LocalFile(path, len(DATA), SHA) as file:
        os.truncate(path, 10)
        with pytest.raises(FileRotten, match="ends before its length"):
            await file.read(0, 1000)


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileMissing, match="gone"):
        LocalFile(tmp_path / "nothing", 1, SHA)


def test_a_link_out_of_the_spool_is_not_followed(tmp_path: Path, path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(path)
    with pytest.raises(FileMissing, match="not a plain file"):
        LocalFile(link, len(DATA), SHA)


def test_a_folder_is_no_take(tmp_path: Path) -> None:
    with pytest.raises(FileMissing, match="not a plain file"):
        LocalFile(tmp_path, 1, SHA)
