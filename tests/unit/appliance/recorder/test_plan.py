"""What is given up when the machine or its disk is short. If these fail, a lesson loses more than it must."""

from __future__ import annotations

from dataclasses import replace

from appliance.recorder.plan import FULL_QUALITY, Encode, Encoder, Quality, eased

ENCODE = Encode(height=720, fps=25, crf=23, video_rate=2_500_000, audio_rate=96_000)


def test_nothing_is_given_up_without_need() -> None:
    assert eased(ENCODE, FULL_QUALITY) == ENCODE


def test_first_the_preset_then_pictures_and_size() -> None:
    first = eased(ENCODE, Quality(load=1))
    assert first == replace(ENCODE, encoder=Encoder("libx264", "ultrafast"))
    second = eased(ENCODE, Quality(load=2))
    assert (second.most_fps, second.height, second.encoder.preset) == (15, 480, "ultrafast")


def test_hardware_has_no_faster_preset_so_its_pictures_become_fewer_at_once() -> None:
    hardware = replace(ENCODE, encoder=Encoder("h264_vaapi", "", "/dev/dri/renderD128"))
    assert eased(hardware, Quality(load=1)).most_fps == 15


def test_a_small_picture_is_not_made_useless() -> None:
    small = replace(ENCODE, height=360, fps=8)
    assert (eased(small, Quality(load=2)).height, eased(small, Quality(load=2)).fps) == (360, 8)


def test_a_short_disk_halves_the_bytes_and_leaves_the_sound() -> None:
    short = eased(ENCODE, Quality(disk=True))
    assert (short.video_rate, short.crf, short.audio_rate) == (1_250_000, 28, 96_000)
