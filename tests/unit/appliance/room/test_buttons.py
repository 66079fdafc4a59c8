"""A press must do what it says, once; a mute must hold; and no button may cost a lesson."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import ModuleType
from typing import cast

import pytest

from appliance.config import Device
from appliance.errors import NotRecording, WrongState
from appliance.events import Bus, LessonChanged, OccupancyChanged
from appliance.recorder.status import LessonStatus, RecorderState, RecorderStatus
from appliance.room.buttons import Buttons
from drivers.errors import DriverError, NotReady
from drivers.protocols import DriverConfig, DriverModule, Happening

pytestmark = pytest.mark.anyio


class Recorder:
    """A recorder's states without its files. orders: what it was told and did."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        self.state: RecorderState = "ready"
        self.orders: list[str] = []
        self.slow = asyncio.Event()
        self.slow.set()
        self.lessons = 0

    def status(self) -> RecorderStatus:
        state = "paused" if self.state == "paused" else "recording"
        lesson = LessonStatus(str(self.lessons), "", state, 0.0, 0.0, 0, 0) if self.state != "ready" else None
        return RecorderStatus(self.state, lesson, (), 10**12, 10**12, 100.0)

    async def _becomes(self, order: str, state: RecorderState) -> None:
        await self.slow.wait()
        self.orders.append(order)
        self.state = state
        self.bus.publish(LessonChanged(str(self.lessons), "recording" if state == "recording" else "other"))

    async def start(self, title: str) -> None:
        self.lessons += 1
        await self._becomes("start", "recording")

    async def stop(self) -> None:
        if self.state == "ready":
            raise NotRecording("There is no lesson.")
        await self._becomes("stop", "ready")

    async def pause(self) -> None:
        if self.state == "paused":
            raise WrongState("It is paused.")
        await self._becomes("pause", "paused")

    async def resume(self) -> None:
        await self._becomes("resume", "recording")

    async def mark(self, label: str) -> None:
        if self.state != "recording":
            raise NotRecording("There is no lesson.")
        self.orders.append("mark")


class Button:
    """A device of the tests: what is put into ``said`` has happened; an error, and it is gone."""

    def __init__(self, name: str = "button") -> None:
        self.said: asyncio.Queue[Happening | Exception] = asyncio.Queue()
        self.listened = 0
        module = ModuleType(name)
        module.__dict__.update(Driver=lambda config: self, Config=DriverConfig)
        config = DriverConfig(id=name, driver="x")
        self.device = Device("input", name, "x", name, config, cast(DriverModule, module))

    async def happenings(self) -> AsyncGenerator[Happening | None, None]:
        self.listened += 1
        yield None
        while True:
            said = await self.said.get()
            if isinstance(said, Exception):
                raise said
            yield said

    def does(self, *happenings: Happening | Exception) -> None:
        for happening in happenings:
            self.said.put_nowait(happening)


class Scene:
    def __init__(self, calm: float, patience: float, *buttons: Button) -> None:
        self.bus = Bus()
        self.recorder = Recorder(self.bus)
        self.buttons = Buttons(
            [button.device for button in buttons], self.recorder, self.bus, patience=(patience, patience), calm=calm
        )

    async def ordered(self, *orders: str) -> None:
        await until(lambda: len(self.recorder.orders) >= len(orders))
        assert self.recorder.orders == list(orders)


@asynccontextmanager
async def room(*buttons: Button, calm: float = 0.0, patience: float = 0.01) -> AsyncIterator[Scene]:
    scene = Scene(calm, patience, *buttons)
    ready = asyncio.Event()
    ready.set()
    task = asyncio.create_task(scene.buttons.run(ready))
    try:
        yield scene
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - the test's recorder has no event for an order
            await asyncio.sleep(0.002)


async def test_one_button_starts_marks_and_stops_a_lesson() -> None:
    button = Button()
    async with room(button) as scene:
        for happening, orders in [
            ("toggle", ["start"]),
            ("mark", ["start", "mark"]),
            ("pause", ["start", "mark", "pause"]),
            ("pause", ["start", "mark", "pause", "resume"]),
            ("toggle", ["start", "mark", "pause", "resume", "stop"]),
        ]:
            button.does(cast(Happening, happening))
            await scene.ordered(*orders)
            await asyncio.sleep(0.01)


async def test_an_impatient_second_press_does_not_stop_what_the_first_began() -> None:
    button = Button()
    async with room(button, calm=60) as scene:
        scene.recorder.slow.clear()
        button.does("toggle", "toggle", "toggle")
        await until(button.said.empty)
        scene.recorder.slow.set()
        await scene.ordered("start")
        button.does("toggle", "mark")
        await scene.ordered("start", "mark")


async def test_a_press_that_cannot_be_obeyed_costs_nothing() -> None:
    button = Button()
    async with room(button) as scene:
        button.does("mark", "stop")
        await until(button.said.empty)
        await asyncio.sleep(0.01)
        button.does("start")
        await scene.ordered("start")


async def test_a_mute_holds_whatever_else_is_touched_until_it_is_taken_back() -> None:
    switch = Button()
    async with room(switch) as scene:
        switch.does("mute")
        await until(lambda: scene.buttons.muted)
        await scene.recorder.start("")  # on the panel
        await scene.ordered("start", "pause")
        await scene.recorder.resume()  # likewise
        await scene.ordered("start", "pause", "resume", "pause")
        switch.does("mute", "unmute", "unmute")
        await scene.ordered("start", "pause", "resume", "pause", "resume")
        assert not scene.buttons.muted


async def test_an_unmute_goes_on_with_no_lesson_that_a_person_paused() -> None:
    switch = Button()
    async with room(switch) as scene:
        await scene.recorder.start("")
        await scene.recorder.pause()
        switch.does("mute", "unmute", "mark")
        await until(switch.said.empty)
        await asyncio.sleep(0.01)
        assert scene.recorder.orders == ["start", "pause"]


async def test_a_mute_switch_that_went_away_loses_no_further_lesson() -> None:
    switch = Button()
    async with room(switch) as scene:
        await scene.recorder.start("")
        switch.does("mute")
        await scene.ordered("start", "pause")
        switch.does(NotReady("input-lost", "It is gone."))
        await until(lambda: not scene.buttons.muted)
        assert scene.recorder.state == "paused", "nobody said that it may go on"
        await scene.recorder.resume()  # on the panel
        await until(lambda: switch.listened == 2)
        assert scene.recorder.state == "recording"


async def test_a_device_that_comes_back_is_listened_to_and_a_broken_driver_harms_no_other() -> None:
    button, broken, waits = Button(), Button("broken"), Button("waits")
    problem: DriverError = NotReady("input-missing", "It is not there.")
    async with room(button, broken, waits) as scene:
        broken.does(ZeroDivisionError("a fault of the driver"))
        waits.does(problem, problem)
        await until(lambda: waits.listened == 3 and "broken" in scene.buttons.problems)
        await until(lambda: "waits" not in scene.buttons.problems)
        button.does("start")
        await scene.ordered("start")


async def test_a_button_that_is_plugged_in_again_works_at_once() -> None:
    button = Button()
    async with room(button, patience=3600) as scene:
        button.does(NotReady("input-lost", "It is gone."), "start")
        await until(lambda: scene.buttons.problems)
        scene.buttons.plugged()
        await scene.ordered("start")


async def test_the_room_knows_whether_somebody_is_in_it() -> None:
    door, desk = Button("door"), Button("desk")
    async with room(door, desk) as scene:
        assert scene.buttons.occupied is None
        with scene.bus.subscribe() as events:
            door.does("empty", "empty")
            assert await events.get() == OccupancyChanged(occupied=False)
            desk.does("occupied")
            assert await events.get() == OccupancyChanged(occupied=True)
            door.does("occupied", "empty")
            desk.does("empty")
            assert await events.get() == OccupancyChanged(occupied=False)
