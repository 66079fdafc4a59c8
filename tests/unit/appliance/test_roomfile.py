"""If these fail, a power cut while a room is set up leaves it without its file, or a person's work is overwritten."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import pytest

from appliance import config, roomfile
from appliance.errors import CannotWrite, ConfigError
from appliance.roomfile import Settings, sealed, writer_of
from appliance.spool.draft import Device

OLD = """\
# A person's.
[room]
name = "Classroom"
institution = "ENS"

[recorder]
height = 480

[[camera]]
id = "front"
driver = "rtsp"
url = "rtsp://10.0.0.9/live"
password = {file = "front"}

[[camera]]
driver = "sim"

[[ptz]]
id = "turns"
driver = "sim"
camera = "front"
"""
FRONT = Device("front", "camera", "rtsp", "Front", {}, "front")
SECRET = "correct horse"
ADDED = Device(
    "0123456789ab", "camera", "rtsp", "10.0.0.7", {"url": "rtsp://10.0.0.7/1", "user": "u", "password": SECRET}
)
MICROPHONE = Device("ba9876543210", "microphone", "portaudio", "USB Audio", {"device": "USB Audio"})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "room.toml"
    file.write_text(OLD)
    file.chmod(0o640)
    return file


def settings(*devices: Device, server: str | None = None) -> Settings:
    return Settings("Amphi A", "ar", devices or (FRONT, ADDED, MICROPHONE), server)


def test_what_was_chosen_takes_its_place_and_the_rest_stays(file: Path) -> None:
    before = roomfile.write(file, settings(server="https://lessons.example.org"))
    room = config.load(file)
    assert (room.room.name, room.room.language, room.room.institution) == ("Amphi A", "ar", "ENS")
    assert (room.server.url, room.tables.recorder.height) == ("https://lessons.example.org", 480)
    assert [device.id for device in room.devices] == ["front", "camera-1", "microphone-1", "turns"]
    assert before.read_text() == OLD
    assert (before.name, file.stat().st_mode & 0o777) == ("room.toml.before", 0o640)
    assert roomfile.write(file, settings()).name == "room.toml.before-2"
    assert config.load(file).server.url == "https://lessons.example.org"


def test_a_password_has_a_file_of_its_own_and_is_used(file: Path) -> None:
    (file.parent / "secrets").mkdir()
    (file.parent / "secrets" / "camera-1").write_text("another's")
    roomfile.write(file, settings())
    assert SECRET not in file.read_text()
    secret = file.parent / "secrets" / "camera-1-2"
    assert (secret.read_text(), secret.stat().st_mode & 0o777) == (SECRET, 0o600)
    camera = next(device for device in config.load(file).devices if device.id == "camera-1")
    assert camera.config is not None
    assert camera.config.model_dump()["password"] == SECRET


def test_a_link_stays_one_and_its_secrets_are_found(tmp_path: Path) -> None:
    """As the package has it: the room's user may write in one folder and nowhere else."""
    own = tmp_path / "room"
    own.mkdir()
    (own / "room.toml").write_text(OLD)
    file = tmp_path / "room.toml"
    file.symlink_to("room/room.toml")
    roomfile.write(file, settings())
    assert file.is_symlink()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["room", "room.toml"]
    camera = next(device for device in config.load(file).devices if device.id == "camera-1")
    assert camera.problem is None


@pytest.mark.parametrize("step", range(3))
def test_a_power_cut_leaves_the_old_file_or_the_new_one(file: Path, monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """step: at which of the renames the power fails: of the secret's file, of the copy, of room.toml itself."""
    renames, whole = [], Path.replace

    def fails(self: Path, target: Path) -> Path:
        if len(renames) == step:
            raise PowerCutError
        renames.append(target)
        return whole(self, target)

    monkeypatch.setattr(Path, "replace", fails)
    with pytest.raises(PowerCutError):
        roomfile.write(file, settings())
    assert file.read_text() == OLD
    monkeypatch.undo()
    roomfile.write(file, settings())
    assert config.load(file).room.name == "Amphi A"


class PowerCutError(Exception):
    pass


def test_a_file_that_cannot_be_written_stays_and_a_sentence_says_so(file: Path) -> None:
    file.with_name(f".room.toml.before.{os.getpid()}.new").mkdir()  # stands in the way, even of root
    with pytest.raises(CannotWrite, match="give the room's user its folder"):
        roomfile.write(file, settings(FRONT))
    assert file.read_text() == OLD


def test_what_would_be_no_room_is_not_written(file: Path) -> None:
    with pytest.raises(ConfigError, match='there is no camera "front"'):
        roomfile.write(file, settings(ADDED))  # the camera that turns has lost its picture
    file.write_text("no = toml = at all")
    with pytest.raises(ConfigError, match="mend it first"):
        roomfile.write(file, settings())
    assert [path.name for path in file.parent.iterdir()] == ["room.toml"]


def test_who_wrote_a_file_is_known_until_somebody_changes_it(file: Path) -> None:
    assert writer_of(OLD) is None
    text = sealed('[room]\nname = "Amphi A"\n', "installer")
    assert writer_of(text) == "installer"
    assert tomllib.loads(text)["room"]["name"] == "Amphi A"
    assert writer_of(text.replace("Amphi", "Aula")) is None
    assert writer_of(text + "\n") is None
    roomfile.write(file, settings())
    assert writer_of(file.read_text()) == "panel"
