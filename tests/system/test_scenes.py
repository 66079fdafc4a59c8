"""Start lights the room up, Stop leaves it dark; a panel that hangs costs the lesson nothing. Through a real daemon, to
a panel at the end of a TCP line, one that never answers, and a camera that turns on a serial line."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from drivers.panel import model
from drivers.panel.sim import Simulator
from drivers.ptz.sim import Camera, Row
from tests.peers.http import HTTP
from tests.peers.program import wait_until
from tests.peers.wire import Pty, Server, pty, tcp
from tests.system.test_room_api import Daemon, room

TOML = """
[[camera]]
id = "teacher"
driver = "sim"
[[panel]]
id = "display"
driver = "profile"
profile = "samsung-mdc"
host = "127.0.0.1"
tcp_port = {display}
[[panel]]
id = "deaf"
driver = "profile"
profile = "lg"
label = "Old display"
host = "127.0.0.1"
tcp_port = {deaf}
[[ptz]]
id = "turning"
driver = "visca"
port = "{turning}"
[recorder]
height = 240
fps = 10
[scenes]
grace_seconds = 2
[[scenes.lesson]]
device = "display"
power = "on"
input = "displayport"
[[scenes.lesson]]
device = "deaf"
power = "on"
seconds = 3
[[scenes.lesson]]
device = "turning"
preset = "board"
"""


class Devices:
    """What stands in the classroom."""

    def __init__(self) -> None:
        self.display = Simulator(model.load("samsung-mdc"))
        self.camera = Camera()
        self.camera.presets[1] = (300.0, -40.0, 0.0)
        self._row = Row([self.camera])
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="devices")

    @contextmanager
    def connected(self) -> Iterator[dict[str, Any]]:
        """Where they are, by their ids."""
        self._thread.start()
        lines = asyncio.run_coroutine_threadsafe(self._connect(), self._loop).result(10)
        display, deaf, turning = lines
        try:
            yield {"display": display[1].port, "deaf": deaf[1].port, "turning": turning[1].path}
        finally:
            asyncio.run_coroutine_threadsafe(self._close([line for line, _ in lines]), self._loop).result(10)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(10)
            self._loop.close()

    async def _connect(self) -> tuple[tuple[Any, Server], tuple[Any, Server], tuple[Any, Pty]]:
        display = tcp(lambda data: [(0, self.display.answer(data))])
        deaf = tcp(lambda data: [])
        turning = pty(lambda data: [(0, self._row.answer(data))])
        return (
            (display, await display.__aenter__()),
            (deaf, await deaf.__aenter__()),
            (turning, await turning.__aenter__()),
        )

    async def _close(self, lines: list[Any]) -> None:
        for line in lines:
            await line.__aexit__(None, None, None)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[tuple[Daemon, Devices]]:
    devices = Devices()
    with devices.connected() as where, room(tmp_path, toml=TOML.format(**where)) as daemon:
        yield daemon, devices


def told_by_hand(daemon: Daemon, devices: Devices) -> None:
    """In mid-lesson, as the panel's sheet of the room does it."""

    def tell(device: str, what: str, **body: str | int) -> httpx.Response:
        return HTTP.post(f"{daemon.url}/api/v1/devices/{device}/{what}", json=body, timeout=20)

    def shown(answer: httpx.Response, device: str) -> dict[str, Any]:
        return next(each for each in answer.json()["fixtures"] if each["id"] == device)

    assert shown(tell("display", "order", volume=55), "display")["volume"] == 55
    assert devices.display.state["volume"] == 55
    deaf = tell("deaf", "order", power="on")  # answered while the order is still on its way
    assert deaf.status_code == 503 or shown(deaf, "deaf")["telling"]
    assert deaf.elapsed < timedelta(seconds=4)

    def pictured() -> bool:
        """Stored once more where the camera gave no picture in time, as somebody at a slow panel would."""
        turning = shown(daemon_status(daemon), "turning")
        if not turning["pictures"] and not turning["telling"]:
            assert tell("turning", "place", preset="class").status_code == 200
        return bool(turning["pictures"])

    wait_until(pictured, 60, "the picture of the place")
    assert devices.camera.presets[3] == (0.0, 0.0, 0.0)
    picture = HTTP.get(f"{daemon.url}/api/v1/devices/turning/place.jpg", params={"preset": "class"})
    assert picture.content.startswith(b"\xff\xd8")


def daemon_status(daemon: Daemon) -> httpx.Response:
    return HTTP.get(f"{daemon.url}/api/v1/status", timeout=20)


def soon(condition: Callable[[], object], what: str) -> None:
    wait_until(lambda: bool(condition()), 15, what)


def test_a_lesson_lights_its_room_up_and_leaves_it_dark(place: tuple[Daemon, Devices]) -> None:
    daemon, devices = place
    display, camera = devices.display.state, devices.camera

    daemon.order("start")
    soon(daemon.recording, "bytes of the camera")
    soon(lambda: (display["power"], display["input"]) == ("on", "displayport"), "the display on, at its input")
    soon(lambda: (camera.pan, camera.tilt) == (300, -40), "the camera at the board")
    soon(lambda: daemon.status()["health"]["code"] == "scene", "the deaf display said so")
    facts = daemon.status()["health"]["facts"]
    assert (facts["label"], facts["problem"]) == ("Old display", "device-silent")
    assert daemon.recording()

    fixtures = {each["id"]: each for each in daemon.status()["fixtures"]}
    soon(lambda: daemon.status()["fixtures"][0]["power"] == "on", "what the display says of itself")
    assert fixtures["turning"]["presets"] == ["board", "lectern", "class"]
    turned = HTTP.post(f"{daemon.url}/api/v1/devices/turning/preset", json={"preset": "home"}, timeout=20)
    assert turned.status_code == 200
    assert (camera.pan, camera.tilt) == (0, 0)
    nowhere = HTTP.post(f"{daemon.url}/api/v1/devices/turning/preset", json={"preset": "moon"}, timeout=20)
    assert (nowhere.status_code, nowhere.json()["code"]) == (404, "not-found")
    told_by_hand(daemon, devices)
    foreign = {"Origin": "http://evil.example"}
    refused = HTTP.post(f"{daemon.url}/api/v1/devices/turning/preset", json={"preset": "home"}, headers=foreign)
    assert refused.status_code == 403

    daemon.order("stop")
    assert display["power"] == "on", "within the time of grace nothing goes dark"
    daemon.order("start")
    daemon.order("stop")
    soon(lambda: display["power"] == "off", "the display off")
    assert daemon.status()["lesson"] is None

    known = {each["id"]: each for each in json.loads(daemon.command("devices", "--json").stdout)}
    said = {key: known["display"][key] for key in ("configured", "found", "matched", "healthy", "problem")}
    assert said == {"configured": True, "found": True, "matched": True, "healthy": True, "problem": None}
    assert (known["deaf"]["found"], known["deaf"]["matched"], known["deaf"]["healthy"]) == (False, True, False)
    assert known["deaf"]["problem"]["code"] == "device-silent"
    assert known["turning"]["state"]["power"] == "on"
    doctor = daemon.command("doctor", "--quick", "--config", str(daemon.spool.parent / "room.toml")).stdout
    assert "panel display" in doctor
    assert "remote control is on" in doctor
