"""If these fail, a camera's own stream is recoded, or what waits in an encoder is lost in a power cut."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from appliance.recorder.pipeline import capture_command
from appliance.recorder.plan import Encode, Encoder
from drivers.protocols import Capture

ENCODE = Encode(height=720, fps=25, crf=23, video_rate=2_500_000, audio_rate=96_000)


def pairs(argv: list[str]) -> list[tuple[str, str]]:
    return list(itertools.pairwise(argv))


def test_a_cameras_own_h264_is_copied_and_nothing_else_is_asked_of_it() -> None:
    command = capture_command(Capture("video", ("-i", "rtsp://camera/1"), copy=True), ENCODE, "/bin/ffmpeg", 0.25)
    assert ("-c:v", "copy") in pairs(command.ffmpeg)
    assert "-vf" not in command.ffmpeg
    assert command.ffmpeg[0] == "/bin/ffmpeg"
    assert command.ffmpeg[-1] == "pipe:1"
    assert command.feeder is None


def test_what_is_encoded_here_is_encoded_without_delay() -> None:
    command = capture_command(Capture("video", ("-i", "/dev/video0")), ENCODE, "ffmpeg", 0.25)
    assert ("-tune", "zerolatency") in pairs(command.ffmpeg)
    assert ("-bf", "0") in pairs(command.ffmpeg)


def test_fragments_have_the_length_that_was_asked_for_and_are_flushed_at_once() -> None:
    camera, microphone = Capture("video", ("-i", "x"), copy=True), Capture("audio", ("-i", "pipe:0"), feeder=("mic",))
    for capture, length in ((camera, "480000"), (microphone, "250000")):
        argv = capture_command(capture, ENCODE, "ffmpeg", 0.25).ffmpeg
        assert ("-frag_duration", length) in pairs(argv)
        assert ("-flush_packets", "1") in pairs(argv)
        assert "+empty_moov" in argv[argv.index("-movflags") + 1]


def test_a_feeders_sound_becomes_aac_and_its_pipe_stays_open() -> None:
    capture = Capture("audio", ("-f", "s16le", "-i", "pipe:0"), feeder=("python", "-m", "mic"), env={"SECRET": "x"})
    command = capture_command(capture, ENCODE, "ffmpeg", 0.25)
    assert command.feeder == ["python", "-m", "mic"]
    assert ("-c:a", "aac") in pairs(command.ffmpeg)
    assert "-nostdin" not in command.ffmpeg
    assert command.env == {"SECRET": "x"}
    assert "x" not in command.ffmpeg, "what is in the environment for secrecy's sake must not stand in a command line"


@pytest.mark.parametrize(
    ("name", "device", "wanted"),
    [
        ("h264_vaapi", "/dev/dri/renderD128", ("-async_depth", "1")),
        ("h264_qsv", "/dev/dri/renderD128", ("-forced_idr", "1")),
        ("h264_v4l2m2m", "/dev/video11", ("-c:v", "h264_v4l2m2m")),
        ("h264_nvenc", "/dev/nvidia0", ("-zerolatency", "1")),
    ],
)
def test_hardware_too_holds_no_picture_back(name: str, device: str, wanted: tuple[str, str]) -> None:
    encode = replace(ENCODE, encoder=Encoder(name, "", device))
    argv = capture_command(Capture("video", ("-i", "/dev/video0")), encode, "ffmpeg", 0.25).ffmpeg
    assert wanted in pairs(argv)
    assert ("-bf", "0") in pairs(argv)
    assert "libx264" not in argv
    copied = capture_command(Capture("video", ("-i", "x"), copy=True), encode, "ffmpeg", 0.25).ffmpeg
    assert device not in copied, "a camera's own stream needs no hardware here"


def test_pictures_that_are_too_many_are_left_out_before_they_cost_anything() -> None:
    argv = capture_command(Capture("video", ("-i", "x")), replace(ENCODE, most_fps=15), "ffmpeg", 0.25).ffmpeg
    assert argv[argv.index("-vf") + 1].startswith("fps=15,scale=")
