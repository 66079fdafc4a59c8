"""A result of a trial counts as long as the machine and the room are those it was made on."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.recorder import encoders
from appliance.recorder.encoders import Choice
from appliance.recorder.plan import SAFE, Encode, Encoder, SourcePlan
from drivers.protocols import Capture

ENCODE = Encode(height=720, fps=25, crf=23, video_rate=2_500_000, audio_rate=96_000)


def source(name: str, *, copy: bool = False, height: int = 720) -> SourcePlan:
    encode = Encode(height, 25, 23, 2_500_000, 96_000)
    return SourcePlan(name, "camera", "sim", name, "video", Capture("video", ("-i", "x"), copy=copy), encode, 0.0, 1)


@pytest.fixture
def ffmpeg(tmp_path: Path) -> Path:
    program = tmp_path / "ffmpeg"
    program.write_text("version 5")
    return program


def kept(folder: Path, ffmpeg: Path, sources: list[SourcePlan]) -> Choice:
    now = encoders.subject(sources, str(ffmpeg), hardware=True)
    choice = Choice(Encoder("libx264", "veryfast"), 0.1, now, {"h264_vaapi /dev/dri/renderD128": "it is broken"})
    encoders.keep(folder, choice)
    return choice


def test_what_was_found_is_remembered(tmp_path: Path, ffmpeg: Path) -> None:
    choice = kept(tmp_path, ffmpeg, [source("front")])
    assert encoders.recall(tmp_path, choice.subject) == choice
    assert encoders.chosen([source("front")], str(ffmpeg), tmp_path, hardware=True) == choice.encoder


def test_another_ffmpeg_or_room_is_tried_anew_and_safe_meanwhile(tmp_path: Path, ffmpeg: Path) -> None:
    kept(tmp_path, ffmpeg, [source("front")])
    for others in ([source("front"), source("back")], [source("front", height=1080)]):
        assert encoders.chosen(others, str(ffmpeg), tmp_path, hardware=True) == SAFE
    ffmpeg.write_text("version 5.1")
    assert encoders.chosen([source("front")], str(ffmpeg), tmp_path, hardware=True) == SAFE


def test_a_camera_that_is_copied_does_not_count(tmp_path: Path, ffmpeg: Path) -> None:
    kept(tmp_path, ffmpeg, [source("front")])
    both = [source("ip", copy=True), source("front")]
    assert encoders.chosen(both, str(ffmpeg), tmp_path, hardware=True).preset == "veryfast"
    assert encoders.settle([source("ip", copy=True)], str(ffmpeg), tmp_path, hardware=True) is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"encoder": {"name": 1, "what": 2}}', "\x00"])
def test_a_damaged_result_is_none(tmp_path: Path, ffmpeg: Path, text: str) -> None:
    (tmp_path / encoders.FILE).write_text(text)
    assert encoders.chosen([source("front")], str(ffmpeg), tmp_path, hardware=True) == SAFE


def test_every_source_is_encoded_as_was_found() -> None:
    sources = encoders.equip([source("front"), source("back")], Encoder("h264_nvenc", "", "/dev/nvidia0"))
    assert {plan.encode.encoder.name for plan in sources} == {"h264_nvenc"}
