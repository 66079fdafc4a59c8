"""One contract for every camera, screen and microphone: what the recorder may rely on, whoever wrote the driver."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from drivers import registry
from drivers.errors import AuthFailed, DriverError, NotReady, Unsupported
from tests.peers.feeder import RATE, Fed, beeps, feeding, off_the_even_second, source
from tests.peers.program import wait_until

pytestmark = pytest.mark.anyio

SOURCES = sorted(driver for driver in registry.BUILT_IN if driver[0] in {"camera", "microphone"})
SIMULATED = [
    ("camera", {"scene": "teacher"}),
    ("camera", {"scene": "slides"}),
    ("camera", {"scene": "pattern"}),
    ("microphone", {"scene": "speech"}),
    ("microphone", {"scene": "beep"}),
    ("microphone", {"scene": "silence"}),
]
FRAME = 1280 * 720 * 3 // 2


# -- what holds for all --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "name"), SOURCES)
def test_its_manifest_is_complete(kind: str, name: str) -> None:
    manifest = registry.load(kind, name).MANIFEST
    assert (manifest.kind, manifest.name) == (kind, name)
    assert manifest.title
    assert manifest.capabilities & {"copy", "encode"}
    assert ("level" in manifest.capabilities) == (kind == "microphone")


@pytest.mark.parametrize(("kind", "name"), SOURCES)
def test_an_unknown_key_is_refused(kind: str, name: str) -> None:
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        source(kind, name, colour="red")


@pytest.mark.parametrize(("kind", "name"), SOURCES)
def test_its_capture_is_pure(kind: str, name: str) -> None:
    one, other = source(kind, name).capture(), source(kind, name).capture()
    assert one == other
    assert one.media == source(kind, name).media
    assert one.input[-2] == "-i"
    assert (one.input[-1] == "pipe:0") == (one.feeder is not None)


@pytest.mark.parametrize(("kind", "name"), SOURCES)
async def test_its_check_ends_in_time_with_one_of_three_answers(
    kind: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALSA_CONFIG_PATH", os.devnull)
    began = time.monotonic()
    problem: DriverError | None = None
    try:
        await source(kind, name).check()
    except DriverError as error:
        problem = error
    if problem is not None:
        assert isinstance(problem, NotReady | AuthFailed | Unsupported)
        assert problem.code
        assert problem.detail.endswith((".", "?", "libportaudio2")), "one plain sentence"
    assert time.monotonic() - began < 5.5


# -- feeders -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "keys"), SIMULATED)
def test_a_feeder_gives_a_second_every_second(kind: str, keys: dict[str, object], tmp_path: Path) -> None:
    capture = source(kind, "sim", **keys).capture()
    with feeding(capture, tmp_path) as fed:
        end = fed.read(4.0)
        fps = 5 if keys["scene"] == "slides" else 25
        given = len(fed.out) / FRAME / fps if kind == "camera" else len(fed.sound) / RATE
        # Two frames: one in the making, one in the pipe. The rest is this machine's scheduling.
        slack = 2 / fps + 0.15 if kind == "camera" else 0.2
        assert given == pytest.approx(end - fed.epoch, abs=slack, rel=0.01)
        assert fed.spawned - 0.3 < fed.epoch < fed.first
        epochs = [word for word in fed.words if "epoch" in word]
        assert len(epochs) == 1
        levels = [word for word in fed.words if "rms_db" in word]
        assert bool(levels) == (kind == "microphone")
        if levels:
            assert len(levels) == pytest.approx(10 * (end - fed.epoch), abs=4)


@pytest.mark.parametrize(("kind", "keys"), SIMULATED)
def test_a_feeder_ends_quietly_when_nobody_reads(kind: str, keys: dict[str, object], tmp_path: Path) -> None:
    with feeding(source(kind, "sim", **keys).capture(), tmp_path) as fed:
        wait_until(lambda: fed.read(0.05) and fed.out, 10, "the first bytes")
        fed.stdout.close()
        assert fed.process.wait(5) == 0
        assert not [word for word in fed.words if "code" in word]
        assert "Traceback" not in fed._errors.read_text()


@pytest.mark.parametrize("kind", ["camera", "microphone"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_feeder_ends_quietly_when_told_to(kind: str, number: int, tmp_path: Path) -> None:
    with feeding(source(kind, "sim").capture(), tmp_path) as fed:
        wait_until(lambda: fed.read(0.05) and fed.out, 10, "the first bytes")
        fed.process.send_signal(number)
        fed.read(5)
        assert fed.process.wait(5) == 0
        assert "Traceback" not in fed._errors.read_text()


def test_a_feeder_that_was_held_up_catches_up_with_the_clock(tmp_path: Path) -> None:
    with feeding(source("camera", "sim", scene="pattern").capture(), tmp_path) as fed:
        fed.read(1.0)
        fed.process.send_signal(signal.SIGSTOP)
        fed.read(1.0)
        fed.process.send_signal(signal.SIGCONT)
        end = fed.read(1.5)
        assert len(fed.out) / FRAME / 25 == pytest.approx(end - fed.epoch, abs=0.25)


# -- the simulated room can be measured ----------------------------------------------------------------------------


def test_flash_and_beep_come_at_the_same_instants(tmp_path: Path) -> None:
    with feeding(source("camera", "sim", scene="pattern").capture(), tmp_path) as camera:
        camera.read(4.5)
        frames = np.frombuffer(bytes(camera.out[: len(camera.out) // FRAME * FRAME]), np.uint8).reshape(-1, FRAME)
        bright = frames[:, : 1280 * 720 : 997].mean(axis=1) > 180
        flashes = [camera.epoch + n / 25 for n in np.flatnonzero(bright[1:] & ~bright[:-1]) + 1]
    with feeding(source("microphone", "sim", scene="beep").capture(), tmp_path) as microphone:
        microphone.read(4.5)
        heard = beeps(microphone.sound, microphone.epoch)
    assert len(flashes) >= 2
    assert len(heard) >= 2
    assert max(map(abs, off_the_even_second(flashes))) < 0.001
    assert max(map(abs, off_the_even_second(heard))) < 0.001


def test_the_simulated_teacher_can_be_heard_and_the_quiet_room_hardly(tmp_path: Path) -> None:
    with feeding(source("microphone", "sim", scene="speech", language="ar").capture(), tmp_path) as fed:
        fed.read(6.0)
        assert -30 < 20 * np.log10(np.sqrt(np.mean(fed.sound[RATE:].astype(float) ** 2)) / 32768) < -12
    with feeding(source("microphone", "sim", scene="silence").capture(), tmp_path) as fed:
        fed.read(1.0)
        assert 0 < np.max(np.abs(fed.sound)) < 100


def test_every_scene_shows_something_that_moves(tmp_path: Path) -> None:
    for scene in ("teacher", "slides"):
        with feeding(source("camera", "sim", scene=scene, slide_seconds=2).capture(), tmp_path) as fed:
            wait_until(lambda fed=fed: fed.read(0.1) and len(set_of_frames(fed)) > 3, 30, f"a living {scene}")


def set_of_frames(fed: Fed) -> set[int]:
    """Pictures without their clock (the lowest fifth)."""
    frames = np.frombuffer(bytes(fed.out[: len(fed.out) // FRAME * FRAME]), np.uint8).reshape(-1, FRAME)
    return {hash(frame[: 1280 * 570 : 61].tobytes()) for frame in frames[::5]}


def test_a_feeder_writes_nothing_but_media_to_standard_output(tmp_path: Path) -> None:
    """FFmpeg would take a stray word for half a frame, and every picture after it would be shifted."""
    done = subprocess.run(
        [sys.executable, "-m", "drivers.microphone.portaudio_feeder", "--device", "no such thing"],
        capture_output=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == b""
    assert json.loads(done.stderr.splitlines()[-1])["code"] == "microphone-missing"
