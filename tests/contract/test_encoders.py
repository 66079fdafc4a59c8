"""An encoder is taken only after it has proven itself. If these fail, a room records with hardware that spoils its
lessons, or with a preset that its machine cannot bear."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import IO, cast

import pytest

from appliance.recorder import encoders
from appliance.recorder.encoders import NoTrial, Pictures, Refused, choose, moving_pictures, trial
from appliance.recorder.keeper import Order
from appliance.recorder.pipeline import capture_command
from appliance.recorder.plan import Encode, Encoder
from drivers.protocols import Capture
from tests.peers.program import wait_until

FFMPEG = shutil.which("ffmpeg") or "ffmpeg"
ENCODE = Encode(height=240, fps=15, crf=23, video_rate=500_000, audio_rate=96_000)
HARDWARE = Encoder("h264_fake", "", "/dev/fake0")
LARGE = {"sources": 2, "processors": 100}


@pytest.fixture(scope="module")
def pictures() -> Pictures:
    return moving_pictures(FFMPEG, ENCODE)


def wrapper(folder: Path, instead: str) -> str:
    """An FFmpeg whose h264_fake is x264 with these options, or with a script after the bar."""
    program = folder / "ffmpeg"
    options, _, script = instead.partition("|")
    program.write_text(
        f"""#!{sys.executable}
import os, sys, subprocess
argv = sys.argv[1:]
if "h264_fake" in argv:
    at = argv.index("h264_fake")
    argv[at : at + 1] = {shlex.split(options)!r}
    {script or "pass"}
os.execv({FFMPEG!r}, [{FFMPEG!r}, *argv])
"""
    )
    program.chmod(0o755)
    return str(program)


def test_x264_passes_and_costs_something(pictures: Pictures) -> None:
    cores, speed = trial(FFMPEG, ENCODE, pictures)
    assert 0 < cores < 10
    assert speed > 0


@pytest.mark.parametrize(
    ("instead", "reason"),
    [
        ("no_such_encoder", "Unknown encoder"),
        ("libx264 -x264-params rc-lookahead=40:sync-lookahead=40:bframes=0", "holds pictures back"),
        ("mpeg4", "instead of H.264"),
        ("libx264 -tune zerolatency -vf negate", "do not look like"),
        ("libx264 -tune zerolatency -vf fps=5", "came out"),
        ("libx264 -tune zerolatency -vf scale=160:120", "makes pictures of"),
        ("libx264|sys.stdout.write('noise' * 99999); sys.exit()", "no recording"),
        ("libx264|sys.exit(3)", "holds pictures back"),
    ],
)
def test_what_spoils_a_lesson_is_refused(instead: str, reason: str, pictures: Pictures, tmp_path: Path) -> None:
    with pytest.raises(Refused, match=reason):
        trial(wrapper(tmp_path, instead), replace(ENCODE, encoder=HARDWARE), pictures)


def test_hardware_that_works_is_taken(tmp_path: Path) -> None:
    program = wrapper(tmp_path, "libx264 -preset ultrafast -tune zerolatency")
    choice = choose(program, ENCODE, {**LARGE, "sources": 1}, [HARDWARE])
    assert (choice.encoder, choice.refused) == (HARDWARE, {})


def test_hardware_that_is_too_slow_for_all_sources_is_passed_over_for_x264(tmp_path: Path) -> None:
    program = wrapper(tmp_path, "libx264 -tune zerolatency")
    choice = choose(program, ENCODE, {"sources": 1000, "processors": 100_000}, [HARDWARE])
    assert choice.encoder == Encoder("libx264", "veryfast")
    assert "there are 1000" in choice.refused["h264_fake /dev/fake0"]


def test_a_machine_that_can_bear_nothing_gets_the_fastest_preset_and_is_told() -> None:
    choice = choose(FFMPEG, ENCODE, {"sources": 1000, "processors": 1}, [])
    assert choice.encoder.preset == "ultrafast"
    assert not choice.enough
    assert set(choice.refused) == {"libx264 veryfast", "libx264 superfast", "libx264 ultrafast"}


def test_an_ffmpeg_without_any_encoder_is_no_choice(tmp_path: Path) -> None:
    program = tmp_path / "ffmpeg"
    program.write_text(f'#!/bin/sh\ncase "$*" in *libx264*) exit 1;; *) exec {FFMPEG} "$@";; esac\n')
    program.chmod(0o755)
    with pytest.raises(NoTrial, match="No encoder works"):
        choose(str(program), ENCODE, LARGE, [])


def test_only_hardware_that_is_there_is_tried(tmp_path: Path) -> None:
    assert encoders.candidates(FFMPEG, tmp_path) == []
    (tmp_path / "dri").mkdir()
    for node in ("dri/renderD128", "video0", "video1", "nvidia0", "nvidiactl"):
        (tmp_path / node).touch()
    found = [(encoder.name, Path(encoder.device).name) for encoder in encoders.candidates(FFMPEG, tmp_path)]
    assert set(found) <= {
        ("h264_vaapi", "renderD128"),
        ("h264_qsv", "renderD128"),
        ("h264_v4l2m2m", "video0"),
        ("h264_nvenc", "nvidia0"),
    }
    assert found, "this FFmpeg knows at least one of them"


def test_hardware_that_breaks_during_a_lesson_is_followed_by_x264(tmp_path: Path) -> None:
    camera = Capture("video", ("-re", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=15"))
    broken = wrapper(tmp_path, "no_such_encoder")
    lesson = tmp_path / "lesson"
    lesson.mkdir()
    order = Order(
        lesson="lesson",
        folder=str(lesson),
        source="front",
        span=0,
        boot="boot",
        ffmpeg=capture_command(camera, replace(ENCODE, encoder=HARDWARE), broken, 0.25).ffmpeg,
        spare=capture_command(camera, ENCODE, broken, 0.25).ffmpeg,
        feeder=None,
        socket=str(tmp_path / "nobody.sock"),
        reserve=0,
        longest=60.0,
        stall=5.0,
    )
    keeper = subprocess.Popen([sys.executable, "-m", "appliance.recorder.keeper"], stdin=subprocess.PIPE)
    try:
        with cast(IO[bytes], keeper.stdin) as orders:
            orders.write(order.to_json().encode())
        journal = lesson / "front" / "take-001.journal"
        wait_until(lambda: journal.exists() and journal.read_bytes().count(b"\n") > 3, 30, "a take of x264's")
    finally:
        keeper.terminate()
        keeper.wait()
    assert keeper.returncode == 0
