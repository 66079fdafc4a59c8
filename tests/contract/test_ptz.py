"""One contract for every camera that turns: over a real serial line, alone and in a row, and over IP."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from itertools import count

import pytest
from visca_over_ip import Camera as ForeignClient

from drivers import registry
from drivers.errors import DriverError, NotReady, Unsupported
from drivers.link.link import hang_up
from drivers.link.stand_in import unplug_all
from drivers.protocols import Ptz
from drivers.ptz import visca, visca_ip
from drivers.ptz import visca_codec as codec
from drivers.ptz.sim import Camera, IpCamera, Row
from drivers.ptz.visca_camera import ViscaCamera
from tests.peers.wire import Piece, pty, tcp

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
async def hung_up() -> AsyncIterator[None]:
    yield
    hang_up()
    unplug_all()


def serial(path: str, address: int = 1) -> ViscaCamera:
    return visca.Driver(visca.ViscaSerialConfig(id=f"c{address}", driver="visca", port=path, address=address))


def over_ip(port: int, transport: str = "udp", host: str = "127.0.0.1") -> ViscaCamera:
    table = {"id": "c", "driver": "visca-ip", "host": host, "ip_port": port, "transport": transport}
    return visca_ip.Driver(visca_ip.ViscaIpConfig.model_validate(table))


@asynccontextmanager
async def ip_camera(camera: Camera, host: str = "127.0.0.1") -> AsyncIterator[tuple[IpCamera, int]]:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setblocking(False)
    sock.bind((host, 0))
    loop = asyncio.get_running_loop()
    transport, device = await loop.create_datagram_endpoint(lambda: IpCamera(camera), sock=sock)
    try:
        yield device, transport.get_extra_info("sockname")[1]
    finally:
        transport.close()
        await asyncio.sleep(0)  # the loop closes the socket in its next round


@pytest.fixture(params=["serial", "udp", "tcp", "sim"])
async def turning(request: pytest.FixtureRequest) -> AsyncIterator[ViscaCamera]:
    if request.param == "serial":
        row = Row([Camera()])
        async with pty(lambda data: [(0, row.answer(data))]) as port:
            yield serial(port.path)
    elif request.param == "udp":
        async with ip_camera(Camera()) as (_, number):
            yield over_ip(number)
    elif request.param == "tcp":
        row = Row([Camera()])
        row.numbered = True
        async with tcp(lambda data: [(0, row.answer(data))]) as server:
            yield over_ip(server.port, "tcp")
    else:
        module = registry.load("ptz", "sim")
        yield module.Driver(module.Config(id="c", driver="sim"))


async def test_a_camera_turns_keeps_a_place_and_comes_back_to_it(turning: ViscaCamera) -> None:
    assert isinstance(turning, Ptz)
    await turning.check()
    await turning.move(1, 0.5)
    await turning.zoom(1)
    await turning.stop()
    there = await turning.state()
    assert there.power == "on"
    assert there.pan is not None
    assert there.tilt is not None
    assert there.zoom is not None
    assert there.pan > 0 < there.tilt
    assert there.zoom > 0
    await turning.store("board")
    await turning.home()
    assert (await turning.state()).pan == 0
    await turning.recall("board")
    assert await turning.state() == there
    with pytest.raises(Unsupported, match="board, lectern, class"):
        await turning.recall("the moon")


async def test_a_hand_on_the_stick_is_followed_but_never_floods_the_line() -> None:
    camera = Camera()
    async with ip_camera(camera) as (device, number):
        said: list[bytes] = []
        answers = device.answers
        device.answers = lambda datagram: (said.append(datagram), answers(datagram))[1]  # type: ignore[method-assign] - it listens in
        turning = over_ip(number)
        await asyncio.gather(*(turning.move(at / 200, 0) for at in range(1, 201)))
        moves = [datagram for datagram in said if datagram[9:12] == b"\x01\x06\x01"]
        assert len(moves) <= 3
        assert moves[-1][8:] == codec.to_camera(1, codec.drive(1, 0)), "the last wish counts"
        waiting = asyncio.create_task(turning.move(-1, 0))
        await asyncio.sleep(0)
        await turning.stop()
        await waiting
        assert said[-1][8:] == codec.to_camera(1, codec.ZOOM_STOP), "nothing moves after stop"


async def test_every_camera_of_a_row_hears_only_its_own_number() -> None:
    cameras = [Camera(), Camera(), Camera()]
    row = Row(cameras)
    async with pty(lambda data: [(0, row.answer(data))]) as port:
        first, third = serial(port.path, 1), serial(port.path, 3)
        cameras[2].on = False
        assert [said.power for said in await asyncio.gather(first.state(), third.state())] == ["on", "off"]
        with pytest.raises(NotReady) as caught:
            await serial(port.path, 4).check()
        assert caught.value.code == "device-silent"


async def test_cameras_that_lost_their_numbers_in_a_power_cut_are_numbered_again() -> None:
    row = Row([Camera()])
    async with pty(lambda data: [(0, row.answer(data))]) as port:
        turning = serial(port.path)
        await turning.check()
        row.numbered = False
        with pytest.raises(NotReady):
            await turning.check()
        await turning.check()


async def test_a_camera_that_was_restarted_or_heard_another_program_is_asked_again() -> None:
    async with ip_camera(Camera()) as (device, number):
        turning = over_ip(number)
        await turning.check()
        device.expected = 5000
        await turning.check()


async def test_a_lost_datagram_costs_a_second_and_no_command() -> None:
    camera = Camera()
    async with ip_camera(camera) as (device, number):
        turning = over_ip(number)
        await turning.check()
        answers, lost = device.answers, [True]
        device.answers = lambda datagram: [] if lost and lost.pop() else answers(datagram)  # type: ignore[method-assign] - it loses one
        await turning.move(1, 0)
        await turning.stop()
        assert camera.pan > 0


async def test_a_camera_that_is_off_says_that_it_cannot_turn(turning: ViscaCamera) -> None:
    await turning.ask(bytes.fromhex("01 04 00 03"))
    assert (await turning.state()).power == "off"
    with pytest.raises(NotReady) as caught:
        await turning.home()
    assert caught.value.code == "ptz-refuses"
    await turning.ask(bytes.fromhex("01 04 00 02"))
    with pytest.raises(Unsupported):
        await turning.ask(bytes.fromhex("01 7E 7E 00"))


Fault = Callable[[bytes, bytes], Iterable[Piece]]
HARMLESS: dict[str, Fault] = {
    "torn": lambda data, right: [(0.002, right[at : at + 1]) for at in range(len(right))],
    "noise": lambda data, right: [(0, b"\x00\x13" + right), (0, b"\x7f\x01")],
    "echo": lambda data, right: [(0, data + right)],
    "another's word": lambda data, right: [(0, b"\xa0\x41\xff" + right)],
    "the last move's end": lambda data, right: [(0, b"\x90\x52\xff\x90\x62\x04\xff" + right)],
}
HARMFUL: dict[str, tuple[Fault, set[str]]] = {
    "nothing": (lambda data, right: [], {"device-silent"}),
    "nonsense": (lambda data, right: [(0, b"\x12\x34\xff")], {"device-nonsense"}),
    "cut": (lambda data, right: [(0, right[:1]), (0.01, None)], {"device-lost", "port-missing"}),
}


@pytest.mark.parametrize("fault", HARMLESS)
async def test_a_bad_line_does_no_harm(fault: str) -> None:
    row, faults = Row([Camera()]), list[Fault]()

    def reply(data: bytes) -> Iterable[Piece]:
        right = row.answer(data)
        return faults[0](data, right) if faults else [(0, right)]

    async with pty(reply) as port:
        turning = serial(port.path)
        faults.append(HARMLESS[fault])
        await turning.home()
        assert (await turning.state()).pan == 0


@pytest.mark.parametrize("fault", HARMFUL)
async def test_a_worse_line_is_said_in_one_sentence(fault: str) -> None:
    row, faults = Row([Camera()]), list[Fault]()

    def reply(data: bytes) -> Iterable[Piece]:
        right = row.answer(data)
        return faults[0](data, right) if faults else [(0, right)]

    async with pty(reply) as port:
        turning = serial(port.path)
        await turning.check()
        faults.append(HARMFUL[fault][0])
        with pytest.raises(DriverError) as caught:
            await turning.home()
        assert caught.value.code in HARMFUL[fault][1]
        assert caught.value.detail.endswith(".")


async def test_a_late_answer_moves_nothing_else() -> None:
    row, late = Row([Camera()]), [True]

    def reply(data: bytes) -> Iterable[Piece]:
        slow = data[1:-1] == codec.POWER_INQUIRY and bool(late and late.pop())
        return [(1.1 if slow else 0, row.answer(data))]

    async with pty(reply) as port:
        turning = serial(port.path)
        with pytest.raises(NotReady):
            await turning.check()
        row.cameras[0].on = False
        # A busy machine's late answer may come as late as the next question: then it is that one's, and no other's.
        await turning.state()
        assert (await turning.state()).power == "off"


async def test_a_client_of_others_can_steer_the_simulated_camera() -> None:
    """It listens at the camera's own port number, so the camera has an address of its own. Each word takes a second."""
    seconds = count()
    camera = Camera(lambda: float(next(seconds)))

    def steer(port: int) -> tuple[int, int, int]:
        client = ForeignClient("127.0.0.2", port)
        try:
            client.save_preset(1)
            client.pantilt(pan_speed=20, tilt_speed=-10)  # it sends Sony's right and up
            client.pantilt(0, 0)
            client.zoom(7)
            client.zoom(0)
            pan, tilt = client.get_pantilt_position()
            zoom = client.get_zoom_position()
            client.recall_preset(1)
            return pan, tilt, zoom
        finally:
            client.close_connection()

    async with ip_camera(camera, "127.0.0.2") as (_, port):
        pan, tilt, zoom = await asyncio.to_thread(steer, port)
    assert pan > 0 < tilt
    assert zoom > 0
    assert (camera.pan, camera.tilt, camera.zoom) == (0, 0, 0)
