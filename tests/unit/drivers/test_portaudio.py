"""The microphone that IT staff named must be found again after it was plugged into another socket."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from drivers.feeding import FeederError
from drivers.microphone.portaudio_feeder import Device, choose, one_channel, wanted_channels

DEVICES = [
    Device(0, "HDA Intel PCH: ALC256 (hw:0,0)", 2, 44100),
    Device(4, "Jabra SPEAK 510: USB Audio (hw:2,0)", 1, 48000),
    Device(5, "RODE NT-USB: USB Audio (hw:3,0)", 2, 48000),
    Device(7, "default", 32, 44100),
]


@pytest.mark.parametrize(
    "wanted", ["Jabra SPEAK 510: USB Audio (hw:2,0)", "jabra speak 510: usb audio", "JABRA", "510"]
)
def test_a_name_or_a_part_of_it_finds_the_device(wanted: str) -> None:
    assert choose(DEVICES, wanted).index == 4


def test_a_device_in_another_socket_is_still_the_one_that_was_named() -> None:
    assert choose(DEVICES, "Jabra SPEAK 510: USB Audio (hw:1,0)").index == 4


def test_one_of_two_alike_is_named_by_its_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alike = [Device(number, f"USB Audio: - (hw:{number},0)", 1, 48000) for number in (1, 2)]
    sockets = {"/dev/snd/by-path/left": "/dev/snd/controlC2", "/dev/snd/by-path/right": "/dev/snd/controlC1"}
    monkeypatch.setattr(Path, "resolve", lambda self: Path(sockets.get(str(self), str(self))))
    assert choose(alike, "/dev/snd/by-path/left").index == 2
    assert choose(alike, "/dev/snd/by-path/right").index == 1
    with pytest.raises(FeederError) as caught:
        choose(alike, "/dev/snd/by-path/empty")
    assert caught.value.code == "microphone-missing"


def test_default_is_the_device_of_that_name() -> None:
    assert choose(DEVICES, "default").index == 7


def test_a_name_that_fits_two_is_not_guessed() -> None:
    with pytest.raises(FeederError, match="write one of them in full") as caught:
        choose(DEVICES, "USB Audio")
    assert caught.value.code == "microphone-ambiguous"


def test_a_missing_microphone_is_told_with_those_there_are() -> None:
    with pytest.raises(FeederError, match="RODE") as caught:
        choose(DEVICES, "Shure")
    assert caught.value.code == "microphone-missing"


def test_a_channel_that_is_not_there_is_refused() -> None:
    assert wanted_channels(DEVICES[0], "2") == 2
    assert wanted_channels(DEVICES[0], "1") == 2, "of one alone, a sound server makes a mix"
    assert wanted_channels(DEVICES[1], "mix") == 1
    assert wanted_channels(DEVICES[3], "1,3") == 3
    with pytest.raises(FeederError) as caught:
        wanted_channels(DEVICES[1], "2")
    assert caught.value.code == "microphone-channel"


def test_one_channel_is_taken_or_all_are_mixed() -> None:
    frames = np.array([[1000, 3000], [-1000, 1000]], "<i2").tobytes()
    assert list(np.rint(one_channel(frames, 2, "mix", 1.0) * 32768)) == [2000, 0]
    assert list(np.rint(one_channel(frames, 2, "2", 2.0) * 32768)) == [6000, 2000]
    frames = np.array([[1000, 9999, 3000]], "<i2").tobytes()
    assert list(np.rint(one_channel(frames, 3, "1,3", 1.0) * 32768)) == [2000]
