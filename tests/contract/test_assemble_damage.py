"""Takes that are gone, cut off or damaged cost what is in them and nothing else."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import av
import pytest

from media.assemble import CannotAssemble
from media.remux import NotWhole
from tests.measure import (
    decode_errors,
    flashes_and_beeps,
    vcl_hashes,
)
from tests.measure.room import Room, in_sync
from tests.measure.takes import FPS


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


def test_a_take_that_is_gone_is_a_gap_and_said_so(room: Room) -> None:
    room.video(0.0, 3, ended="lost")
    room.video(3.0, 3, ended="lost")
    room.video(6.0, 3)
    room.audio(0.0, 9)
    room.file("front", 2).unlink()
    film = room.assemble()["front.mp4"]
    assert vcl_hashes(film.path) == vcl_hashes(room.file("front", 1)) + vcl_hashes(room.file("front", 3))
    assert film.problems == ("front: take-002.mp4 cannot be read as a recording (no such file or directory).",)
    in_sync(flashes_and_beeps(film.path), 4)  # the one at 4 s went with the take
    with av.open(str(film.path)) as container:
        assert "Gap: Front camera, 3.0 s" in [chapter["metadata"]["title"] for chapter in container.chapters()]


def test_a_take_that_breaks_off_is_used_as_far_as_it_goes(room: Room) -> None:
    room.video(0.0, 4, ended="lost")
    room.video(4.0, 4)
    room.audio(0.0, 8)
    os.truncate(room.file("front", 1), room.file("front", 1).stat().st_size * 2 // 3)
    film = room.assemble()["front.mp4"]
    assert decode_errors(film.path) == ""
    kept, second = len(vcl_hashes(film.path)) - 4 * FPS, vcl_hashes(room.file("front", 2))
    assert vcl_hashes(film.path)[kept:] == second
    assert 2 * FPS < kept < 4 * FPS
    assert "front: take-001.mp4 has another size than was recorded." in film.problems


@pytest.mark.parametrize("rubbish", [b"", b"\x00" * 5000, b"#EXTM3U\n#EXTINF:1,\ntake-001.mp4\n", os.urandom(4096)])
def test_rubbish_in_place_of_a_take_harms_no_other(room: Room, rubbish: bytes) -> None:
    room.video(0.0, 3, ended="lost")
    room.video(3.0, 3)
    room.audio(0.0, 6)
    room.file("front", 2).write_bytes(rubbish)
    made = room.assemble()
    assert vcl_hashes(made["front.mp4"].path) == vcl_hashes(room.file("front", 1))
    assert len(made["front.mp4"].problems) == 1
    assert made["lectern.m4a"].problems == ()


def test_a_take_whose_bytes_can_no_longer_be_read_is_used_up_to_there(room: Room) -> None:
    """Its tables were read before; as on a disk that fails, the data are gone when they are copied."""
    room.video(0.0, 4, ended="lost")
    room.video(4.0, 4)
    room.audio(0.0, 8)
    take = room.file("front", 1)
    size = take.stat().st_size

    def fail(done: float) -> None:
        if take.stat().st_size == size:
            os.truncate(take, size // 3)

    film = room.assemble(progress=fail)["front.mp4"]
    assert decode_errors(film.path) == ""
    kept = len(vcl_hashes(film.path)) - 4 * FPS
    assert FPS // 2 < kept < 2 * FPS
    assert film.problems == ("front: take-001.mp4 breaks off in the middle.",)


def test_a_disk_that_returns_something_else_is_noticed(room: Room) -> None:
    """As a page that the disk lost: one byte of the film changes after it was written."""
    room.video(0.0, 3)
    changed: list[Path] = []

    def change(done: float) -> None:
        if done > 0.5 and not changed:  # written, and now read back
            changed.extend(room.out.glob(".*.part"))
            with changed[0].open("rb+") as part:
                part.seek(-1, os.SEEK_END)
                part.write(bytes([255 - room.file("front").read_bytes()[-1]]))

    with pytest.raises(NotWhole, match="is the disk in order"):
        room.assemble(progress=change)
    assert changed
    assert list(room.out.iterdir()) == []


def test_damage_in_the_middle_of_a_take_keeps_what_is_before_it(room: Room) -> None:
    room.video(0.0, 6)
    room.audio(0.0, 6)
    take = bytearray(room.file("front").read_bytes())
    middle = take.index(b"moof", len(take) // 2) - 4
    take[middle : middle + 64] = b"\xff" * 64
    room.file("front").write_bytes(take)
    film = room.assemble()["front.mp4"]
    assert decode_errors(film.path) == ""
    assert len(vcl_hashes(film.path)) > 2 * FPS
    assert film.problems
    assert film.seconds == pytest.approx(6.0, abs=0.05)


def test_sound_that_cannot_be_continued_leaves_the_pictures_alone(room: Room) -> None:
    room.video(0.0, 3)
    room.audio(0.0, 3, encode=("-c:a", "libopus", "-b:a", "32k"))
    made = room.assemble()
    assert list(made) == ["front.mp4"]
    assert made["front.mp4"].problems == (
        "lectern: There is no silence to fill its gaps with: the sound is opus of another kind than AAC-LC.",
    )


def test_a_lesson_of_which_nothing_is_left_says_so(room: Room) -> None:
    room.video(0.0, 3)
    shutil.rmtree(room.folder)
    with pytest.raises(CannotAssemble, match="Nothing of the lesson can be used"):
        room.assemble()


def test_a_lesson_without_takes_gives_no_files(room: Room) -> None:
    assert room.assemble() == {}


def test_a_timeline_of_weeks_is_not_filled_with_silence(room: Room) -> None:
    room.audio(0.0, 1, ended="lost")
    room.audio(1_000_000.0, 1)
    with pytest.raises(CannotAssemble, match="clock leapt"):
        room.assemble()


def test_a_full_disk_leaves_nothing_half_made(room: Room) -> None:
    room.video(0.0, 3)
    room.out.rmdir()
    with pytest.raises(OSError, match="No such file"):
        room.assemble()
