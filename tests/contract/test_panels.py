"""One contract for every panel: each profile, over a real serial line and over TCP, with every fault of a line."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from drivers import registry
from drivers.errors import DriverError, NotReady, Unsupported
from drivers.link.link import hang_up
from drivers.link.stand_in import unplug_all
from drivers.panel import model
from drivers.panel.profile import Driver, ProfileConfig
from drivers.panel.sim import Simulator
from drivers.protocols import Panel, PanelState
from tests.peers.wire import Piece, Pty, Server, pty, tcp

pytestmark = pytest.mark.anyio
PROFILES = model.shipped()
ONE_OF_EACH = ("lg", "samsung-mdc", "sony-simple-ip")
"""A framing each: an end, a length, a fixed size."""
Fault = Callable[[bytes, bytes], Iterable[Piece]]
"""What goes out, given what came in and the right answer to it."""


@pytest.fixture(autouse=True)
async def hung_up() -> AsyncIterator[None]:
    yield
    hang_up()
    unplug_all()


@dataclass
class Scene:
    """A panel, the device behind it, and what goes wrong on the line between them."""

    panel: Driver
    device: Simulator
    far: Pty | Server
    fault: list[Fault]

    def goes_wrong(self, fault: Fault, *, times: int = 1000) -> None:
        self.fault[:] = [fault] * times


def answering(device: Simulator, faults: list[Fault]) -> Callable[[bytes], Iterable[Piece]]:
    def reply(data: bytes) -> Iterable[Piece]:
        right = device.answer(data)
        return faults.pop(0)(data, right) if faults else [(0, right)]

    return reply


def quick(panel: Driver, timeout_ms: int = 500) -> Driver:
    """The profile with less patience, but enough for an answer on a busy machine."""
    pace = panel.profile.pace.model_copy(update={"timeout_ms": timeout_ms, "gap_ms": 5})
    panel.profile = panel.profile.model_copy(update={"pace": pace})
    return panel


@contextmanager
def hurried(panel: Driver) -> Iterator[None]:
    """With so little patience that a test of silence is short: nothing is to be heard meanwhile."""
    before = panel.profile
    quick(panel, 150)
    try:
        yield
    finally:
        panel.profile = before


@pytest.fixture(
    params=[*[(name, "serial") for name in PROFILES], *[(name, "tcp") for name in ONE_OF_EACH]], ids="-".join
)
async def scene(request: pytest.FixtureRequest) -> AsyncIterator[Scene]:
    name, kind = request.param
    profile, faults = model.load(name), list[Fault]()
    device = Simulator(profile)
    table = {"id": "p", "driver": "profile", "profile": name}
    if kind == "serial":
        async with pty(answering(device, faults)) as port:
            panel = Driver(ProfileConfig.model_validate({**table, "port": port.path}))
            yield Scene(quick(panel), device, port, faults)
    else:
        async with tcp(answering(device, faults)) as server:
            panel = Driver(ProfileConfig.model_validate({**table, "host": "127.0.0.1", "tcp_port": server.port}))
            yield Scene(quick(panel), device, server, faults)


async def test_a_panel_does_what_it_is_told_and_says_so(scene: Scene) -> None:
    panel, device = scene.panel, scene.device
    assert isinstance(panel, Panel)
    await panel.check()
    assert (await panel.state()).power == "off"
    await panel.power(on=True)
    await panel.select(panel.inputs[-1])
    await panel.volume(50)
    for name in ("mute", "freeze", "blank"):
        if name in panel.can:
            await getattr(panel, name)(on=True)
            assert device.state[name] == "on"
        else:
            with pytest.raises(Unsupported, match=f"offers no {name}"):
                await getattr(panel, name)(on=True)
    said = await panel.state()
    assert said == PanelState(
        "on",
        panel.inputs[-1],
        said.volume,
        mute=True if "mute" in panel.can else None,
        freeze=True if "freeze" in panel.can else None,
        blank=True if "blank" in panel.can else None,
    )
    assert said.volume is not None
    assert abs(said.volume - 50) <= 4
    assert (await panel.health()).hours == (1234 if "hours" in panel.can else None)
    with pytest.raises(Unsupported, match="there are"):
        await panel.select("no such input")


async def test_an_answer_torn_to_pieces_is_put_together(scene: Scene) -> None:
    scene.goes_wrong(lambda _, right: [(0.001, right[at : at + 1]) for at in range(len(right))])
    await scene.panel.power(on=True)
    assert (await scene.panel.state()).power == "on"


async def test_an_answer_among_noise_is_found(scene: Scene) -> None:
    """One that the noise spoils is asked for again."""
    noise = b"\xfe\xf7\xfd"
    scene.goes_wrong(lambda _, right: [(0, noise), (0.001, right), (0, noise)], times=1)
    await scene.panel.power(on=True)
    scene.goes_wrong(lambda _, right: [(0, noise + right)], times=1)
    assert (await scene.panel.state()).power == "on"


async def test_an_adapter_that_repeats_every_word_is_not_taken_for_the_panel(scene: Scene) -> None:
    scene.goes_wrong(lambda data, right: [(0, data + right)])
    await scene.panel.power(on=True)
    assert (await scene.panel.state()).power == "on"
    if not scene.panel.profile.receive.echo_answers:
        scene.goes_wrong(lambda data, _: [(0, data)])
        with hurried(scene.panel), pytest.raises(NotReady):
            await scene.panel.power(on=False)


async def test_an_answer_with_a_wrong_checksum_is_no_answer(scene: Scene) -> None:
    if scene.panel.profile.receive.checksum == "none":
        return
    end = len(scene.panel.profile.raw(scene.panel.profile.receive.end))

    def spoil(data: bytes, right: bytes) -> Iterable[Piece]:
        at = len(right) - end - 1
        return [(0, right[:at] + bytes([right[at] ^ 0x55]) + right[at + 1 :])]

    scene.goes_wrong(spoil)
    with pytest.raises(NotReady) as caught:
        await scene.panel.check()
    assert caught.value.code == "device-nonsense"
    scene.goes_wrong(spoil, times=1)
    await scene.panel.check()


async def test_a_panel_that_says_nothing_is_not_ready_and_comes_back(scene: Scene) -> None:
    scene.goes_wrong(lambda data, right: [], times=1)
    with hurried(scene.panel), pytest.raises(NotReady) as caught:
        await scene.panel.check()
    assert caught.value.code == "device-silent"
    await scene.panel.check()


async def test_an_answer_after_its_time_changes_no_other_state(scene: Scene) -> None:
    """The late word says on; the panel is off by then."""
    await scene.panel.power(on=True)
    scene.goes_wrong(lambda data, right: [(0.25, right)], times=1)
    with hurried(scene.panel), pytest.raises(NotReady):
        await scene.panel.state()
    scene.device.state["power"] = "off"
    assert (await scene.panel.state()).power == "off"


async def test_a_line_that_is_cut_in_mid_command_is_said_at_once(scene: Scene) -> None:
    scene.goes_wrong(lambda data, right: [(0, right[:2]), (0.01, None)])
    with pytest.raises(NotReady) as caught:
        async with asyncio.timeout(5):
            await scene.panel.power(on=True)
    assert caught.value.code in ({"device-lost", "port-missing"} if isinstance(scene.far, Pty) else {"device-lost"})


async def test_a_panel_that_refuses_says_so(scene: Scene) -> None:
    panel = scene.panel
    refusals = {
        "samsung-mdc": "AA FF 01 03 4E 11 01 63",
        "lg": "61 20 30 31 20 4E 47 30 30 78",
        "philips-sicp": "06 01 00 00 18 1F",
        "sharp": "45 52 52 0D 0A",
        "benq-projector": "2A 42 6C 6F 63 6B 20 69 74 65 6D 23 0D",
        "viewsonic": "34 30 31 2D 0D",
        "smart": "69 6E 76 61 6C 69 64 20 63 6F 6D 6D 61 6E 64 0D",
        "sony-simple-ip": (b"*SAPOWR" + b"F" * 16 + b"\n").hex(),
    }
    said = refusals.get(next(name for name in PROFILES if model.load(name).title == panel.profile.title))
    if said is None:
        return
    scene.goes_wrong(lambda data, right: [(0, bytes.fromhex(said))])
    with pytest.raises(NotReady) as caught:
        await panel.power(on=True)
    assert caught.value.code == "panel-refuses"


async def test_the_simulated_panel_is_a_panel_like_any_other() -> None:
    module = registry.load("panel", "sim")
    for name in PROFILES:
        panel = module.Driver(module.Config(id=f"sim-{name}", driver="sim", profile=name))
        await panel.check()
        await panel.power(on=True)
        again = module.Driver(module.Config(id=f"sim-{name}", driver="sim", profile=name))
        assert (await again.state()).power == "on"


@pytest.mark.parametrize("place", [{"port": "/dev/ttyNONE"}, {"host": "127.0.0.1", "tcp_port": 1}])
async def test_a_panel_that_is_not_there_says_what_to_do(place: dict[str, object]) -> None:
    panel = Driver(ProfileConfig.model_validate({"id": "p", "driver": "profile", "profile": "lg", **place}))
    with pytest.raises(DriverError) as caught:
        await panel.check()
    assert caught.value.code in {"port-missing", "device-unreachable"}
