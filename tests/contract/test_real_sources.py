"""Microphones, screens and cameras as they are: a sound server, an X server, a camera on the network."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from drivers.errors import AuthFailed, NotReady, Unsupported
from drivers.microphone import portaudio
from tests.peers.feeder import RATE, beeps, feeding, off_the_even_second, source
from tests.peers.program import wait_until
from tests.peers.pulse import DEVICE, Microphone, pulse_microphone, speech
from tests.peers.rtsp_camera import make_clip, rtsp_camera
from tests.peers.xserver import xserver

pytestmark = pytest.mark.anyio


# -- a real microphone ---------------------------------------------------------------------------------------------


@pytest.fixture
def mic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Microphone]:
    with pulse_microphone(tmp_path) as mic:
        for name, value in mic.env.items():
            monkeypatch.setenv(name, value)
        yield mic


async def test_a_real_microphone_is_found_and_willing(mic: Microphone) -> None:
    await source("microphone", "portaudio", device=DEVICE).check()
    await source("microphone", "portaudio", device="Lectern").check()
    found = await portaudio.discover()
    assert [device.config["device"] for device in found] == [DEVICE]
    with pytest.raises(NotReady) as caught:
        await source("microphone", "portaudio", device="no such thing").check()
    assert caught.value.code == "microphone-missing"
    with pytest.raises(Unsupported):
        await source("microphone", "portaudio", device=DEVICE, channel=60).check()


def test_a_real_microphone_gives_48000_samples_a_second_in_their_place(mic: Microphone, tmp_path: Path) -> None:
    mic.beep()
    with feeding(source("microphone", "portaudio", device=DEVICE).capture(), tmp_path) as fed:
        end = fed.read(16.0)
        later = fed.read(1.0)  # what a busy sound server had not handed out yet
        assert end - fed.epoch - 0.14 <= len(fed.sound) / RATE <= later - fed.epoch + 0.14
        heard = [beep for beep in beeps(fed.sound, fed.epoch) if beep > fed.epoch + 4]
        assert len(heard) >= 4
        # The loudspeaker of a busy machine stumbles too; a microphone that misplaces sound misplaces all of it.
        assert np.quantile(np.abs(off_the_even_second(heard)), 0.35) < 0.020
        assert len([word for word in fed.words if "rms_db" in word]) == pytest.approx(10 * (later - fed.epoch), abs=5)


def test_speech_reaches_a_real_microphone_louder_with_gain(mic: Microphone, tmp_path: Path) -> None:
    mic.play(speech(tmp_path / "speech.wav", 300))
    peaks = []
    for gain in (-20.0, 0.0):
        with feeding(source("microphone", "portaudio", device=DEVICE, gain_db=gain).capture(), tmp_path) as fed:
            fed.read_sound(3.0)
            peaks.append(int(np.max(np.abs(fed.sound.astype(np.int32)))))
    assert peaks[1] > 2000
    assert peaks[1] > 3 * peaks[0]


def test_of_a_source_of_the_sound_server_the_channel_with_the_voice_is_taken(mic: Microphone, tmp_path: Path) -> None:
    """So are microphones on the network reached; one channel may carry nothing but noise."""
    name = mic.two_channels("table", speech(tmp_path / "speech.wav", 300))
    loudness = {}
    for channel in (1, 2, [1, 2]):
        with feeding(source("microphone", "portaudio", source=name, channel=channel).capture(), tmp_path) as fed:
            fed.read_sound(2.0)
            loudness[str(channel)] = float(np.sqrt(np.mean(fed.sound.astype(float) ** 2)))
    assert loudness["1"] > 500
    assert loudness["2"] < 5
    assert 200 < loudness["[1, 2]"] < loudness["1"]


def test_a_microphone_that_goes_away_is_reported(mic: Microphone, tmp_path: Path) -> None:
    with feeding(source("microphone", "portaudio", device=DEVICE).capture(), tmp_path) as fed:
        wait_until(lambda: fed.read(0.05) and fed.out, 10, "the first sound")
        mic.process.kill()
        fed.read(5)
        assert fed.process.wait(5) == 1
        assert fed.words[-1]["code"] in {"microphone-lost", "microphone-dead"}


# -- a real screen -------------------------------------------------------------------------------------------------


@pytest.fixture
def screen() -> Iterator[str]:
    """A screen of odd size."""
    with xserver("1023x767") as display:
        yield display


async def test_a_real_screen_is_taken_whole(screen: str) -> None:
    await source("camera", "screen", display=screen).check()
    capture = source("camera", "screen", display=screen).capture()
    command = [
        "ffmpeg",
        "-v",
        "error",
        *capture.input,
        "-frames:v",
        "1",
        "-f",
        "rawvideo",
        "-pix_fmt",
        "bgr0",
        "pipe:1",
    ]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, timeout=20, check=True)
    assert len(done.stdout) == 1023 * 767 * 4


async def test_a_part_that_is_not_on_the_screen_is_refused(screen: str) -> None:
    await source("camera", "screen", display=screen, size="640x360", x=100, y=100).check()
    with pytest.raises(Unsupported, match="1023x767") as caught:
        await source("camera", "screen", display=screen, size="1920x1080").check()
    assert caught.value.code == "screen-size"


async def test_a_screen_that_is_not_there_may_come_but_wayland_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    with pytest.raises(NotReady) as caught:
        await source("camera", "screen", display=":4321").check()
    assert caught.value.code == "screen-missing"
    with socket.socket(socket.AF_UNIX) as session:
        session.bind(str(tmp_path / "wayland-0"))
        with pytest.raises(Unsupported, match="choose an X11 session") as refused:
            await source("camera", "screen", display=":4321").check()
    assert refused.value.code == "screen-wayland"


async def test_an_x_server_inside_wayland_which_would_show_black_is_refused() -> None:
    """The first words of one, as far as they are asked for: one screen of 1280x720, and yes to XWAYLAND."""
    body = bytearray(72)
    body[20] = 1
    struct.pack_into("<HH", body, 52, 1280, 720)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(12)
        writer.write(struct.pack("<BBHHH", 1, 0, 11, 0, len(body) // 4) + body)
        question = await reader.readexactly(16)
        writer.write(bytes([1]).ljust(8, b"\0") + bytes([b"XWAYLAND" in question]).ljust(24, b"\0"))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        number = server.sockets[0].getsockname()[1] - 6000
        with pytest.raises(Unsupported) as caught:
            await source("camera", "screen", display=f"127.0.0.1:{number}", xauthority=os.devnull).check()
    assert caught.value.code == "screen-wayland"


# -- a real camera -------------------------------------------------------------------------------------------------


async def test_a_real_camera_is_recorded_bit_by_bit(tmp_path: Path) -> None:
    clip, recorded = make_clip(tmp_path / "clip.mp4", 3), tmp_path / "recorded.mp4"
    with rtsp_camera(tmp_path, clip=clip) as camera:
        driver = source("camera", "rtsp", url=camera.url)
        await driver.check()
        command = ["ffmpeg", "-v", "error", *driver.capture().input, "-map", "0:v:0", "-c", "copy", str(recorded)]
        await asyncio.to_thread(subprocess.run, command, check=True, timeout=30)
    sent, got = slices(clip), slices(recorded)
    assert got == sent, "the camera's pictures, untouched, from the first keyframe on"


def slices(file: Path) -> list[bytes]:
    """The coded pictures alone (NAL types 1 and 5); parameter sets, which a camera repeats, are left out."""
    found = []
    with av.open(str(file)) as container:
        for packet in container.demux(video=0):
            data, at = bytes(packet), 0
            while at + 4 < len(data):
                length = int.from_bytes(data[at : at + 4], "big")
                if data[at + 4] & 31 in {1, 5}:
                    found.append(data[at + 4 : at + 4 + length])
                at += 4 + length
    return found


@pytest.mark.parametrize("digest", [True, False])
async def test_a_camera_with_a_password_is_opened_with_it_alone(digest: bool, tmp_path: Path) -> None:
    password = "s@f:e/1"
    with rtsp_camera(tmp_path, user="admin", password=password, digest=digest) as camera:
        driver = source("camera", "rtsp", url=camera.url, user="admin", password=password)
        await driver.check()
        command = ["ffmpeg", "-v", "error", *driver.capture().input, "-frames:v", "2", "-c", "copy", "-f", "null", "-"]
        await asyncio.to_thread(subprocess.run, command, check=True, timeout=20)
        for login in ({}, {"user": "admin", "password": "wrong"}):
            with pytest.raises(AuthFailed) as caught:
                await source("camera", "rtsp", url=camera.url, **login).check()
            assert caught.value.code == "camera-login"
            assert password not in caught.value.detail


async def test_a_camera_of_another_codec_is_named(tmp_path: Path) -> None:
    with rtsp_camera(tmp_path, codec="jpeg") as camera:
        with pytest.raises(Unsupported) as caught:
            await source("camera", "rtsp", url=camera.url).check()
        assert caught.value.facts["codec"] == "JPEG"
        with pytest.raises(Unsupported) as caught:
            await source("camera", "rtsp", url=camera.url.replace("/cam", "/other")).check()
        assert caught.value.code == "camera-no-stream"


async def test_a_camera_that_is_silent_or_talks_nonsense_is_unreachable(tmp_path: Path) -> None:
    async def nonsense(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        await reader.read()
        writer.close()

    async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    for manners in (nonsense, silence):
        server = await asyncio.start_server(manners, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            began = time.monotonic()
            with pytest.raises(NotReady) as caught:
                await source("camera", "rtsp", url=f"rtsp://127.0.0.1:{port}/cam").check()
            assert caught.value.code == "camera-unreachable"
            assert time.monotonic() - began < 5.5
