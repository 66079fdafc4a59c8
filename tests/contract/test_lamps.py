"""One contract for every lamp: what it shows is what the device says or took, and what is gone is not believed."""

from __future__ import annotations

import asyncio
import errno
import os
import tty
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import aiomqtt
import pytest
from pymodbus.server import ModbusSerialServer, ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from drivers.errors import AuthFailed, NotReady, Unsupported
from drivers.indicator import modbus, mqtt, serial_relay, sim, usb_relay
from drivers.link.link import hang_up
from drivers.link.stand_in import unplug_all
from drivers.protocols import Indicator, Signal
from tests.peers.mqtt_broker import MqttBroker, mqtt_broker
from tests.peers.wire import pty
from tests.system.deployment import free_port

pytestmark = pytest.mark.anyio
COILS = 8


@pytest.fixture(autouse=True)
async def hung_up() -> AsyncIterator[None]:
    yield
    hang_up()
    unplug_all()


@dataclass
class Rig:
    """A lamp and the device behind it. lit: what the device says; cut: it is gone; mend: it is back."""

    lamp: Indicator
    lit: Callable[[], Awaitable[bool]]
    cut: Callable[[], Awaitable[None]]
    mend: Callable[[], Awaitable[None]] | None = None


@asynccontextmanager
async def serial(answers: bool) -> AsyncIterator[Rig]:
    relay = sim.Relay()

    def reply(data: bytes) -> list[tuple[float, bytes | None]]:
        relay.answer(data)
        said = b"\xa0\x01\x01" if relay.on else b"\xa0\x01\x00"
        return [(0, b"noise"), (0.01, said[:1]), (0.02, said[1:])] if answers else []

    async with pty(reply) as port:
        table: dict[str, str] = {"id": "lamp", "driver": "serial-relay", "port": port.path}
        if answers:
            table |= {"on_answer": "A0 01 01", "off_answer": "A0 01 00"}

        async def lit() -> bool:
            await asyncio.sleep(0 if answers else 0.05)  # a relay that never answers takes a moment to hear
            return relay.on

        async def cut() -> None:
            port.unplug()

        yield Rig(serial_relay.Driver(serial_relay.SerialRelayConfig.model_validate(table)), lit, cut)


class Board:
    """The board's end of ``usb_relay.Bus``, as its firmware keeps it. There is no HID bus on the tests' machines."""

    def __init__(self, letters: bytes = b"BITFT") -> None:
        self.letters, self.state, self.there = letters, 0, True

    def boards(self) -> Sequence[str]:
        return ["/dev/hidraw7"] if self.there else []

    def read(self, path: str) -> bytes:
        self._transfer(path)
        return bytes([0, *self.letters, 0, 0, self.state])

    def write(self, path: str, report: bytes) -> None:
        self._transfer(path)
        number, order, relay = report[:3]
        assert (number, len(report)) == (0, 9)
        bit = 1 << (relay - 1)
        self.state = self.state | bit if order == 0xFF else self.state & ~bit

    def _transfer(self, path: str) -> None:
        if not self.there:
            raise OSError(errno.EPIPE, os.strerror(errno.EPIPE))


@asynccontextmanager
async def usb() -> AsyncIterator[Rig]:
    board = Board()

    async def lit() -> bool:
        return board.state == 0b10

    async def there(now: bool) -> None:
        board.there = now

    config = usb_relay.UsbRelayConfig(id="lamp", driver="usb-relay", relay=2)
    yield Rig(usb_relay.Driver(config, board), lit, lambda: there(False), lambda: there(True))


def unit() -> SimDevice:
    blocks = [SimData(0, count=COILS, values=False, datatype=DataType.BITS)]
    registers = [SimData(0, count=COILS, values=0, datatype=DataType.REGISTERS)]
    return SimDevice(id=5, simdata=(blocks, blocks, registers, registers))


async def coil_of(server: ModbusTcpServer | ModbusSerialServer, coil: int) -> bool:
    values = await server.async_getValues(5, 1, coil, 1)
    assert isinstance(values, list)
    return bool(values[0])


@asynccontextmanager
async def modbus_tcp() -> AsyncIterator[Rig]:
    port = free_port()
    servers: list[ModbusTcpServer] = []

    async def mend() -> None:
        servers.append(ModbusTcpServer(unit(), address=("127.0.0.1", port)))
        await servers[-1].serve_forever(background=True)

    async def cut() -> None:
        await servers[-1].shutdown()

    await mend()
    config = modbus.ModbusConfig(id="lamp", driver="modbus", host="127.0.0.1", tcp_port=port, unit=5, coil=3)
    try:
        yield Rig(modbus.Driver(config), lambda: coil_of(servers[-1], 3), cut, mend)
    finally:
        await servers[-1].shutdown()


@asynccontextmanager
async def null_modem() -> AsyncIterator[tuple[str, str, Callable[[], None]]]:
    """Two serial ports that are connected, and what pulls the cable."""
    loop = asyncio.get_running_loop()
    ends = [os.openpty() for _ in range(2)]
    masters = [master for master, _ in ends]
    for _, slave in ends:
        tty.setraw(slave)
    for here, there in (masters, masters[::-1]):
        loop.add_reader(here, lambda here=here, there=there: os.write(there, os.read(here, 4096)))

    def pull() -> None:
        for master in masters:
            loop.remove_reader(master)

    try:
        yield os.ttyname(ends[0][1]), os.ttyname(ends[1][1]), pull
    finally:
        pull()
        for end in ends:
            for file in end:
                os.close(file)


@asynccontextmanager
async def modbus_rtu() -> AsyncIterator[Rig]:
    async with null_modem() as (near, far, pull):
        server = ModbusSerialServer(unit(), port=far, baudrate=9600)
        await server.serve_forever(background=True)
        config = modbus.ModbusConfig(id="lamp", driver="modbus", port=near, unit=5, coil=3)

        async def cut() -> None:
            pull()

        try:
            yield Rig(modbus.Driver(config), lambda: coil_of(server, 3), cut)
        finally:
            await server.shutdown()


async def retained(broker: MqttBroker, topic: str) -> str:
    """The last word on a topic, as a lamp that joins now would hear it."""
    async with aiomqtt.Client("127.0.0.1", broker.port, timeout=5) as client:
        await client.subscribe(topic, qos=1)
        async with asyncio.timeout(5):
            message = await anext(aiter(client.messages))
    return bytes(message.payload).decode()


@asynccontextmanager
async def behind_a_broker() -> AsyncIterator[Rig]:
    async with mqtt_broker(free_port()) as broker:
        table = {"id": "lamp", "driver": "mqtt", "host": "127.0.0.1", "tcp_port": broker.port, "topic": "room/lamp"}
        config = mqtt.MqttLampConfig.model_validate({**table, "words": {"recording": "ON"}})

        async def lit() -> bool:
            return await retained(broker, "room/lamp") == "ON"

        yield Rig(mqtt.Driver(config), lit, broker.kill, broker.start)


@asynccontextmanager
async def simulated() -> AsyncIterator[Rig]:
    relay = sim.Relay()
    port = sim.port_of("indicator lamp", lambda: relay.answer)

    class Wired(sim.Driver):
        def way(self) -> sim.Way:
            return sim.SerialWay(port)  # not another one once it is unplugged

    async def lit() -> bool:
        await asyncio.sleep(0.05)
        return relay.on

    async def cut() -> None:
        unplug_all()

    yield Rig(Wired(sim.SimLampConfig(id="lamp", driver="sim")), lit, cut)


RIGS = {
    "serial-relay": lambda: serial(answers=False),
    "serial-relay that answers": lambda: serial(answers=True),
    "usb-relay": usb,
    "modbus-tcp": modbus_tcp,
    "modbus-rtu": modbus_rtu,
    "mqtt": behind_a_broker,
    "sim": simulated,
}


@pytest.fixture(params=RIGS)
async def rig(request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    async with AsyncExitStack() as stack:
        yield await stack.enter_async_context(RIGS[request.param]())


async def test_a_lamp_shows_what_it_is_told_as_often_as_it_is_told(rig: Rig) -> None:
    assert isinstance(rig.lamp, Indicator)
    await rig.lamp.show("off")
    signals: list[Signal] = ["recording", "recording", "paused", "recording", "off", "off"]
    for signal in signals:
        await rig.lamp.show(signal)
        assert await rig.lit() == (signal == "recording"), signal
        await rig.lamp.check()
        assert await rig.lit() == (signal == "recording"), "a check changed what people see"


async def until_it_fails(lamp: Indicator) -> None:
    """A serial port may take an order before it knows that nobody is there."""
    async with asyncio.timeout(5):
        for _ in range(3):
            await lamp.show("off")
            await asyncio.sleep(0.05)


async def test_a_lamp_that_is_gone_is_said_to_be_and_shows_the_truth_once_it_is_back(rig: Rig) -> None:
    await rig.lamp.show("recording")
    await rig.cut()
    with pytest.raises(NotReady) as caught:
        await until_it_fails(rig.lamp)
    assert caught.value.detail.endswith((".", "?"))
    if rig.mend is not None:
        await rig.mend()
        await rig.lamp.show("recording")
        assert await rig.lit()


async def test_two_lamps_on_one_bus_do_not_disturb_each_other() -> None:
    async with null_modem() as (near, far, _):
        server = ModbusSerialServer(unit(), port=far, baudrate=9600)
        await server.serve_forever(background=True)
        table = {"driver": "modbus", "port": near, "unit": 5}
        red = modbus.Driver(modbus.ModbusConfig.model_validate({**table, "id": "red", "coil": 0}))
        amber = modbus.Driver(
            modbus.ModbusConfig.model_validate({**table, "id": "amber", "coil": 1, "lit": ["paused"]})
        )
        try:
            await asyncio.gather(red.show("paused"), amber.show("paused"))
            assert (await coil_of(server, 0), await coil_of(server, 1)) == (False, True)
            wrong = modbus.Driver(modbus.ModbusConfig.model_validate({**table, "id": "red", "coil": 99}))
            with pytest.raises(Unsupported, match="no coil 99"):
                await wrong.show("recording")
        finally:
            await server.shutdown()


async def test_a_relay_that_stays_open_is_not_believed() -> None:
    class Stuck(Board):
        def write(self, path: str, report: bytes) -> None:
            """Its contacts are welded."""

    lamp = usb_relay.Driver(usb_relay.UsbRelayConfig(id="lamp", driver="usb-relay"), Stuck())
    with pytest.raises(NotReady, match="says it is not"):
        await lamp.show("recording")


async def test_a_relay_is_found_by_its_letters() -> None:
    class Two(Board):
        def boards(self) -> Sequence[str]:
            return ["/dev/hidraw0", "/dev/hidraw1"]

        def read(self, path: str) -> bytes:
            self.letters = b"AAAAA" if path == "/dev/hidraw0" else b"BBBBB"
            return super().read(path)

    with pytest.raises(Unsupported, match="letters"):
        await usb_relay.Driver(usb_relay.UsbRelayConfig(id="lamp", driver="usb-relay"), Two()).check()
    await usb_relay.Driver(usb_relay.UsbRelayConfig(id="lamp", driver="usb-relay", board="BBBBB"), Two()).check()
    with pytest.raises(NotReady, match="CCCCC"):
        await usb_relay.Driver(usb_relay.UsbRelayConfig(id="lamp", driver="usb-relay", board="CCCCC"), Two()).check()


async def test_a_broker_that_wants_a_login_asks_for_a_person() -> None:
    async with mqtt_broker(free_port(), guarded=True) as broker:
        table = {"id": "lamp", "driver": "mqtt", "host": "127.0.0.1", "tcp_port": broker.port, "topic": "room/lamp"}
        with pytest.raises(AuthFailed, match="user or the password"):
            await mqtt.Driver(mqtt.MqttLampConfig.model_validate(table)).check()
        await mqtt.Driver(mqtt.MqttLampConfig.model_validate({**table, "user": "room"})).show("recording")
