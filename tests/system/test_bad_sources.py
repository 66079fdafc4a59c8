"""Sources that misbehave beside one that does not. If these fail, one bad camera costs a lesson its sound.

The real daemon, a real microphone (PulseAudio), real RTSP cameras and things that only look like them.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.peers.bad_camera import Manner, bad_camera
from tests.peers.program import wait_until
from tests.peers.pulse import pulse_microphone
from tests.peers.rtsp_camera import rtsp_camera
from tests.system.deployment import Room, closing_all, free_port, gaps_of

PASSWORD = "p@ss:w/rd%41"


@contextmanager
def room_with(folder: Path, camera: str) -> Iterator[Room]:
    """A room whose camera is what the test wants, and whose microphone is beyond reproach."""
    with pulse_microphone(folder) as microphone:
        devices = f"""
[[camera]]
id = "front"
driver = "rtsp"
{camera}

[[microphone]]
id = "lectern"
driver = "portaudio"
device = "{microphone.device}"
"""
        room = Room(folder, devices, env=microphone.env)
        with closing_all(room):
            room.start()
            yield room


def source(room: Room, name: str = "front") -> dict[str, Any]:
    return next(item for item in room.status()["sources"] if item["id"] == name)


def grow(room: Room, seconds: float) -> None:
    """Go on for so many seconds of lesson."""
    room.wait_elapsed(room.status()["lesson"]["elapsed"] + seconds)


def decodes(room: Room) -> None:
    for file in sorted(room.spool.glob("lessons/*/*/take-*.mp4")):
        done = subprocess.run(
            ["ffmpeg", "-v", "error", "-i", str(file), "-f", "null", "-"], capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, ""), file


@pytest.mark.parametrize("manner", ["mute", "garbage", "endless"])
def test_what_only_looks_like_a_camera_is_named_and_the_sound_goes_on(tmp_path: Path, manner: Manner) -> None:
    with bad_camera(manner) as camera:
        port = camera.server_address[1]
        with room_with(tmp_path, f'url = "rtsp://127.0.0.1:{port}/cam"\ntimeout = 2') as room:
            room.touch("start", title="Sound alone")
            room.wait_recording("lectern")
            wait_until(lambda: source(room)["problem"] is not None, 25, "a word on the camera")
            assert room.status()["health"]["code"] == "source-lost"
            assert room.status()["state"] == "recording"
            wait_until(lambda: camera.asked >= 2, 25, "a second attempt")
            grow(room, 2)
            room.touch("stop")
            lesson = room.only_lesson()
            assert gaps_of(lesson, "lectern") == []
            assert lesson["seconds"] > 2
            said = [line for line in room.daemon.words().splitlines() if "Source front" in line]
            assert len(said) <= 2, said


def test_a_camera_that_freezes_is_missed_within_seconds_and_joins_again(tmp_path: Path) -> None:
    with rtsp_camera(tmp_path) as camera, room_with(tmp_path, f'url = "{camera.url}"') as room:
        room.touch("start", title="Frozen")
        room.wait_recording("front", "lectern")
        grow(room, 2)
        os.kill(camera.process.pid, signal.SIGSTOP)
        frozen = time.monotonic()
        try:
            wait_until(lambda: source(room)["state"] != "recording", 5, "the panel's word")
            missed = time.monotonic() - frozen
            grow(room, 6)
        finally:
            os.kill(camera.process.pid, signal.SIGCONT)
        room.wait_recording("front", "lectern", seconds=30)
        grow(room, 2)
        room.touch("stop")
        assert missed < 3.5
        lesson = room.only_lesson()
        (gap,) = gaps_of(lesson, "front")
        assert 5 < gap["seconds"] < 25
        assert gaps_of(lesson, "lectern") == []
        decodes(room)


def test_a_camera_that_changes_its_picture_gets_a_new_take(tmp_path: Path) -> None:
    """In one take there is one form of picture, or players show garbage from there on."""
    clip = tmp_path / "changing.ts"
    for size, begin, seconds in (("640x360", 0, 4), ("320x240", 4, 30)):
        picture = f"testsrc2=size={size}:rate=25:duration={seconds}"
        encode = ["-c:v", "libx264", "-preset", "ultrafast", "-g", "25", "-bf", "0", "-pix_fmt", "yuv420p"]
        raw = ["-output_ts_offset", str(begin), "-f", "mpegts", "-"]
        made = subprocess.run(
            ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", picture, *encode, *raw], check=True, capture_output=True
        )
        with clip.open("ab") as file:
            file.write(made.stdout)
    with rtsp_camera(tmp_path, clip=clip) as camera, room_with(tmp_path, f'url = "{camera.url}"') as room:
        room.touch("start", title="Changing")
        room.wait_recording("front", "lectern")
        room.wait_elapsed(9)
        room.touch("stop")
        lesson = room.only_lesson()
        takes = sorted((room.spool / "lessons" / lesson["id"] / "front").glob("take-*.mp4"))
        assert len(takes) >= 2
        assert gaps_of(lesson, "front")[0]["why"] == "changed"
        assert gaps_of(lesson, "lectern") == []
        for take in takes:
            probe = ["ffprobe", "-v", "error", "-show_entries", "frame=width", "-of", "csv=p=0", str(take)]
            frames = subprocess.run(probe, capture_output=True, text=True, check=True).stdout.split()
            assert len({frame.rstrip(",") for frame in frames}) == 1
        decodes(room)


def test_a_password_of_many_signs_opens_the_camera_and_is_not_told(tmp_path: Path) -> None:
    with (
        rtsp_camera(tmp_path, user="room", password=PASSWORD) as camera,
        room_with(tmp_path, f'url = "{camera.url}"\nuser = "room"\npassword = "{PASSWORD}"') as room,
    ):
        room.touch("start", title="Signs")
        room.wait_recording("front", "lectern")
        camera.process.kill()
        camera.process.wait()
        wait_until(lambda: source(room)["problem"] is not None, 15, "a word on the camera")
        room.touch("stop")
        said = room.daemon.words() + str(room.status())
        assert PASSWORD not in said
        assert "p%40ss" not in said


def test_a_camera_that_is_gone_when_it_is_opened_may_come_later(tmp_path: Path) -> None:
    port = free_port()
    with room_with(tmp_path, f'url = "rtsp://127.0.0.1:{port}/cam"') as room:
        room.touch("start", title="Late")
        room.wait_recording("lectern")
        wait_until(lambda: source(room)["problem"] is not None, 15, "a word on the camera")
        room.wait_elapsed(4)
        with rtsp_camera(tmp_path, port=port):
            room.wait_recording("front", "lectern", seconds=25)
            grow(room, 2)
            room.touch("stop")
        lesson = room.only_lesson()
        assert [gap["why"] for gap in gaps_of(lesson, "front")] == ["late"]
        assert gaps_of(lesson, "lectern") == []


@pytest.mark.parametrize("times", [5, pytest.param(20, marks=pytest.mark.soak)])
def test_a_feeder_that_crashes_again_and_again_leaks_nothing(tmp_path: Path, times: int) -> None:
    """What is opened for an attempt is closed after it."""
    with rtsp_camera(tmp_path) as camera, room_with(tmp_path, f'url = "{camera.url}"') as room:
        room.touch("start", title="Crashes")
        room.wait_recording("front", "lectern")
        keeper = room.programs("lectern")["keeper"]
        before = descriptors(keeper)
        for _ in range(times):
            feeder = wait_feeder(keeper)
            os.kill(feeder, signal.SIGKILL)
            wait_until(lambda gone=feeder: feeder_of(keeper) not in {None, gone}, 30, "another feeder")
        room.wait_recording("front", "lectern", seconds=30)
        assert descriptors(keeper) == before
        assert room.programs("lectern")["keeper"] == keeper
        room.touch("stop")
        assert gaps_of(room.only_lesson(), "front") == []


def descriptors(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def feeder_of(keeper: int) -> int | None:
    children = Path(f"/proc/{keeper}/task/{keeper}/children").read_text().split()
    for child in children:
        try:
            if b"portaudio_feeder" in Path(f"/proc/{child}/cmdline").read_bytes():
                return int(child)
        except OSError:
            continue
    return None


def wait_feeder(keeper: int) -> int:
    wait_until(lambda: feeder_of(keeper) is not None, 30, "a feeder")
    found = feeder_of(keeper)
    assert found is not None
    return found
