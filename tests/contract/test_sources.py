"""One contract for every camera, screen and microphone: what the recorder may rely on, whoever wrote the driver."""

from __future__ import annotations

import asyncio
import json
import os
import selectors
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest
from pydantic import ValidationError

from drivers import registry
from drivers.errors import AuthFailed, DriverError, NotReady, Unsupported
from drivers.microphone import portaudio
from drivers.protocols import Capture, Source
from tests.peers.program import wait_until
from tests.peers.pulse import DEVICE, Microphone, pulse_microphone, speech
from tests.peers.rtsp_camera import make_clip, rtsp_camera

pytestmark = pytest.mark.anyio

SMALLEST: Mapping[tuple[str, str], dict[str, object]] = {
    ("camera", "rtsp"): {"url": "rtsp://127.0.0.1:1/cam"},
    ("camera", "onvif"): {"host": "127.0.0.1", "http_port": 1},
}
"""The keys without which a driver's table is not complete."""
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
RATE = 48_000


def source(kind: str, name: str, **keys: object) -> Source:
    module = registry.load(kind, name)
    table = {"id": "it", "driver": name, **SMALLEST.get((kind, name), {}), **keys}
    return module.Driver(module.Config.model_validate_json(json.dumps(table), strict=True))


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


class Fed:
    """A running feeder. out: what it has given so far."""

    def __init__(self, capture: Capture, errors: Path, env: Mapping[str, str] | None = None) -> None:
        assert capture.feeder is not None
        self._errors = errors
        self.spawned = time.monotonic()
        with errors.open("wb") as words:
            self.process = subprocess.Popen(
                capture.feeder, stdout=subprocess.PIPE, stderr=words, env={**os.environ, **capture.env, **(env or {})}
            )
        assert self.process.stdout is not None
        self.stdout = self.process.stdout
        self._selector = selectors.DefaultSelector()
        self._selector.register(self.stdout, selectors.EVENT_READ)
        self.out = bytearray()
        self.first = 0.0

    def read(self, seconds: float) -> float:
        """Take what comes for so long; returns the instant of the last look."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if self._selector.select(left):
                data = os.read(self.stdout.fileno(), 1 << 20)
                if not data:
                    break
                self.first = self.first or time.monotonic()
                self.out += data
        return time.monotonic()

    def read_sound(self, seconds: float) -> None:
        """Until so much has come; a busy machine takes a while to begin."""
        wait_until(lambda: self.read(0.1) and len(self.sound) >= seconds * RATE, 30, f"{seconds} s of sound")

    @property
    def words(self) -> list[dict[str, float | str]]:
        lines = self._errors.read_text(errors="replace").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    @property
    def epoch(self) -> float:
        return float(next(word["epoch"] for word in self.words if "epoch" in word))

    @property
    def sound(self) -> npt.NDArray[np.int16]:
        return np.frombuffer(bytes(self.out[: len(self.out) // 2 * 2]), "<i2")


@contextmanager
def feeding(capture: Capture, folder: Path, env: Mapping[str, str] | None = None) -> Iterator[Fed]:
    fed = Fed(capture, folder / f"feeder-{time.monotonic_ns()}.log", env)
    try:
        yield fed
    finally:
        fed.process.kill()
        fed.process.wait()
        fed.stdout.close()


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


def off_the_even_second(instants: Sequence[float]) -> list[float]:
    return [(instant + 1) % 2 - 1 for instant in instants]


def beeps(sound: npt.NDArray[np.int16], epoch: float) -> list[float]:
    """Instants at which a beep begins; one that was cut at the beginning does not count."""
    loud = np.flatnonzero(np.abs(sound.astype(np.int32)) > 4000)
    first = loud[np.concatenate([[True], np.diff(loud) > RATE // 10])] if len(loud) else loud
    return [epoch + int(at) / RATE for at in first if at > RATE // 20]


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
def screen(tmp_path: Path) -> Iterator[str]:
    """A screen of odd size."""
    ask, tell = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(tell), "-screen", "0", "1023x767x24", "-nolisten", "tcp"],
        pass_fds=(tell,),
        stderr=subprocess.DEVNULL,
    )
    os.close(tell)
    with os.fdopen(ask) as said:
        number = said.readline().strip()
    try:
        yield f":{number}"
    finally:
        server.terminate()
        server.wait()


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
