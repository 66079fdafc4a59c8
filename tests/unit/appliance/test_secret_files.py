"""A password that stands in room.toml is read by everybody who is sent the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.config import Config, load, parse
from appliance.errors import ConfigError
from drivers.errors import AuthFailed

CAMERA = '[[camera]]\nid = "front"\ndriver = "rtsp"\nurl = "rtsp://camera/1"\nuser = "u"\n'


def room_of(folder: Path, password: str, more: str = "") -> Config:
    (folder / "room.toml").write_text(f"{CAMERA}password = {password}\n{more}")
    return load(folder / "room.toml")


def test_a_password_comes_from_a_file_beside_room_toml(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "front").write_text("hunter2\n")
    room = room_of(tmp_path, '{file = "front"}')
    assert room.devices[0].config is not None
    assert room.devices[0].config.model_dump()["password"] == "hunter2"
    assert "hunter2" not in room.dump()


def test_a_password_comes_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRONT_CAMERA", "hunter2")
    (device,) = room_of(tmp_path, '{env = "FRONT_CAMERA"}').devices
    assert device.config is not None
    assert device.config.model_dump()["password"] == "hunter2"


@pytest.mark.parametrize("password", ['{file = "front"}', '{env = "NOT_SET_ANYWHERE"}', '{fiel = "front"}', "{}"])
def test_a_camera_without_its_password_is_dark_and_the_others_record(tmp_path: Path, password: str) -> None:
    front, back = room_of(tmp_path, password, '[[camera]]\nid = "back"\ndriver = "sim"\n').devices
    assert isinstance(front.problem, AuthFailed)
    assert '"password"' in front.problem.detail
    assert front.config is None
    assert back.problem is None


def test_an_empty_file_is_no_password(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "front").write_text("\n")
    (device,) = room_of(tmp_path, '{file = "front"}').devices
    assert device.problem is not None
    assert "empty" in device.problem.detail


def test_where_nobody_may_look_nothing_is_looked_at() -> None:
    (device,) = parse(f'{CAMERA}password = {{file = "/etc/shadow"}}').devices
    assert device.config is not None
    assert device.config.model_dump()["password"] == "withheld"


def test_a_target_without_its_password_is_said_at_once(tmp_path: Path) -> None:
    (tmp_path / "room.toml").write_text(
        '[[target]]\nid = "m"\nkind = "opencast"\nurl = "https://o.example.org"\nuser = "u"\npassword = {file = "m"}\n'
    )
    with pytest.raises(ConfigError, match="secrets/m, which cannot be read"):
        load(tmp_path / "room.toml")
