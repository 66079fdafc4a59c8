"""Panels that can little must do that, and say plainly what they cannot. No CEC hardware is at hand: a program stands
in for cec-ctl that writes what cec-ctl writes."""

from __future__ import annotations

import asyncio
import socket
from contextlib import ExitStack
from pathlib import Path
from textwrap import dedent

import pytest

from drivers.errors import AuthFailed, DriverError, NotReady, Unsupported
from drivers.panel import cec, wol
from drivers.protocols import Panel, PanelState
from tests.peers.wire import tcp

pytestmark = pytest.mark.anyio
INFO = """\
Driver Info:
\tDriver Name                : pulse8-cec
\tCapabilities               : 0x0000003f
\t\tLogical Addresses
\tAvailable Logical Addresses: 1
\tPhysical Address           : {place}
\tLogical Address Mask       : {mask}
\tCEC Version                : 1.4
\tLogical Addresses          : 1
"""
SENT = """\
Transmit from Playback Device 1 to TV (4 to 0):
{name}
\tSequence: 41 Tx Timestamp: 811.204518s
"""
STATUS = """\
Transmit from Playback Device 1 to TV (4 to 0):
GIVE_DEVICE_POWER_STATUS (0x8f)
    Received from TV (0):
    REPORT_POWER_STATUS (0x90):
\tpwr-state: {state}
\tSequence: 42 Tx Timestamp: 812.104518s Rx Timestamp: 812.301007s
"""
REFUSED = SENT + "\tTx, Not Acknowledged (4), Max Retries\n"
UNANSWERED = "Transmit from Playback Device 1 to TV (4 to 0):\nGIVE_DEVICE_POWER_STATUS (0x8f)\n\tTx, OK, Rx, Timeout\n"


class CecCtl:
    """A program in cec-ctl's place. says: what it writes, for the word in its arguments."""

    def __init__(self, folder: Path) -> None:
        self.program, self._folder = folder / "cec-ctl", folder
        self.program.write_text(
            dedent(f"""\
            #!/bin/sh
            echo "$*" >> {folder}/asked
            for word in "$@"; do
                if [ -f "{folder}/say$word" ]; then cat "{folder}/say$word"; exit 0; fi
            done
            cat {folder}/say
            """)
        )
        self.program.chmod(0o755)
        self.says("", INFO.format(place="2.0.0.0", mask="0x0010"))

    def says(self, word: str, text: str) -> None:
        (self._folder / f"say{word}").write_text(text)

    @property
    def told(self) -> list[str]:
        """The messages it was to send, without what names device and addressee."""
        head = "--device /dev/cec0 --skip-info --to 0 "
        return [line.removeprefix(head) for line in (self._folder / "asked").read_text().splitlines() if head in line]

    @property
    def asked(self) -> str:
        return (self._folder / "asked").read_text()

    def panel(self) -> cec.Driver:
        return cec.Driver(cec.CecConfig(id="tv", driver="cec", program=str(self.program)))


@pytest.fixture
def ctl(tmp_path: Path) -> CecCtl:
    return CecCtl(tmp_path)


@pytest.mark.parametrize(
    ("said", "power"),
    [("on (0x00)", "on"), ("standby (0x01)", "off"), ("to-on (0x02)", "warming"), ("to-standby (0x03)", "cooling")],
)
async def test_a_television_says_how_it_is(ctl: CecCtl, said: str, power: str) -> None:
    ctl.says("--give-device-power-status", STATUS.format(state=said))
    assert await ctl.panel().state() == PanelState(power)  # type: ignore[arg-type]  # one of Power's words
    assert "--playback" not in ctl.asked, "an adapter that has an address keeps it"


async def test_a_television_is_told_what_the_manual_of_cec_ctl_says(ctl: CecCtl) -> None:
    panel = ctl.panel()
    assert isinstance(panel, Panel)
    for word in ("--image-view-on", "--standby", "--active-source", "--user-control-pressed"):
        ctl.says(word, SENT.format(name=word))
    await panel.power(on=True)
    await panel.power(on=False)
    await panel.select("pc")
    await panel.mute(on=True)
    assert ctl.told == [
        "--image-view-on",
        "--standby",
        "--active-source phys-addr=2.0.0.0",
        "--user-control-pressed ui-cmd=mute-function",
        "--user-control-released",
    ]


async def test_an_adapter_that_is_nothing_yet_becomes_a_player(ctl: CecCtl) -> None:
    ctl.says("", INFO.format(place="2.0.0.0", mask="0x0000"))
    ctl.says("--standby", SENT.format(name="STANDBY (0x36)"))
    await ctl.panel().power(on=False)
    assert "--device /dev/cec0 --playback\n" in ctl.asked


async def failure(ctl: CecCtl) -> DriverError:
    with pytest.raises(DriverError) as caught:
        await ctl.panel().check()
    return caught.value


async def test_a_television_that_is_silent_off_or_away_is_said_to_be(ctl: CecCtl) -> None:
    for text in (REFUSED.format(name="x"), UNANSWERED, ""):
        ctl.says("--give-device-power-status", text)
        error = await failure(ctl)
        assert (type(error), error.code) == (NotReady, "device-silent")
    ctl.says("", INFO.format(place="f.f.f.f", mask="0x0000"))
    assert (await failure(ctl)).code == "device-unreachable"
    ctl.says("", "Failed to open /dev/cec0: No such file or directory\n")
    assert (await failure(ctl)).code == "panel-no-cec"
    ctl.says("", "Failed to open /dev/cec0: Permission denied\n")
    error = await failure(ctl)
    assert (type(error), "group video" in error.detail) == (AuthFailed, True)
    ctl.program.unlink()
    error = await failure(ctl)
    assert (type(error), "v4l-utils" in error.detail) == (Unsupported, True)


async def test_a_program_that_hangs_is_ended(ctl: CecCtl, monkeypatch: pytest.MonkeyPatch) -> None:
    ctl.program.write_text("#!/bin/sh\nexec sleep 60\n")
    monkeypatch.setattr(cec, "SECONDS", 0.1)
    assert (await failure(ctl)).code == "device-silent"


@pytest.mark.parametrize("action", ["volume", "freeze", "blank"])
async def test_what_has_no_word_is_said_so(ctl: CecCtl, action: str) -> None:
    for panel in (ctl.panel(), waker("127.0.0.1", 9, 9)):
        assert action not in panel.can
        with pytest.raises(Unsupported, match=action) as caught:
            await (panel.volume(50) if action == "volume" else getattr(panel, action)(on=True))
        assert caught.value.code == "panel-cannot"


def waker(broadcast: str, wake_port: int, tcp_port: int) -> wol.Driver:
    table = {"id": "tv", "driver": "wol", "mac": "00-1b:21.aa:bb:0C", "host": "127.0.0.1"}
    more = {"broadcast": broadcast, "wake_port": wake_port, "tcp_port": tcp_port}
    return wol.Driver(wol.WolConfig.model_validate({**table, **more}))


class Ear(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.heard: asyncio.Queue[bytes] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: object) -> None:
        self.heard.put_nowait(data)


async def test_a_sleeping_panel_is_woken_by_its_card_s_address_sixteen_times() -> None:
    loop = asyncio.get_running_loop()
    transport, ear = await loop.create_datagram_endpoint(Ear, local_addr=("127.0.0.1", 0))
    panel = waker("127.0.0.1", transport.get_extra_info("sockname")[1], 9)
    assert isinstance(panel, Panel)
    try:
        await panel.power(on=True)
        async with asyncio.timeout(5):
            assert await ear.heard.get() == b"\xff" * 6 + b"\x00\x1b\x21\xaa\xbb\x0c" * 16
    finally:
        transport.close()
    with pytest.raises(Unsupported, match="power off"):
        await panel.power(on=False)


async def test_who_accepts_or_refuses_a_connection_is_awake() -> None:
    async with tcp(lambda data: []) as server:
        assert await waker("127.0.0.1", 9, server.port).state() == PanelState("on")
        port = server.port
    assert await waker("127.0.0.1", 9, port).state() == PanelState("on")


async def test_who_says_nothing_sleeps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wol, "SECONDS", 0.1)
    with socket.socket() as door, ExitStack() as crowd:
        door.bind(("127.0.0.1", 0))
        door.listen(0)
        for _ in range(3):  # the queue is full, and the kernel leaves the next one without an answer
            knock = crowd.enter_context(socket.socket())
            knock.setblocking(False)
            knock.connect_ex(door.getsockname())
        assert await waker("127.0.0.1", 9, door.getsockname()[1]).state() == PanelState("off")
