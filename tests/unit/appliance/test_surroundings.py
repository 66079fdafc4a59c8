"""Whoever stands before a room that does not work reads these lines; each must lead to the next thing to do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from appliance import surroundings
from appliance.config import parse
from appliance.finding import WHY, Finding

NAMED = parse('[server]\nurl = "https://lessons.example.org/"')


def unit(**said: str) -> Finding:
    usual = {
        "Id": "darsbox-room.service",
        "ActiveState": "active",
        "SubState": "running",
        "UnitFileState": "enabled",
        "Result": "success",
        "Type": "notify",
    }
    return surroundings.of_unit({**usual, **said})


@pytest.mark.parametrize(
    ("said", "level", "command"),
    [
        ({}, "ok", ""),
        ({"ActiveState": "failed", "Result": "exit-code"}, "error", "journalctl -u darsbox-room.service"),
        ({"ActiveState": "inactive"}, "error", "systemctl start darsbox-room.service"),
        ({"ActiveState": "inactive", "Type": "oneshot"}, "ok", ""),
        ({"UnitFileState": "disabled"}, "warning", "systemctl enable --now darsbox-room.service"),
        ({"ActiveState": "inactive", "UnitFileState": "static"}, "ok", ""),
        ({"ActiveState": "inactive", "ConditionResult": "no"}, "ok", ""),
    ],
)
def test_a_unit_that_does_not_run_or_start_by_itself_is_told_with_its_command(
    said: dict[str, str], level: str, command: str
) -> None:
    found = unit(**said)
    assert found.level == level
    assert command in found.advice


@pytest.mark.parametrize(
    ("said", "level", "command"),
    [
        ({"NTP": "yes", "NTPSynchronized": "yes", "CanNTP": "yes"}, "ok", ""),
        ({"NTP": "no", "NTPSynchronized": "no", "CanNTP": "yes"}, "warning", "timedatectl set-ntp true"),
        ({"NTP": "no", "NTPSynchronized": "no", "CanNTP": "no"}, "warning", "apt install systemd-timesyncd"),
        ({"NTP": "yes", "NTPSynchronized": "no", "CanNTP": "yes"}, "warning", "UDP 123"),
    ],
)
def test_a_clock_that_nothing_sets_is_told(said: dict[str, str], level: str, command: str) -> None:
    found = surroundings.of_clock(said)
    assert found.level == level
    assert command in found.advice


@pytest.mark.parametrize(("silent", "level"), [(3.0, "ok"), (300.0, "error"), (None, "error")])
def test_a_screen_without_the_panel_on_it_is_told(silent: float | None, level: str) -> None:
    found = surroundings.of_page(silent)
    assert found.level == level
    assert ("journalctl -t darsbox-panel" in found.advice) == (level == "error")


def enrolled(spool: Path, server: str = "https://lessons.example.org", mode: int = 0o600) -> Finding:
    (spool / "identity").mkdir(parents=True)
    (spool / "identity" / "server.json").write_text(json.dumps({"server": server, "room_id": "r1"}))
    (spool / "identity" / "device.jwk").write_text("{}")
    (spool / "identity" / "device.jwk").chmod(mode)
    return surroundings.enrolment(NAMED, spool)


def test_a_room_says_to_whom_it_belongs(tmp_path: Path) -> None:
    assert surroundings.enrolment(NAMED, tmp_path).fact == "the room has no server yet"
    assert surroundings.enrolment(parse(""), tmp_path).level == "ok"
    assert surroundings.enrolled(tmp_path) is None
    assert enrolled(tmp_path / "a") == Finding("enrolment", "ok", "with https://lessons.example.org, as r1")
    assert surroundings.enrolled(tmp_path / "a") == "https://lessons.example.org"
    assert "room.toml names" in enrolled(tmp_path / "b", "https://other.example.org").fact
    assert "chmod 600" in enrolled(tmp_path / "c", mode=0o640).advice


def test_a_password_that_everybody_can_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "front").write_text("hunter2")
    (tmp_path / "secrets" / "front").chmod(0o644)
    (found,) = surroundings.secrets(tmp_path / "room.toml")
    assert f"chmod o= {tmp_path}/secrets/front" in found.advice
    (tmp_path / "secrets" / "front").chmod(0o400)
    assert list(surroundings.secrets(tmp_path / "room.toml")) == []
    assert list(surroundings.secrets(tmp_path / "nowhere" / "room.toml")) == []


def test_every_finding_says_why_it_matters() -> None:
    assert all(Finding(word, "ok", "").as_json()["why"] for word in WHY)
    assert unit().why == WHY["unit"]
