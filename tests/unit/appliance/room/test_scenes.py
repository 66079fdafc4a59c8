"""A lesson must find its room ready, and leave it dark; a device that will not must cost nobody anything."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import cast

import pytest

from appliance.config import Device
from appliance.events import Bus, LessonChanged, SceneStepped
from appliance.recorder.status import LessonStatus, RecorderStatus
from appliance.room.scenes import Scenes
from appliance.scenes import ScenesTable
from drivers.errors import NotReady, Unsupported
from drivers.protocols import DriverConfig, DriverModule

IDLE = RecorderStatus("ready", None, (), disk_free=1, disk_total=1, hours_left=1.0)
DURING = replace(IDLE, lesson=LessonStatus("L", "", "recording", started=0.0, elapsed=1.0, marks=0, gaps=0))
pytestmark = pytest.mark.anyio


Told = list[tuple[str, str, object]]


def device(kind: str, name: str, told: Told, refuses: Callable[[str], Awaitable[None]] | None = None) -> Device:
    async def do(action: str, value: object) -> None:
        if refuses is not None:
            await refuses(action)
        told.append((name, action, value))

    class Driver:
        def __init__(self, config: DriverConfig) -> None:
            pass

        async def power(self, *, on: bool) -> None:
            await do("power", on)

        async def blank(self, *, on: bool) -> None:
            await do("blank", on)

        async def select(self, source: str) -> None:
            await do("input", source)

        async def volume(self, percent: int) -> None:
            await do("volume", percent)

        async def recall(self, preset: str) -> None:
            await do("preset", preset)

        async def home(self) -> None:
            await do("home", None)

    module = ModuleType(name)
    module.__dict__.update(Driver=Driver, Config=DriverConfig)
    return Device(kind, name, "x", name.title(), DriverConfig(id=name, driver="x"), cast(DriverModule, module))


@dataclass
class Stage:
    scenes: Scenes
    bus: Bus
    events: asyncio.Queue[object]
    on: bool = False
    looked: list[str] = field(default_factory=list)

    def lesson(self, *, on: bool) -> None:
        self.on = on
        self.bus.publish(LessonChanged("L", "recording" if on else "kept"))

    async def steps(self, count: int) -> list[SceneStepped]:
        found: list[SceneStepped] = []
        async with asyncio.timeout(5):
            while len(found) < count:
                event = await self.events.get()
                if isinstance(event, SceneStepped):
                    found.append(event)
        return found


@asynccontextmanager
async def stage(
    devices: list[Device],
    *,
    grace: float = 0,
    steps: Sequence[dict[str, object]] = (),
    named: dict[str, list[dict[str, object]]] | None = None,
) -> AsyncIterator[Stage]:
    bus = Bus()
    table = ScenesTable.model_validate({"grace_seconds": grace, "lesson": steps, "named": named or {}})
    looked: list[str] = []
    scenes = Scenes(
        table, devices, lambda: DURING if made.on else IDLE, bus, told=looked.append, again=0.01, limit=0.05
    )
    with bus.subscribe() as events:
        made = Stage(scenes, bus, cast("asyncio.Queue[object]", events), looked=looked)
        ready = asyncio.Event()
        ready.set()
        task = asyncio.create_task(scenes.run(ready))
        await asyncio.sleep(0)
        try:
            yield made
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


PANEL: dict[str, object] = {"device": "display", "power": "on", "input": "hdmi1", "volume": 40}
TURNS: dict[str, object] = {"device": "turning", "preset": "board"}


async def test_a_lesson_finds_its_room_ready_and_leaves_it_dark() -> None:
    told: Told = []
    devices = [device("panel", "display", told), device("ptz", "turning", told)]
    async with stage(devices, grace=0, steps=[PANEL, TURNS]) as room:
        room.lesson(on=True)
        await room.steps(4)
        panel = [(action, value) for name, action, value in told if name == "display"]
        assert panel == [("power", True), ("input", "hdmi1"), ("volume", 40)]
        assert ("turning", "preset", "board") in told
        assert room.scenes.troubles == ()
        assert set(room.looked) == {"display", "turning"}
        del told[:]
        room.lesson(on=False)
        await room.steps(2)
        assert sorted(told, key=str) == [("display", "power", False), ("turning", "home", None)]


async def test_a_lesson_within_the_time_of_grace_finds_everything_as_it_was_left() -> None:
    told: Told = []
    async with stage([device("panel", "display", told)], grace=3600, steps=[PANEL]) as room:
        room.lesson(on=True)
        await room.steps(3)
        room.lesson(on=False)
        await asyncio.sleep(0)
        room.lesson(on=True)
        await asyncio.sleep(0.05)
        assert len(told) == 3


async def test_a_panel_that_hangs_delays_no_other_and_is_said() -> None:
    told: Told = []

    async def for_ever(_action: str) -> None:
        await asyncio.Event().wait()

    devices = [device("panel", "deaf", told, for_ever), device("panel", "display", told)]
    deaf: dict[str, object] = {"device": "deaf", "power": "on", "seconds": 1}
    async with stage(devices, grace=0, steps=[deaf, PANEL]) as room:
        room.lesson(on=True)
        assert [step.code for step in await room.steps(3)] == ["", "", ""]
        (late,) = await room.steps(1)
        assert (late.device, late.code) == ("deaf", "no-answer")
        (trouble,) = room.scenes.troubles
        assert trouble.device.id == "deaf"
        assert "deaf" in trouble.problem.detail


async def test_a_projector_that_warms_up_is_told_again_until_it_obeys() -> None:
    told: Told = []
    warming = [NotReady("panel-refuses", "It warms up.")] * 3

    async def refuses(action: str) -> None:
        if action == "input" and warming:
            raise warming.pop()

    async with stage([device("panel", "display", told, refuses)], grace=0, steps=[PANEL]) as room:
        room.lesson(on=True)
        assert {step.code for step in await room.steps(3)} == {""}
        assert not warming


async def test_what_one_device_cannot_do_hinders_nothing_that_follows() -> None:
    told: Told = []

    async def refuses(action: str) -> None:
        if action == "power":
            raise Unsupported("panel-cannot", "It has no power order.")
        if action == "input":
            raise ZeroDivisionError  # its author's fault

    async with stage([device("panel", "display", told, refuses)], grace=0, steps=[PANEL]) as room:
        room.lesson(on=True)
        assert [step.code for step in await room.steps(3)] == ["panel-cannot", "driver-broken", ""]
        assert told == [("display", "volume", 40)]
        room.lesson(on=False)
        await room.steps(1)
        assert room.scenes.troubles == ()


async def test_what_is_undone_can_be_chosen() -> None:
    told: Told = []
    steps: list[dict[str, object]] = [
        {"device": "display", "blank": "off", "input": "hdmi1"},
        {"device": "turning", "preset": "board", "undo": False},
    ]
    devices = [device("panel", "display", told), device("ptz", "turning", told)]
    async with stage(devices, grace=0, steps=steps) as room:
        room.lesson(on=True)
        await room.steps(3)
        del told[:]
        room.lesson(on=False)
        await room.steps(1)
        assert told == [("display", "blank", True)]


async def test_a_scene_is_told_at_a_touch_and_says_who_did_not_obey() -> None:
    told: Told = []

    async def refuses(_action: str) -> None:
        raise Unsupported("panel-cannot", "It cannot.")

    devices = [device("panel", "display", told), device("panel", "deaf", told, refuses)]
    film = [{"device": "display", "input": "hdmi1"}, {"device": "deaf", "blank": "off"}]
    async with stage(devices, named={"film": film, "dark": [{"device": "display", "power": "off"}]}) as room:
        assert room.scenes.names == ("film", "dark")
        assert room.scenes.played is None
        with pytest.raises(KeyError):
            room.scenes.play("lesson")
        room.scenes.play("film")
        played = room.scenes.played
        assert played is not None
        assert played.done_at is None
        await room.steps(2)
        async with asyncio.timeout(5):
            while played.done_at is None:  # noqa: ASYNC110 - it is what a face looks at
                await asyncio.sleep(0)
        assert told == [("display", "input", "hdmi1")]
        assert [trouble.device.id for trouble in played.troubles] == ["deaf"]
        assert room.scenes.troubles == ()  # of the lesson's scene, which there is none of


async def test_a_scene_gives_way_to_the_next_touch() -> None:
    told: Told = []

    async def for_ever(action: str) -> None:
        if action == "power":
            await asyncio.Event().wait()

    display = device("panel", "display", told, for_ever)
    named: dict[str, list[dict[str, object]]] = {
        "film": [{"device": "display", "power": "on", "volume": 60}],
        "dark": [{"device": "display", "blank": "on"}],
    }
    async with stage([display], named=named) as room:
        room.scenes.play("film")
        await asyncio.sleep(0)
        room.scenes.play("dark")
        await room.steps(1)
        assert told == [("display", "blank", True)]
