"""A room that was just installed must start, whatever its machine is called and has."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance import config
from drivers.protocols import Found
from provisioning.first_room import first_room


@pytest.mark.parametrize("host", ["amphi-a", "", "a" * 300, 'odd "name"\n'])
def test_the_first_room_toml_is_in_order(tmp_path: Path, host: str) -> None:
    file = tmp_path / "room.toml"
    file.write_text(first_room([], host))
    room = config.load(file)
    assert [device.driver for device in room.devices] == ["sim", "sim", "sim"]
    assert room.server.url is None


def test_what_is_found_is_used(tmp_path: Path) -> None:
    file = tmp_path / "room.toml"
    file.write_text(first_room([Found("camera", "v4l2", "Webcam", {"device": "/dev/video0"})], "amphi-a"))
    room = config.load(file)
    assert room.room.name == "amphi-a"
    assert [device.driver for device in room.devices] == ["v4l2", "sim"]
