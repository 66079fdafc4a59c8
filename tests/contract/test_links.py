"""Lines to devices: what a driver may rely on, whatever the device and its cable do."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Iterable
from itertools import pairwise
from pathlib import Path

import pytest

from drivers.errors import AuthFailed, DriverError, NotReady, Unsupported
from drivers.link.framing import Ended
from drivers.link.link import Link, hang_up, line
from drivers.link.ways import SerialWay, TcpWay, Way
from tests.peers.program import wait_until
from tests.peers.wire import Piece, pty, tcp

pytestmark = pytest.mark.anyio
LINES = Ended(b"\r")


@pytest.fixture(autouse=True)
async def hung_up() -> AsyncIterator[None]:
    yield
    hang_up()


def echoing(data: bytes) -> Iterable[Piece]:
    """A device that answers ``n?`` with ``n!``."""
    return [(0, word.replace(b"?", b"!") + b"\r") for word in data.split(b"\r") if word]


async def question(link: Link, word: bytes, seconds: float = 1.0) -> bytes:
    return await link.ask(word + b"?\r", lambda body: body if body == word + b"!" else None, seconds=seconds)


@pytest.mark.parametrize("kind", ["serial", "tcp"])
async def test_questions_asked_at_once_get_their_own_answers_in_turn(kind: str) -> None:
    async with pty(echoing) as port, tcp(echoing) as server:
        way: Way = SerialWay(port.path) if kind == "serial" else TcpWay("127.0.0.1", server.port)
        async with line(way, LINES) as link, line(way, LINES) as same:
            assert link is same
            words = [b"%d" % n for n in range(20)]
            assert await asyncio.gather(*(question(link, word) for word in words)) == [word + b"!" for word in words]
            assert [data for _, data in (port if kind == "serial" else server).heard] == [w + b"?\r" for w in words]


async def test_commands_keep_the_pace_the_device_needs() -> None:
    async with pty(echoing) as port, line(SerialWay(port.path), LINES, gap=0.05) as link:
        await asyncio.gather(*(question(link, b"%d" % n) for n in range(4)))
        instants = [at for at, _ in port.heard]
        assert all(later - earlier >= 0.049 for earlier, later in pairwise(instants))


@pytest.mark.parametrize("kind", ["serial", "tcp"])
async def test_a_late_answer_is_never_taken_for_that_of_the_next_question(kind: str) -> None:
    def tardy(data: bytes) -> Iterable[Piece]:
        return [(0.25 if data.startswith(b"slow") else 0.0, b"OK " + data.strip() + b"\r")]

    async with pty(tardy) as port, tcp(tardy) as server:
        way: Way = SerialWay(port.path) if kind == "serial" else TcpWay("127.0.0.1", server.port)
        async with line(way, LINES) as link:
            with pytest.raises(NotReady) as caught:
                await link.ask(b"slow\r", lambda body: body, seconds=0.1)
            assert caught.value.code == "device-silent"
            assert await link.ask(b"fast\r", lambda body: body, seconds=1.0) == b"OK fast"


async def test_a_question_given_up_by_its_asker_leaves_no_answer_behind() -> None:
    def tardy(data: bytes) -> Iterable[Piece]:
        return [(0.15 if data.startswith(b"slow") else 0.0, data)]

    async with tcp(tardy) as server, line(TcpWay("127.0.0.1", server.port), LINES) as link:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await link.ask(b"slow\r", lambda body: body, seconds=5)
        with pytest.raises(NotReady):  # its own echo is no answer either
            await link.ask(b"fast\r", lambda body: body, seconds=0.3)
        assert server.connections == 2


async def test_a_line_cut_in_mid_command_is_said_at_once_and_opened_again() -> None:
    broken = [True]

    def reply(data: bytes) -> Iterable[Piece]:
        return [(0, b"ha"), (0, None)] if broken else echoing(data)

    async with tcp(reply) as server, line(TcpWay("127.0.0.1", server.port), LINES) as link:
        with pytest.raises(NotReady) as caught:
            await question(link, b"1", seconds=30)
        assert caught.value.code == "device-lost"
        broken.clear()
        assert await question(link, b"2") == b"2!"


async def test_an_adapter_unplugged_in_mid_command_is_said_at_once() -> None:
    async with pty(lambda data: [(0, b"ha"), (0.02, None)]) as port, line(SerialWay(port.path), LINES) as link:
        with pytest.raises(NotReady) as caught:
            await question(link, b"1", seconds=30)
        assert caught.value.code == "device-lost"
        with pytest.raises(NotReady) as caught:
            await question(link, b"2")
        assert caught.value.code == "port-missing"


async def test_a_device_that_hangs_holds_up_no_other() -> None:
    async with (
        pty(lambda data: []) as deaf,
        pty(echoing) as good,
        line(SerialWay(deaf.path), LINES) as hanging,
        line(SerialWay(good.path), LINES) as link,
    ):
        waiting = asyncio.create_task(question(hanging, b"1", seconds=60))
        assert [await question(link, b"%d" % n) for n in range(50)]
        assert not waiting.done()
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)


async def test_a_line_that_cannot_be_opened_is_tried_with_growing_patience() -> None:
    tries = 0

    class Gone(SerialWay):
        async def open(self, received: object, lost: object) -> object:  # type: ignore[override] - never a line
            nonlocal tries
            tries += 1
            raise NotReady("port-missing", "It is gone.")

    async with line(Gone("/dev/gone"), LINES) as link:
        for _ in range(30):
            with pytest.raises(NotReady, match="gone"):
                await question(link, b"1")
        assert tries == 1


async def test_nonsense_is_told_from_silence() -> None:
    async with pty(lambda data: [(0, b"\x00\xfe\xfd")]) as port, line(SerialWay(port.path), LINES) as link:
        with pytest.raises(NotReady) as caught:
            await question(link, b"1", seconds=0.1)
    assert caught.value.code == "device-nonsense"


async def test_a_device_that_takes_nothing_in_is_said_to_be_silent() -> None:
    async with pty(lambda data: []) as port:
        asyncio.get_running_loop().remove_reader(port.master)
        async with line(SerialWay(port.path), LINES) as link:
            with pytest.raises(NotReady) as caught:
                await asyncio.gather(*(link.tell(b"x" * 4000) for _ in range(100)))
            assert caught.value.code == "device-silent"
            with pytest.raises(NotReady) as caught:  # the port is full to the last byte: it must not wait there
                await asyncio.gather(*(link.tell(b"x") for _ in range(10_000)))
            assert caught.value.code == "device-silent"


async def failure(way: Way) -> DriverError:
    async with line(way, LINES) as link:
        with pytest.raises(DriverError) as caught:
            await question(link, b"1", seconds=0.2)
    return caught.value


async def test_a_port_that_cannot_be_used_says_what_to_do(tmp_path: Path) -> None:
    missing = await failure(SerialWay("/dev/ttyNONE"))
    assert (type(missing), missing.code) == (NotReady, "port-missing")
    (tmp_path / "file").touch()
    ordinary = await failure(SerialWay(str(tmp_path / "file")))
    assert (type(ordinary), ordinary.code) == (Unsupported, "not-a-port")
    denied = SerialWay("/dev/ttyUSB0")._refusal(13)
    assert (type(denied), denied.code) == (AuthFailed, "port-permission")
    assert "dialout" in denied.detail
    assert "udev" in denied.detail
    async with pty(echoing) as port:
        odd = await failure(SerialWay(port.path, baud=-1))
        assert (type(odd), odd.code) == (Unsupported, "port-settings")


async def test_a_port_held_by_another_program_is_said_so() -> None:
    async with pty(echoing) as port:
        code = "import serial, sys; p = serial.Serial(sys.argv[1], exclusive=True); print(1, flush=True); input()"
        holder = await asyncio.create_subprocess_exec(
            sys.executable, "-c", code, port.path, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        assert holder.stdout is not None
        await holder.stdout.readline()
        busy = await failure(SerialWay(port.path))
        assert (type(busy), busy.code) == (NotReady, "port-busy")
        await holder.communicate(b"\n")


async def test_two_devices_with_different_settings_on_one_port_are_refused() -> None:
    async with pty(echoing) as port, line(SerialWay(port.path), LINES):
        with pytest.raises(Unsupported) as caught:
            async with line(SerialWay(port.path, baud=19200), LINES):
                pass
        assert caught.value.code == "port-shared"


async def test_a_device_that_nobody_listens_to_is_unreachable() -> None:
    async with tcp(echoing) as server:
        port = server.port
    refused = await failure(TcpWay("127.0.0.1", port))
    assert (type(refused), refused.code) == (NotReady, "device-unreachable")


async def test_a_line_nobody_uses_is_let_go() -> None:
    async with pty(echoing) as port:
        before = len(os.listdir("/proc/self/fd"))
        async with line(SerialWay(port.path), LINES) as link:
            link._linger = 0.02
            await question(link, b"1")
        await asyncio.to_thread(wait_until, lambda: len(os.listdir("/proc/self/fd")) == before, 5, "the closed port")
        async with line(SerialWay(port.path), LINES) as link:
            assert await question(link, b"2") == b"2!"
