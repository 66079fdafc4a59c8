"""Whoever touches a panel's button hears within two seconds how it went, and sees what is so, not what was wished."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import cast

import pytest

from appliance.config import Device, parse
from appliance.errors import ConfigError, DeviceTrouble, NoPicture, NotFound
from appliance.events import Bus, FittingSeen
from appliance.room.fittings import ANSWER_SECONDS, FRESH_SECONDS, Fitting, Fittings, camera_of
from appliance.room.places import Places
from appliance.room.poller import Poller, Seen
from appliance.scenes import Order
from drivers.errors import NotReady
from drivers.protocols import DriverConfig, DriverModule, PanelState, Power, PtzState

pytestmark = pytest.mark.anyio
PICTURE = b"\xff\xd8 where it looks"


class Display:
    """A panel that keeps what it was told, unless it fails."""

    can = frozenset({"power", "volume", "hours"})
    inputs = ("hdmi1",)

    def __init__(self) -> None:
        self.power_now: Power = "off"
        self.fails: Callable[[], Awaitable[None]] | None = None
        self.told: list[object] = []

    async def power(self, *, on: bool) -> None:
        await self._maybe()
        self.power_now = "on" if on else "off"

    async def volume(self, percent: int) -> None:
        await self._maybe()
        self.told.append(percent)

    async def state(self) -> PanelState:
        return PanelState(self.power_now)

    async def _maybe(self) -> None:
        if self.fails is not None:
            await self.fails()


class Turning:
    presets = ("board", "class")

    def __init__(self) -> None:
        self.told: list[object] = []

    async def recall(self, preset: str) -> None:
        self.told.append(preset)

    async def home(self) -> None:
        self.told.append("home")

    async def store(self, preset: str) -> None:
        self.told.append(("store", preset))

    async def state(self) -> PtzState:
        return PtzState("on")


def device(kind: str, name: str, driver: object) -> Device:
    module = ModuleType(name)
    module.__dict__.update(Driver=lambda _config: driver, Config=DriverConfig)
    return Device(kind, name, "x", name.title(), DriverConfig(id=name, driver="x"), cast(DriverModule, module))


class Room:
    def __init__(self, folder: Path, limit: float) -> None:
        self.display, self.turning = Display(), Turning()
        devices = [
            device("panel", "display", self.display),
            device("ptz", "turning", self.turning),
            Device("camera", "front", "x", "Front camera"),
        ]
        self.poller = Poller(devices, every=60)
        self.places = Places(folder / "places")
        self.bus = Bus()
        self.pictures: list[str] = []
        self.blind = False
        self.fittings = Fittings(devices, self.poller, self.places, self.bus, self.snapshot, patience=0.1, limit=limit)

    async def snapshot(self, camera: str) -> bytes:
        if self.blind:
            raise NoPicture("It gives no picture.")
        self.pictures.append(camera)
        return PICTURE

    def seen(self, name: str) -> Fitting:
        return next(each for each in self.fittings.all() if each.device.id == name)


@asynccontextmanager
async def furnished(folder: Path, *, limit: float = 1.0) -> AsyncIterator[Room]:
    room = Room(folder, limit)
    polling = asyncio.create_task(room.poller.run())
    try:
        yield room
    finally:
        await room.fittings.close()
        polling.cancel()
        await asyncio.gather(polling, return_exceptions=True)


async def test_what_is_shown_is_what_the_panel_said_after_it_was_told(tmp_path: Path) -> None:
    async with furnished(tmp_path) as room:
        assert room.seen("display").state is None
        with room.bus.subscribe() as events:
            await room.fittings.tell(Order("display", "power", "on"))
            assert await asyncio.wait_for(events.get(), 1) == FittingSeen("display")
        seen = room.seen("display")
        assert seen.state == PanelState("on")
        assert (seen.can, seen.inputs, seen.telling) == (("power", "volume"), ("hdmi1",), False)


async def test_a_panel_that_takes_its_time_is_answered_for_at_once_and_what_it_refused_is_seen_later(
    tmp_path: Path,
) -> None:
    go = asyncio.Event()

    async def slowly() -> None:
        await go.wait()
        raise NotReady("panel-refuses", "It warms up.")

    async with furnished(tmp_path) as room:
        room.display.fails = slowly
        began = time.monotonic()
        await room.fittings.tell(Order("display", "power", "on"))
        assert time.monotonic() - began < ANSWER_SECONDS
        assert room.seen("display").telling
        go.set()
        async with asyncio.timeout(5):
            while room.seen("display").telling:  # noqa: ASYNC110 - it is what a face looks at
                await asyncio.sleep(0.01)
        untold = room.seen("display").untold
        assert untold is not None
        assert untold.code == "panel-refuses"
        room.display.fails = None
        await room.fittings.tell(Order("display", "power", "on"))
        assert room.seen("display").untold is None


@pytest.mark.parametrize("fault", ["silent", "broken"])
async def test_a_panel_that_hangs_or_whose_driver_is_broken_is_given_up(tmp_path: Path, fault: str) -> None:
    async def fails() -> None:
        if fault == "broken":
            raise ZeroDivisionError
        await asyncio.Event().wait()

    async with furnished(tmp_path, limit=0.05) as room:
        room.display.fails = fails
        with pytest.raises(DeviceTrouble) as caught:
            await room.fittings.tell(Order("display", "volume", 40))
        assert caught.value.facts["problem"] == {"silent": "no-answer", "broken": "driver-broken"}[fault]
        assert room.display.told == []


@pytest.mark.parametrize(
    ("name", "action", "value"),
    [
        ("nobody", "power", "on"),
        ("display", "freeze", "on"),
        ("display", "preset", "board"),
        ("turning", "power", "on"),
        ("turning", "preset", "moon"),
        ("turning", "store", "home"),
    ],
)
async def test_what_a_device_cannot_do_is_not_asked_of_it(tmp_path: Path, name: str, action: str, value: str) -> None:
    async with furnished(tmp_path) as room:
        with pytest.raises(NotFound):
            await room.fittings.tell(Order(name, action, value))


async def test_a_panel_that_was_not_seen_for_long_is_not_known(tmp_path: Path) -> None:
    room = Room(tmp_path, 1.0)
    room.poller.seen["display"] = Seen(PanelState("on"), None, time.monotonic() - FRESH_SECONDS + 5)
    assert room.seen("display").state == PanelState("on")
    room.poller.seen["display"] = replace(room.poller.seen["display"], at=time.monotonic() - FRESH_SECONDS)
    assert room.seen("display").state is None


async def test_a_place_is_kept_with_its_picture_and_never_with_an_old_one(tmp_path: Path) -> None:
    async with furnished(tmp_path) as room:
        assert room.seen("turning").places == {"board": "", "class": ""}
        await room.fittings.tell(Order("turning", "store", "board"))
        assert (room.turning.told, room.pictures) == ([("store", "board")], ["front"])
        assert room.fittings.picture("turning", "board") == PICTURE
        version = room.seen("turning").places["board"]
        assert version
        assert Places(tmp_path / "places").version("turning", "board") == version  # the next daemon knows it

        room.blind = True
        await room.fittings.tell(Order("turning", "store", "board"))
        assert room.seen("turning").places == {"board": "", "class": ""}
        for place in ("board", "../board"):
            with pytest.raises(NotFound):
                room.fittings.picture("turning", place)


CAMERAS = """
[[camera]]
id = "back"
driver = "rtsp"
url = "rtsp://10.0.0.8/1"
[[camera]]
id = "front"
driver = "rtsp"
url = "rtsp://10.0.0.9:554/1"
"""


@pytest.mark.parametrize(
    ("ptz", "camera"),
    [
        ('driver = "visca-ip"\nhost = "10.0.0.9"', "front"),
        ('driver = "visca-ip"\nhost = "10.0.0.9"\ncamera = "back"', "back"),
        ('driver = "visca-ip"\nhost = "10.0.0.7"', ""),
        ('driver = "sim"', ""),
    ],
)
async def test_the_picture_of_a_place_is_of_the_camera_that_turns(ptz: str, camera: str) -> None:
    devices = parse(f'{CAMERAS}[[ptz]]\nid = "turning"\n{ptz}\n').devices
    assert camera_of(devices[-1], devices) == camera


async def test_a_camera_that_is_not_there_is_refused() -> None:
    with pytest.raises(ConfigError) as caught:
        parse(f'{CAMERAS}[[ptz]]\nid = "turning"\ndriver = "sim"\ncamera = "frond"\n')
    assert caught.value.detail == '[[ptz]] "turning", camera: there is no camera "frond" (did you mean "front"?).'
