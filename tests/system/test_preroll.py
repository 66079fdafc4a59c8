"""An armed room. If this fails, a late touch on Start costs the first sentence, or a room keeps what nobody started.

A real RTSP camera that flashes and a real PortAudio device that beeps at every even monotonic second.
"""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path

import psutil
import pytest

from tests.measure import beeps, decode_errors, flashes
from tests.peers.program import wait_until
from tests.peers.pulse import pulse_microphone
from tests.peers.rtsp_camera import rtsp_camera
from tests.system.deployment import Room, camera_and_microphone, closing_all, manifest, wait_gone

SECONDS = 4
IN_STEP = 0.060
"""Seconds of a flash or a beep from its instant: what sound and picture may be apart, and a frame."""

UNDER_WAY = 0.005
"""Seconds within which a beep that was sounding already shows itself; a flash does so at once."""


def files(*folders: Path) -> dict[Path, int]:
    """Every file and its size."""
    return {path: path.stat().st_size for folder in folders for path in folder.rglob("*") if path.is_file()}


def written_by(process: psutil.Process) -> list[str]:
    """Files on a disk that a program has open for writing."""
    found = []
    for entry in Path(f"/proc/{process.pid}/fd").iterdir():
        flags = int(Path(f"/proc/{process.pid}/fdinfo/{entry.name}").read_text().split("flags:")[1].split()[0], 8)
        if stat.S_ISREG(entry.stat().st_mode) and flags & os.O_ACCMODE != os.O_RDONLY:
            found.append(str(entry.readlink()))
    return found


def holding(room: Room) -> list[psutil.Process]:
    """The armed keepers and their programs."""
    below = psutil.Process(room.daemon.pid).children(recursive=True)
    keepers = [child for child in below if child.name().startswith("keep ")]
    return [process for keeper in keepers for process in (keeper, *keeper.children())]


def off_the_even_second(epoch: float, instants: list[float]) -> list[float]:
    return [abs((epoch + at + 1) % 2 - 1) for at in instants]


def wait_held(room: Room) -> None:
    wait_until(lambda: room.status()["held_seconds"] == SECONDS, 20, "what the armed room holds")


@pytest.mark.quiet
def test_the_seconds_before_start_are_the_beginning_of_the_lesson_and_never_on_the_disk_before(tmp_path: Path) -> None:
    own = tmp_path / "temporary"
    own.mkdir()
    with rtsp_camera(tmp_path, mode="flash") as camera, pulse_microphone(tmp_path) as microphone:
        microphone.beep()
        devices = camera_and_microphone(camera.url, microphone.device)
        arm = f"[recorder]\nrenditions = false\npre_roll_seconds = {SECONDS}\n\n"
        room = Room(tmp_path, arm + devices, env=microphone.env | {"TMPDIR": str(own)})
        with closing_all(room):
            room.start()
            before = files(room.spool, own)
            wait_held(room)
            # One owner a device, so what the panel shows and hears while nobody records comes from the keepers.
            picture = "/sources/front/snapshot.jpg"
            wait_until(lambda: room.http.get(picture).content.startswith(b"\xff\xd8"), 20, "the camera's picture")
            shown = time.monotonic()  # on a busy machine the camera comes later than the microphone
            wait_until(lambda: time.monotonic() > shown + SECONDS, 20, "as much of the camera as is held")
            assert room.status()["sources"][1]["rms_db"] is not None
            holders = holding(room)
            assert len(holders) == 5  # a keeper and FFmpeg each, and the microphone's feeder
            # Their only file is the daemon's own log, which they have for their last words.
            assert {file for process in holders for file in written_by(process)} <= {str(room.daemon.log)}
            assert files(room.spool, own) == before
            assert room.status()["state"] == "ready"

            room.touch("start", title="The first sentence")
            room.wait_elapsed(SECONDS + 3)
            room.touch("pause")
            paused = room.status()
            assert (paused["held_seconds"], room.left_over()) == (0, [])
            room.touch("resume")
            room.wait_recording("front", "lectern")
            room.touch("stop")
            wait_held(room)

            kept = manifest(room, room.only_lesson()["id"])
            assert SECONDS - 1 < kept["spans"][0]["pre_roll"] < SECONDS + 1
            assert kept["spans"][1]["pre_roll"] == 0
            assert kept["gaps"] == []
            first = {take["source"]: take for take in kept["takes"] if take["span"] == 0}
            for source, signs in (("front", flashes), ("lectern", beeps)):
                take = first[source]
                file = room.spool / "lessons" / kept["id"] / take["file"]
                assert SECONDS - 2 < kept["spans"][0]["mono"] - take["epoch"] < SECONDS + 1
                # One that is under way where the file begins, began before it.
                seen = [at for at in signs(file) if at > UNDER_WAY]
                assert len(seen) >= 3
                assert max(off_the_even_second(take["epoch"], seen)) <= IN_STEP, source
            assert decode_errors(room.spool / "lessons" / kept["id"] / first["lectern"]["file"]) == ""

            # A daemon that is killed takes with it who listens for it; the next one listens anew.
            holders = holding(room)
            room.daemon.kill()
            for process in holders:
                wait_gone(process.pid)
            room.start()
            wait_held(room)
            assert len(room.lessons()) == 1
