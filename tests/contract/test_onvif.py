"""ONVIF: a camera of others is found, asked, recorded and turned; one with bad habits is understood all the same."""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
from collections.abc import Iterator

import pytest

from appliance.recorder.pipeline import capture_command
from appliance.recorder.plan import Encode
from drivers.camera import onvif
from drivers.errors import AuthFailed, DriverError, NotReady, Unsupported
from drivers.onvif.device import OnvifDevice
from drivers.protocols import Ptz
from drivers.ptz import onvif as turning
from media.fragments import Fragment, read_stream
from tests.peers.onvif_camera import PASSWORD, PICTURE, USER, Picky, ipycam, picky

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with ipycam(tmp_path_factory.mktemp("ipycam")) as port:
        yield port


def table(port: int, **keys: object) -> dict[str, object]:
    login = {"user": USER, "password": PASSWORD}
    return {"id": "c", "driver": "onvif", "host": "127.0.0.1", "http_port": port, **login, **keys}


def camera(port: int, **keys: object) -> onvif.Driver:
    return onvif.Driver(onvif.Config.model_validate(table(port, **keys)))


async def test_a_camera_of_others_is_found_on_the_network(port: int) -> None:
    # The address is that from which it answered: whichever this machine gives to what it says to itself.
    found = await onvif.discover(["lo"])
    assert [each.title for each in found if each.config.get("http_port") == port] == ["Lecture hall"]


async def test_a_camera_of_others_says_what_it_shows(port: int) -> None:
    await camera(port).check()
    assert (await camera(port).snapshot()).startswith(b"\xff\xd8")
    assert (await camera(port, profile="SubStream").stream())[-1].endswith("/video_sub")
    with pytest.raises(Unsupported, match=r"MainStream \(H264 640x360\), SubStream"):
        await camera(port, profile="third").check()
    with pytest.raises(AuthFailed):
        await camera(port, password="wrong").check()


def test_a_camera_of_others_is_recorded_without_knowing_its_address(port: int) -> None:
    capture = camera(port).capture()
    assert PASSWORD not in " ".join((*capture.input, *(capture.feeder or ())))
    command = capture_command(capture, Encode(720, 25, 23, 2_000_000, 64_000), "ffmpeg", 0.25)
    environment = {**os.environ, **command.env}
    with (
        subprocess.Popen(command.feeder or [], stdout=subprocess.PIPE, env=environment) as feeder,
        subprocess.Popen(command.ffmpeg, stdin=feeder.stdout, stdout=subprocess.PIPE, env=environment) as ffmpeg,
    ):
        assert feeder.stdout is not None
        assert ffmpeg.stdout is not None
        feeder.stdout.close()
        fragments = []
        for part in read_stream(ffmpeg.stdout.read):
            if isinstance(part, Fragment):
                fragments.append(part)
            if len(fragments) == 6:
                feeder.terminate()
        assert len(fragments) >= 6
        assert ffmpeg.wait(5) == 0, "what was in its hands is whole"


def test_a_camera_that_is_not_there_is_named_by_the_feeder() -> None:
    capture = camera(1).capture()
    done = subprocess.run(capture.feeder or (), env={**os.environ, **capture.env}, capture_output=True, check=False)
    assert done.returncode == 1
    assert b'"code": "camera-unreachable"' in done.stderr
    assert PASSWORD.encode() not in done.stderr


async def test_a_camera_of_others_turns_keeps_a_place_and_comes_back_to_it(port: int) -> None:
    ptz = turning.Driver(turning.Config.model_validate(table(port)))
    assert isinstance(ptz, Ptz)
    await ptz.check()
    await ptz.move(1, 0.5)
    await ptz.zoom(1)
    deadline = time.monotonic() + 5
    while min((seen := await ptz.state()).pan or 0, seen.zoom or 0) < 20 and time.monotonic() < deadline:
        pass
    await ptz.stop()
    there = await ptz.state()
    assert there.pan is not None
    assert there.tilt is not None
    assert there.zoom is not None
    assert there.pan > there.tilt > 0 < there.zoom
    with pytest.raises(Unsupported, match="store it first"):
        await ptz.recall("lectern")
    with pytest.raises(Unsupported, match="board, lectern, class"):
        await ptz.recall("the moon")
    await ptz.store("board")
    await ptz.home()
    assert await arrives(ptz, 0)
    await ptz.recall("board")
    assert await arrives(ptz, there.pan)
    await asyncio.gather(*(ptz.move(at / 100, 0) for at in range(100)))
    await ptz.stop()


async def arrives(ptz: turning.Driver, pan: int) -> bool:
    """Every look is a question to the camera, which takes its time."""
    deadline = time.monotonic() + 5
    while (here := (await ptz.state()).pan) != pan and time.monotonic() < deadline:
        pass
    return here == pan


@pytest.mark.parametrize("login", ["token", "digest"])
async def test_a_camera_that_lives_in_another_year_lets_us_in(login: str) -> None:
    with picky(Picky(login)) as peer:
        assert (await camera(peer.port).stream())[-1] == f"rtsp://{USER}:s%40me%3Aword%2F1@127.0.0.1:554/one"
        assert await camera(peer.port).snapshot() == PICTURE
        with pytest.raises(AuthFailed):
            await camera(peer.port, password="wrong").stream()


async def test_a_camera_whose_clock_is_set_meanwhile_lets_us_in_again() -> None:
    with picky(Picky()) as peer:
        device = OnvifDevice(onvif.Config.model_validate(table(peer.port)))
        await device.profiles()
        peer.years = 0
        assert [profile.name for profile in await device.profiles()] == ["main"]


NONSENSE = {
    "a web page": b"<html><body>Welcome<br></body></html>",
    "no XML": b"\xff\xfe\x00garbage",
    "a bomb": b'<!DOCTYPE e [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><Envelope>&b;</Envelope>',
    "nothing": b" ",
}


@pytest.mark.parametrize("what", NONSENSE)
async def test_what_answers_nonsense_is_no_camera(what: str) -> None:
    with picky(Picky(raw=NONSENSE[what])) as peer, pytest.raises(NotReady) as caught:
        await camera(peer.port).check()
    assert caught.value.code == "device-nonsense"


@pytest.mark.parametrize(
    ("peer", "code"),
    [
        (Picky(stream="rtsp://[broken"), "device-nonsense"),
        (Picky(stream=""), "device-nonsense"),
        (Picky(encoding="JPEG"), "camera-no-stream"),
    ],
)
async def test_a_camera_that_cannot_be_recorded_is_said_in_one_sentence(peer: Picky, code: str) -> None:
    with picky(peer), pytest.raises(DriverError) as caught:
        await camera(peer.port).check()
    assert caught.value.code == code
    assert caught.value.detail.endswith(".")


async def test_a_camera_that_only_shows_cannot_be_turned() -> None:
    with picky(Picky()) as peer, pytest.raises(Unsupported) as caught:
        await turning.Driver(turning.Config.model_validate(table(peer.port))).home()
    assert caught.value.code == "ptz-cannot"
