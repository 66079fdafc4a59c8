"""One contract for every button and sensor: what a person did is said once, soon, and a device that went is said to be
gone. There is no /dev/uinput on the tests' machines: the kernel's events come through a real pipe."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiomqtt
import pytest

from drivers.errors import AuthFailed, DriverError, NotReady, Unsupported
from drivers.input import evdev, mqtt, sim
from drivers.input.presses import EV_KEY, EVENT, code_of
from drivers.protocols import Happening, Input
from tests.peers.mqtt_broker import MqttBroker, mqtt_broker
from tests.system.deployment import free_port

pytestmark = pytest.mark.anyio


@dataclass
class Rig:
    """press: a person does what means this."""

    source: Input
    press: Callable[[str], Awaitable[None]]


KEY = {"toggle": ("F5", 1), "mark": ("B", 1), "mute": ("MUTE", 1), "unmute": ("MUTE", 0)}


def event(name: str, value: int) -> bytes:
    now = time.time()
    return EVENT.pack(int(now), int(now % 1 * 1e6), EV_KEY, code_of(name), value)


@asynccontextmanager
async def keys(tmp_path: Path) -> AsyncIterator[Rig]:
    pipe = tmp_path / "button"
    table = {"id": "button", "driver": "sim", "pipe": str(pipe), "bounce_ms": 0}
    meanings = {"keys": {"F5": "toggle", "B": "mark", "MUTE": "mute"}, "released": {"MUTE": "unmute"}}
    source = sim.Driver(sim.SimInputConfig.model_validate({**table, **meanings}))

    async def press(what: str) -> None:
        file = os.open(pipe, os.O_WRONLY)
        try:
            whole = event(*KEY[what])
            for piece in (whole[:5], whole[5:]):  # the kernel never tears an event; a pipe may
                os.write(file, piece)
                await asyncio.sleep(0)
        finally:
            os.close(file)

    yield Rig(source, press)


async def publish(broker: MqttBroker, topic: str, payload: str, *, retain: bool = False) -> None:
    async with aiomqtt.Client("127.0.0.1", broker.port, timeout=5) as client:
        await client.publish(topic, payload, qos=1, retain=retain)


def behind(broker: MqttBroker, **more: object) -> mqtt.Driver:
    table = {"id": "button", "driver": "mqtt", "host": "127.0.0.1", "tcp_port": broker.port, "topic": "room/button"}
    return mqtt.Driver(mqtt.MqttInputConfig.model_validate({**table, **more}))


@asynccontextmanager
async def words(tmp_path: Path) -> AsyncIterator[Rig]:
    async with mqtt_broker(free_port()) as broker:
        means = {"single": "toggle", "double": "mark", "true": "mute", "false": "unmute"}
        said = {"toggle": '"single"', "mark": '"double"', "mute": "true", "unmute": "false"}

        async def press(what: str) -> None:
            for junk in ("", "single", '{"battery": 90}', "[1]"):
                await publish(broker, "room/button", junk)
            await publish(broker, "room/button", f'{{"action": {said[what]}, "battery": 90}}')

        yield Rig(behind(broker, field="action", means=means), press)


@pytest.fixture(params=[keys, words], ids=["keys", "mqtt"])
async def rig(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Rig]:
    async with AsyncExitStack() as stack:
        yield await stack.enter_async_context(request.param(tmp_path))


async def heard(happenings: AsyncGenerator[Happening | None, None]) -> Happening | None:
    async with asyncio.timeout(5):
        return await anext(happenings)


async def until_listening(happenings: AsyncGenerator[Happening | None, None]) -> None:
    assert await heard(happenings) is None


async def test_what_a_person_does_is_said_once_and_in_order(rig: Rig) -> None:
    assert isinstance(rig.source, Input)
    async with aclosing(rig.source.happenings()) as happenings:
        await until_listening(happenings)
        await rig.source.check()
        wanted = ["toggle", "mark", "mute", "unmute", "toggle"]
        for what in wanted:
            await rig.press(what)
        said = [await heard(happenings) for _ in wanted]
        if said[0] == "unmute":  # a switch says first how it stands
            said = [*said[1:], await heard(happenings)]
        assert said == wanted


async def test_who_stops_listening_lets_go_of_the_device(rig: Rig) -> None:
    before = len(os.listdir("/proc/self/fd"))
    async with aclosing(rig.source.happenings()) as happenings:
        await until_listening(happenings)
    await asyncio.sleep(0)
    assert len(os.listdir("/proc/self/fd")) <= before + 1  # a watcher of child processes may have come


async def test_a_broker_that_dies_is_missed() -> None:
    async with (
        mqtt_broker(free_port()) as broker,
        aclosing(behind(broker, means={"single": "toggle"}).happenings()) as happenings,
    ):
        await until_listening(happenings)
        await broker.kill()
        with pytest.raises(NotReady, match="broker"):
            await heard(happenings)


async def test_a_press_that_a_broker_kept_is_nobody_s_press_but_a_state_counts() -> None:
    async with mqtt_broker(free_port()) as broker:
        await publish(broker, "room/button", "single", retain=True)
        async with aclosing(behind(broker, means={"single": "toggle", "hello": "mark"}).happenings()) as happenings:
            await until_listening(happenings)
            await publish(broker, "room/button", "hello")
            assert await heard(happenings) == "mark"
        await publish(broker, "room/button", "ON", retain=True)
        async with aclosing(behind(broker, means={"ON": "occupied", "OFF": "empty"}).happenings()) as happenings:
            await until_listening(happenings)
            assert await heard(happenings) == "occupied"


async def error_of(path: Path) -> DriverError:
    config = evdev.EvdevConfig.model_validate(
        {"id": "button", "driver": "evdev", "device": str(path), "keys": {"F5": "toggle"}}
    )
    with pytest.raises(DriverError) as caught:
        await evdev.Driver(config).check()
    async with aclosing(evdev.Driver(config).happenings()) as happenings:
        with pytest.raises(type(caught.value)):
            await heard(happenings)
    return caught.value


async def test_what_is_no_button_is_said_with_the_next_step(tmp_path: Path) -> None:
    missing = await error_of(tmp_path / "gone")
    assert isinstance(missing, NotReady)
    assert "plug it in" in missing.detail
    (tmp_path / "file").touch()
    wrong = await error_of(tmp_path / "file")
    assert isinstance(wrong, Unsupported)
    assert "no button" in wrong.detail


async def test_a_button_that_may_not_be_read_names_the_group(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:  # the tests may run as root, whom nothing is refused
        patch.setattr(evdev.os, "open", refuse)
        error = await error_of(Path("/dev/input/event3"))
    assert isinstance(error, AuthFailed)
    assert "group input" in error.detail
