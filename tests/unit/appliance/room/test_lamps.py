"""A dark lamp promises that nobody is heard: it may be dark only when that is true. No lamp may cost a lesson."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from types import ModuleType
from typing import cast

import pytest

from appliance.config import Device
from appliance.events import Bus, LessonChanged
from appliance.recorder.status import LessonStatus, RecorderState, RecorderStatus
from appliance.room.lamps import Lamps, signal_of
from drivers.errors import NotReady
from drivers.protocols import DriverConfig, DriverModule, Signal

pytestmark = pytest.mark.anyio
IDLE = RecorderStatus("ready", None, (), 10**12, 10**12, 100.0)
LESSON = LessonStatus("01", "", "recording", 0.0, 0.0, 0, 0)


def during(state: RecorderState) -> RecorderStatus:
    return replace(IDLE, state=state, lesson=LESSON)


@pytest.mark.parametrize(
    ("status", "signal"),
    [
        (IDLE, "off"),
        (replace(IDLE, state="cannot-record"), "off"),
        (replace(IDLE, held_seconds=7), "recording"),
        (during("starting"), "recording"),
        (during("recording"), "recording"),
        (during("stopping"), "recording"),
        (during("paused"), "paused"),
        (during("cannot-record"), "problem"),
    ],
)
def test_a_lamp_is_dark_only_where_no_device_is_open(status: RecorderStatus, signal: Signal) -> None:
    assert signal_of(status) == signal


class Bulb:
    """A lamp of the tests. wrong: it is gone; hangs: it never answers."""

    def __init__(self) -> None:
        self.shows: list[Signal] = []
        self.wrong: Exception | None = None
        self.hangs = False

    async def show(self, signal: Signal) -> None:
        if self.hangs:
            await asyncio.Event().wait()
        if self.wrong is not None:
            raise self.wrong
        self.shows.append(signal)


def device(name: str, bulb: Bulb) -> Device:
    module = ModuleType(name)
    module.__dict__.update(Driver=lambda config: bulb, Config=DriverConfig)
    return Device("indicator", name, "x", name, DriverConfig(id=name, driver="x"), cast(DriverModule, module))


class Room:
    def __init__(self) -> None:
        self.bus = Bus()
        self.status = IDLE
        self.ready = asyncio.Event()
        self.ready.set()

    def becomes(self, status: RecorderStatus) -> None:
        self.status = status
        self.bus.publish(LessonChanged("01", "recording"))


@asynccontextmanager
async def lit(room: Room, *devices: Device, again: float = 60.0, limit: float = 5.0) -> AsyncIterator[Lamps]:
    lamps = Lamps(devices, lambda: room.status, room.bus, again=again, limit=limit)
    task = asyncio.create_task(lamps.run(room.ready))
    try:
        yield lamps
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - lamps have no event for what they have shown
            await asyncio.sleep(0.002)


async def test_a_lamp_follows_the_lesson_and_is_dark_when_the_daemon_has_gone() -> None:
    room, bulb = Room(), Bulb()
    async with lit(room, device("lamp", bulb)) as lamps:
        await until(lambda: lamps.shown["lamp"].signal == "off")
        room.becomes(during("starting"))
        await until(lambda: lamps.shown["lamp"].signal == "recording")
        room.becomes(during("recording"))
        room.becomes(during("paused"))
        await until(lambda: lamps.shown["lamp"].signal == "paused")
        assert bulb.shows == ["off", "recording", "paused"], "the same is said once"
        room.status = IDLE  # the recorder has ended the lesson; nobody listens to its events any more
    assert bulb.shows[-1] == "off"


async def test_what_was_not_acknowledged_is_not_called_shown_and_comes_when_the_lamp_is_back() -> None:
    room, bulb = Room(), Bulb()
    async with lit(room, device("lamp", bulb)) as lamps:
        await until(lambda: lamps.shown["lamp"].signal == "off")
        bulb.wrong = NotReady("device-lost", "It is gone.")
        room.becomes(during("recording"))
        await until(lambda: lamps.doubtful)
        assert lamps.shown["lamp"].signal == "off", "what it said last"
        bulb.wrong = None
        room.becomes(during("recording"))
        await until(lambda: lamps.shown["lamp"].signal == "recording")
        assert not lamps.doubtful


async def test_a_daemon_that_starts_darkens_no_lamp_before_it_knows_of_a_lesson_that_goes_on() -> None:
    room, bulb = Room(), Bulb()
    room.ready.clear()
    async with lit(room, device("lamp", bulb)):
        await asyncio.sleep(0.02)
        room.becomes(during("recording"))
        room.ready.set()
        await until(lambda: bulb.shows)
        assert bulb.shows == ["recording"]


async def test_a_lamp_whose_power_failed_is_told_again() -> None:
    room, bulb = Room(), Bulb()
    room.status = during("recording")
    async with lit(room, device("lamp", bulb), again=0.01):
        await until(lambda: bulb.shows.count("recording") >= 3)


async def test_a_lamp_that_hangs_or_is_broken_keeps_no_other_dark() -> None:
    room, good, hanging, broken = Room(), Bulb(), Bulb(), Bulb()
    hanging.hangs, broken.wrong = True, ZeroDivisionError("a fault of the driver")
    devices = device("hanging", hanging), device("broken", broken), device("good", good)
    async with lit(room, *devices, limit=0.05) as lamps:
        room.becomes(during("recording"))
        await until(lambda: lamps.shown["good"].signal == "recording")
        await until(lambda: {lamp.id for lamp in lamps.doubtful} == {"hanging", "broken"})
        problem = lamps.shown["hanging"].problem
        assert problem is not None
        assert problem.code == "no-answer"
