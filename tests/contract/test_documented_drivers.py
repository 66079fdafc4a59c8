"""Who follows docs/writing_a_driver.md must arrive: its code is run here, its profile is spoken."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType

import pytest

from drivers import listing, registry
from drivers.errors import Unsupported
from drivers.link.link import hang_up
from drivers.panel import model
from drivers.panel.profile import Driver, ProfileConfig
from drivers.panel.sim import Simulator
from drivers.protocols import Indicator
from tests.peers.wire import pty

pytestmark = pytest.mark.anyio
DOCS = Path(__file__).resolve().parents[2] / "docs"
GUIDE = (DOCS / "writing_a_driver.md").read_text()


def block(language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
    return str(found)


async def test_the_guide_s_profile_speaks_to_its_panel(tmp_path: Path) -> None:
    file = tmp_path / "acme.toml"
    file.write_text(block(r'toml title="[^"]*"'))
    device = Simulator(model.load(str(file)))
    async with pty(lambda data: [(0, device.answer(data))]) as port:
        panel = Driver(ProfileConfig(id="display", driver="profile", profile=str(file), port=port.path))
        await panel.power(on=True)
        await panel.select("displayport")
        await panel.volume(50)
        said = await panel.state()
        assert (said.power, said.input, said.volume) == ("on", "displayport", 50)
        assert (await panel.health()).hours == 1234
        (example,) = panel.profile.example
        assert panel.order("power", "on").hex(" ").upper() == example.sent
        hang_up()


async def test_the_guide_s_mistake_is_said_as_the_guide_says() -> None:
    wrong = block(r'toml title="[^"]*"').replace('reply = "{id:02d}PWR={value}" ', 'reply = "{id:02d}PWR" ')
    (said,) = re.findall(r"`(line \d+, power.reply[^`]*)`", GUIDE)
    with pytest.raises(Unsupported) as caught:
        model.parse(wrong, "acme.toml")
    assert said in caught.value.detail


def module_of(code: str, folder: Path) -> ModuleType:
    file = folder / "acme_relay.py"
    file.write_text(code)
    spec = importlib.util.spec_from_file_location("acme_relay", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


async def test_the_guide_s_driver_lights_its_lamp(tmp_path: Path) -> None:
    module = module_of(block("python"), tmp_path)
    assert all(hasattr(module, name) for name in registry.NAMES)
    async with pty(lambda data: []) as port:
        table = json.dumps({"id": "lamp", "driver": "acme-relay", "port": port.path})
        lamp = module.Driver(module.Config.model_validate_json(table, strict=True))
        assert isinstance(lamp, Indicator)
        await lamp.check()
        await lamp.show("recording")
        await lamp.show("off")
        while len(port.bytes) < 8:
            await port.spoken_to()
        assert port.bytes == bytes.fromhex("A0 01 01 A2 A0 01 00 A1")
        hang_up()


async def test_the_list_of_drivers_is_up_to_date() -> None:
    ours = [registry.load(kind, name).MANIFEST for kind, name in sorted(registry.BUILT_IN)]
    assert (DOCS / "driver-list.md").read_text() == listing.page(ours), "run python -m drivers.listing"
