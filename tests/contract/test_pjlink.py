"""PJLink: what a projector of class 1 or 2 is told and says, with a password and without."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable

import pytest

from drivers.errors import AuthFailed, NotReady, Unsupported
from drivers.link.link import hang_up
from drivers.panel.pjlink import Driver, PjlinkConfig
from drivers.panel.pjlink_notices import Notices, notice, search
from drivers.protocols import Panel, PanelState
from tests.peers.pjlink_projector import Projector
from tests.peers.wire import Piece, Server, tcp

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
async def hung_up() -> AsyncIterator[None]:
    yield
    hang_up()


def driver(server: Server, password: str = "") -> Driver:
    return Driver(PjlinkConfig(id="p", driver="pjlink", host="127.0.0.1", tcp_port=server.port, password=password))


@pytest.mark.parametrize("pj_class", [1, 2])
@pytest.mark.parametrize("password", ["", "JBMIAProjectorLink"])
async def test_a_projector_does_what_it_is_told_and_says_so(pj_class: int, password: str) -> None:
    projector = Projector(pj_class, password)
    async with tcp(lambda data: [(0, projector.reply(data))], projector.greeting) as server:
        panel = driver(server, password)
        assert isinstance(panel, Panel)
        await panel.check()
        assert await panel.state() == PanelState("off")
        await panel.power(on=True)
        await panel.select("network1")
        await panel.mute(on=True)
        assert await panel.state() == PanelState(
            "on", "network1", mute=True, blank=False, freeze=False if pj_class == 2 else None
        )
        assert panel.inputs == ("rgb1", "digital1", "digital2", "network1")
        health = await panel.health()
        assert (health.hours, health.errors) == (1200, ("lamp: warning", "other: error"))
        if pj_class == 2:
            await panel.freeze(on=True)
            assert (await panel.state()).freeze is True
        else:
            assert "freeze" not in panel.can
            with pytest.raises(Unsupported):
                await panel.freeze(on=True)
        with pytest.raises(Unsupported):
            await panel.select("digital7")
        with pytest.raises(Unsupported, match="digital1"):
            await panel.select("the door")
        assert server.connections == 1


@pytest.mark.parametrize("password", ["", "wrong"])
async def test_a_wrong_password_asks_for_a_person(password: str) -> None:
    projector = Projector(2, "right")
    async with tcp(lambda data: [(0, projector.reply(data))], projector.greeting) as server:
        with pytest.raises(AuthFailed) as caught:
            await driver(server, password).check()
    assert caught.value.code == "panel-login"
    assert "right" not in caught.value.detail


async def test_the_login_is_the_specification_s_example() -> None:
    """Random number 498e4a67 and password JBMIAProjectorLink give 5d8409bc1c3fa39749434aa3a5c38682."""
    projector = Projector(1, "JBMIAProjectorLink")
    async with tcp(lambda data: [(0, projector.reply(data))], projector.greeting) as server:
        await driver(server, projector.password).check()
        assert server.bytes.startswith(b"5d8409bc1c3fa39749434aa3a5c38682%1")


@pytest.mark.parametrize(("said", "kind"), [("ERR3", NotReady), ("ERR4", NotReady), ("ERR1", Unsupported)])
async def test_a_refusal_says_what_to_do(said: str, kind: type[Exception]) -> None:
    projector = Projector(refuses={"POWR": said})
    async with tcp(lambda data: [(0, projector.reply(data))], projector.greeting) as server:
        with pytest.raises(kind):
            await driver(server).check()


async def test_what_a_warming_projector_refuses_is_unknown_and_no_error() -> None:
    projector = Projector(refuses={"INPT": "ERR3", "AVMT": "ERR3"})
    projector.values["POWR"] = "1"
    async with tcp(lambda data: [(0, projector.reply(data))], projector.greeting) as server:
        assert await driver(server).state() == PanelState("on", freeze=False)


async def test_faults_of_the_line() -> None:
    projector, faults = Projector(), []

    def reply(data: bytes) -> Iterable[Piece]:
        right = projector.reply(data)
        return faults.pop()(data, right) if faults else [(0, right)]

    async with tcp(reply, projector.greeting) as server:
        panel = driver(server)
        faults.append(lambda data, right: [(0.001, right[at : at + 1]) for at in range(len(right))])
        await panel.check()
        faults.append(lambda data, right: [(0, b"\xff\x00%1" + right)])
        await panel.check()
        faults.append(lambda data, right: [(0, b"%1NAME=late\r" + data + right)])
        await panel.check()
        faults.append(lambda data, right: [(0, right[:3]), (0, None)])
        await panel.check()
        assert server.connections == 2
        faults[:] = [lambda data, right: [(0, None)]] * 3
        with pytest.raises(NotReady) as caught:
            await panel.check()
        assert caught.value.code == "device-lost"


async def test_a_listener_that_does_not_speak_pjlink_is_said_so() -> None:
    async with tcp(lambda data: [], b"SSH-2.0-OpenSSH\r\n") as server:
        with pytest.raises(NotReady) as caught:
            await driver(server).check()
    assert caught.value.code in {"device-nonsense", "device-silent"}


# -- notices


@pytest.mark.parametrize(
    ("datagram", "said"),
    [
        (b"%2POWR=1\r", ("POWR", "1")),
        (b"%2LKUP=00:26:ab:00:00:01\r", ("LKUP", "00:26:ab:00:00:01")),
        (b"%2ACKN=00:26:ab:00:00:01\r", None),
        (b"%1POWR=1\r", None),
        (b"%2POWR", None),
        (b"\xff" * 2000, None),
    ],
)
async def test_a_notice_is_known(datagram: bytes, said: tuple[str, str] | None) -> None:
    assert notice(datagram) == said


async def test_a_projector_that_changes_by_itself_is_heard() -> None:
    heard: asyncio.Queue[tuple[str, str, str]] = asyncio.Queue()
    notices = Notices(lambda *said: heard.put_nowait(said), host="127.0.0.1", port=0)
    await notices.open()
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        asyncio.DatagramProtocol, remote_addr=("127.0.0.1", notices.port)
    )
    transport.sendto(b"nonsense")
    transport.sendto(b"%2INPT=32\r")
    async with asyncio.timeout(5):
        assert await heard.get() == ("127.0.0.1", "INPT", "32")
    transport.close()
    notices.close()


async def test_projectors_that_answer_a_search_are_found() -> None:
    class Answers(asyncio.DatagramProtocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = transport

        def datagram_received(self, data: bytes, addr: object) -> None:
            if data == b"%2SRCH\r":
                self.transport.sendto(b"%2ACKN=00:26:ab:00:00:01\r", addr)  # type: ignore[attr-defined] - a datagram one

    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Answers, local_addr=("127.0.0.1", 0))
    port = transport.get_extra_info("sockname")[1]
    assert await search("127.0.0.1", port, seconds=0.2) == ["127.0.0.1"]
    transport.close()
