"""Whoever writes a room on top of a profile must be able to foretell what comes of it."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from appliance import config
from appliance.dumping import as_file
from appliance.errors import ConfigError
from provisioning.layers import SHIPPED, Profiles, merged, on_profile, told_secrets

BELOW = tomllib.loads("""
    [recorder]
    height = 720
    fps = 25
    [sync]
    metered_tiers = ["card", "slidecast"]
    [[camera]]
    id = "teacher"
    driver = "rtsp"
    url = "rtsp://camera/1"
    label = "Teacher"
    [[camera]]
    id = "slides"
    driver = "v4l2"
""")


def on_top(text: str) -> dict[str, object]:
    return merged(BELOW, tomllib.loads(text))


def test_a_table_is_taken_key_by_key_and_a_list_whole() -> None:
    room = on_top('[recorder]\nheight = 1080\n[sync]\nmetered_tiers = ["card"]\n[room]\nname = "A"')
    assert room["recorder"] == {"height": 1080, "fps": 25}
    assert room["sync"] == {"metered_tiers": ["card"]}
    assert room["room"] == {"name": "A"}


def test_a_device_is_known_by_its_id_and_a_new_one_comes_behind() -> None:
    room = on_top("""
        [[camera]]
        id = "board"
        driver = "sim"
        [[camera]]
        id = "teacher"
        url = "rtsp://other/1"
    """)
    assert [camera["id"] for camera in room["camera"]] == ["teacher", "slides", "board"]
    assert room["camera"][0] == {"id": "teacher", "driver": "rtsp", "url": "rtsp://other/1", "label": "Teacher"}


def test_another_driver_takes_nothing_of_what_was_meant_for_the_first() -> None:
    room = on_top('[[camera]]\nid = "teacher"\ndriver = "sim"')
    assert room["camera"][0] == {"id": "teacher", "driver": "sim"}


def test_a_device_that_the_room_lacks_is_left_out() -> None:
    room = on_top('[[camera]]\nid = "slides"\nabsent = true')
    assert [camera["id"] for camera in room["camera"]] == ["teacher"]


def test_what_is_below_stays_as_it_was() -> None:
    before = as_file(BELOW)
    on_top('[recorder]\nheight = 1080\n[[camera]]\nid = "teacher"\nlabel = "X"')
    assert as_file(BELOW) == before


def test_what_is_written_is_read_again_as_it_was() -> None:
    odd = tomllib.loads("""
        [room]
        name = 'A "quoted" \\\\ name'
        [sync]
        hours = [{days = "mon-fri", from = "07:30", max_kbit = 64}]
        [[camera]]
        id = "x"
        password = {file = "front"}
        gain = -1.5
        wide = true
        "odd key" = 07:30:00
    """)
    assert tomllib.loads(as_file(odd, "a comment")) == odd


def test_every_shipped_profile_is_a_room_once_it_has_an_address() -> None:
    names = sorted(file.stem for file in SHIPPED.glob("*.toml"))
    assert names == ["lab", "lecture-hall", "seminar-room"]
    for name in names:
        own = {"profile": name, "room": {"name": "A"}}
        if name == "lecture-hall":
            own["camera"] = [{"id": "teacher", "url": "rtsp://camera/1"}]
        room = config.parse(as_file(on_profile(own, Profiles())))
        assert room.room.profile == name
        assert [device.problem for device in room.devices] == [None] * len(room.devices), name
        assert {device.kind for device in room.devices} == {"camera", "microphone"}


def test_a_profile_of_ones_own_comes_first_and_may_stand_on_a_shipped_one(tmp_path: Path) -> None:
    (tmp_path / "our-hall.toml").write_text('profile = "lecture-hall"\n[recorder]\nheight = 480\n')
    (tmp_path / "lab.toml").write_text("[recorder]\nheight = 360\n")
    profiles = Profiles(tmp_path)
    hall = profiles.get("our-hall")
    assert hall["recorder"] == {"height": 480}
    assert [camera["id"] for camera in hall["camera"]] == ["teacher", "slides"]
    assert profiles.get("lab") == {"recorder": {"height": 360}}


def test_a_profile_that_stands_on_itself_and_one_that_is_not_there_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text('profile = "b"')
    (tmp_path / "b.toml").write_text('profile = "a"')
    with pytest.raises(ConfigError, match="stands on itself: a on b on a"):
        Profiles(tmp_path).get("a")
    with pytest.raises(ConfigError, match="did you mean 'lecture-hall'"):
        Profiles().get("lecture-hal")


def test_the_room_itself_refuses_what_is_only_a_part_of_it() -> None:
    with pytest.raises(ConfigError, match="provision show FILE --out"):
        config.parse('profile = "lab"\n[room]\nname = "A"')


def test_a_secret_in_the_open_is_told_and_one_by_its_place_is_not() -> None:
    room = tomllib.loads("""
        [[camera]]
        id = "a"
        password = "hunter2"
        url = "rtsp://admin:hunter2@camera/1"
        [[camera]]
        id = "b"
        password = {file = "b"}
        url = "rtsp://admin@camera/1"
    """)
    told = dict(told_secrets(room))
    assert set(told) == {("camera", "a", "password"), ("camera", "a", "url")}
    assert not any("hunter2" in said for said in told.values())
