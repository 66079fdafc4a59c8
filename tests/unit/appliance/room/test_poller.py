"""What the room says of its panels must be what they said; one that hangs or is broken must cost the others nothing."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from types import ModuleType
from typing import cast

import pytest

from appliance.config import Device
from appliance.room.poller import Poller, Seen
from drivers.errors import NotReady, Unsupported
from drivers.panel import pjlink
from drivers.protocols import DriverConfig, DriverModule, PanelState

pytestmark = pytest.mark.anyio
ON = PanelState("on")


def panel(name: str, says: Callable[[], Awaitable[PanelState]], problem: Unsupported | None = None) -> Device:
    class Driver:
        def __init__(self, config: DriverConfig) -> None:
            if problem is not None:
                raise problem

        async def state(self) -> PanelState:
            return await says()

    module = ModuleType(name)
    module.__dict__.update(Driver=Driver, Config=DriverConfig)
    return Device("panel", name, "x", name, DriverConfig(id=name, driver="x"), cast(DriverModule, module))


@asynccontextmanager
async def polling(*devices: Device, limit: float = 5.0) -> AsyncIterator[Poller]:
    poller = Poller(devices, every=0.01, limit=limit)
    task = asyncio.create_task(poller.run())
    try:
        yield poller
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - the poller has no event for every look
            await asyncio.sleep(0.002)


async def on() -> PanelState:
    return ON


async def for_ever() -> PanelState:
    await asyncio.Event().wait()
    return ON


async def test_a_panel_that_says_that_it_changed_is_asked_at_once() -> None:
    """PJLink's notices, from a real datagram to a new look."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    looks = 0

    async def counted() -> PanelState:
        nonlocal looks
        looks += 1
        return ON

    device = panel("projector", counted)
    module = cast(ModuleType, device.module)
    module.__dict__["notices"] = partial(pjlink.notices, port=port)
    module_config = pjlink.PjlinkConfig(id="projector", driver="pjlink", host="127.0.0.1")
    poller = Poller([replace(device, config=module_config)], every=3600)
    task = asyncio.create_task(poller.run())
    await until(lambda: looks == 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as projector:
        projector.sendto(b"%2INPT=32\r", ("127.0.0.1", port))
    await until(lambda: looks == 2)
    poller.look("projector")
    await until(lambda: looks == 3)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_panel_that_hangs_and_one_that_is_broken_hold_up_no_other() -> None:
    looks = 0

    async def counted() -> PanelState:
        nonlocal looks
        looks += 1
        return ON

    async def broken() -> PanelState:
        raise RuntimeError("its author's fault")

    async with polling(panel("deaf", for_ever), panel("broken", broken), panel("good", counted)) as poller:
        await until(lambda: looks > 20 and poller.seen["broken"].problem)
        assert poller.seen["deaf"] == Seen()
        assert poller.seen["good"].state == ON
        problem = poller.seen["broken"].problem
        assert problem is not None
        assert problem.code == "driver-broken"


async def test_a_panel_that_is_lost_keeps_its_last_word_and_comes_back() -> None:
    gone: list[bool] = []

    async def sometimes() -> PanelState:
        if gone:
            raise NotReady("device-silent", "It does not answer; check its cable.")
        return ON

    async with polling(panel("p", sometimes)) as poller:
        await until(lambda: poller.seen["p"].state)
        gone.append(True)
        await until(lambda: poller.seen["p"].problem)
        assert poller.seen["p"].state == ON
        gone.clear()
        await until(lambda: poller.seen["p"].problem is None)


async def test_a_look_has_its_time_limit() -> None:
    async with polling(panel("deaf", for_ever), limit=0.02) as poller:
        await until(lambda: poller.seen["deaf"].problem)
        problem = poller.seen["deaf"].problem
        assert problem is not None
        assert problem.code == "no-answer"


async def test_a_panel_that_can_never_work_says_why_and_is_left_alone() -> None:
    refused = Unsupported("profile-mistake", "The profile has a mistake.")
    async with polling(panel("wrong", on, refused), panel("good", on)) as poller:
        await until(lambda: poller.seen["good"].state)
        assert poller.seen["wrong"].problem is refused


async def test_sources_are_none_of_its_business() -> None:
    camera = Device("camera", "front", "sim", "front")
    assert Poller([camera]).seen == {}
