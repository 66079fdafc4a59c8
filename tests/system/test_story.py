"""A lesson, end to end, over real processes: what an admin pulls is what the camera and the microphone gave.

If these fail, students get a broken, silent or out-of-step recording, or none.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import av
import numpy as np
import pytest

from tests.measure import decode_errors, durations, flashes, flashes_and_beeps, vcl_hashes
from tests.peers.pulse import pulse_microphone, speech
from tests.peers.rtsp_camera import make_clip, rtsp_camera
from tests.system.deployment import Room, Server, camera_and_microphone, closing_all

IN_STEP_MS = 40
SAME_LENGTH = 0.2
"""Seconds by which a file's length may differ from the lesson's."""


def teach(room: Room, server: Server, seconds: float, out: Path) -> tuple[dict[str, object], dict[str, Path]]:
    """Enrol, record, deliver and pull; the lesson as the room lists it, and the pulled files by name."""
    server.start()
    server.enrol(room)
    room.start()
    room.agent.start()
    room.touch("start", title="Les forces — القوى")
    room.wait_recording("front", "lectern")
    room.wait_elapsed(seconds)
    room.touch("stop")
    lesson = room.only_lesson()
    room.wait_receipted()
    server.wait_ready(str(lesson["id"]))
    return lesson, server.pull(out)


@pytest.mark.quiet
def test_pictures_come_bit_for_bit_and_the_speech_is_heard(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", 40, size="1280x720", rate="2M")
    with rtsp_camera(tmp_path, clip=clip) as camera, pulse_microphone(tmp_path) as microphone:
        microphone.play(speech(tmp_path / "speech.wav", 300))  # busy machines take long to get ready
        room = Room(tmp_path, camera_and_microphone(camera.url, microphone.device), env=microphone.env)
        server = Server(tmp_path)
        with closing_all(room, server):
            lesson, files = teach(room, server, 10, tmp_path / "pulled")
        video = files["front.mp4"]
        assert decode_errors(video) == ""
        assert decode_errors(files["lectern.m4a"]) == ""
        assert lesson["gaps"] == []
        assert durations(video).file == pytest.approx(lesson["seconds"], abs=SAME_LENGTH)
        filmed, pulled = vcl_hashes(clip), vcl_hashes(video)
        begin = filmed.index(pulled[0])
        assert len(pulled) > 9 * 30
        assert pulled == filmed[begin : begin + len(pulled)]
        assert loudness_db(video) > -40
        sums = (video.parent / "SHA256SUMS").read_text()
        assert f"{hashlib.sha256(video.read_bytes()).hexdigest()}  front.mp4" in sums


@pytest.mark.quiet
def test_sound_and_both_pictures_are_in_step(tmp_path: Path) -> None:
    with (
        rtsp_camera(tmp_path, mode="flash") as camera,
        rtsp_camera(tmp_path, mode="flash") as other,
        pulse_microphone(tmp_path) as microphone,
    ):
        microphone.beep()
        devices = camera_and_microphone(camera.url, microphone.device)
        devices += f'\n[[camera]]\nid = "side"\ndriver = "rtsp"\nurl = "{other.url}"\n'
        room = Room(tmp_path, devices, env=microphone.env)
        server = Server(tmp_path)
        with closing_all(room, server):
            _, files = teach(room, server, 16, tmp_path / "pulled")
        offsets = [pair.ms for pair in flashes_and_beeps(files["front.mp4"])]
        print(f"offsets of beep against flash, ms: {[round(ms, 1) for ms in offsets]}")  # noqa: T201 - the figure itself
        assert len(offsets) >= 6
        assert abs(float(np.median(offsets))) <= IN_STEP_MS
        # A flash can only begin with a frame; and once the busy machine's own camera or loudspeaker may stumble.
        assert sorted(abs(ms) for ms in offsets)[-2] <= IN_STEP_MS + 1000 / 25
        seen = flashes(files["side.mp4"])
        apart = [min(abs(at - flash) for at in seen) * 1000 for flash in flashes(files["front.mp4"])[1:]]
        assert float(np.median(apart)) <= 1000 / 25 + 20


def loudness_db(file: Path) -> float:
    """RMS of the loudest second, dB of full scale."""
    with av.open(str(file)) as container:
        resampler = av.AudioResampler(format="flt", layout="mono", rate=48000)
        parts = [
            part.to_ndarray().reshape(-1) for frame in container.decode(audio=0) for part in resampler.resample(frame)
        ]
    sound = np.concatenate(parts)
    seconds = sound[: len(sound) // 48000 * 48000].reshape(-1, 48000)
    return float(20 * np.log10(np.sqrt((seconds**2).mean(axis=1)).max() + 1e-9))
