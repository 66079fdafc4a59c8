"""A room that stays behind says why, and what to type."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from appliance.spool import wanted
from appliance.spool.clock import EARLIEST
from appliance.spool.layout import Spool
from provisioning import slots
from provisioning.cli import app
from provisioning.doctor import Finding
from provisioning.updating import journal, waiting
from provisioning.updating.checkup import of_maker, of_room
from provisioning.updating.journal import Journal
from tests.peers.updates import Maker

NOW = datetime.now(UTC)


class Room:
    def __init__(self, tmp_path: Path, made: datetime = NOW) -> None:
        self.root, self.spool, self.anchor = tmp_path / "darsbox", tmp_path / "spool", tmp_path / "root.json"
        (self.root / "slots" / "1.0").mkdir(parents=True)
        (self.root / "slots" / "1.0" / slots.MARK).write_text('{"version": "1.0", "lock": "0"}')
        slots.switch(self.root, "1.0")
        self.folder = self.root / "updates"
        self.folder.mkdir()
        self.spool.mkdir()
        self.maker = Maker(tmp_path / "maker", made)
        shutil.copy(self.maker.root, self.anchor)

    def findings(self) -> dict[str, Finding]:
        return {each.code: each for each in of_room(self.root, self.spool, self.anchor)}


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


def test_where_no_room_is_installed_there_is_nothing_to_say(tmp_path: Path) -> None:
    assert of_room(tmp_path / "opt", tmp_path / "spool", tmp_path / "root.json") == []


def test_a_room_that_is_up_to_date_says_so(room: Room) -> None:
    journal.write(room.folder, Journal(last="Version 1.0 is in use, after 0.9."))
    found = room.findings()
    assert list(found) == ["update"]
    assert (found["update"].level, found["update"].detail) == ("ok", "Version 1.0 is in use, after 0.9.")


def test_a_version_that_failed_says_why_and_how_to_try_again(room: Room) -> None:
    failed = Journal().trying("1.0", "1.4.0").returning("It ended.").settled("Version 1.4.0 failed: It ended.")
    journal.write(room.folder, failed)
    wanted.write(Spool(room.spool), "1.4.0")
    (found,) = room.findings().values()
    assert (found.level, found.detail) == ("error", "Version 1.4.0 was tried and failed: It ended.")
    assert "--again --version 1.4.0" in found.command


def test_an_update_that_lost_its_power_is_told(room: Room) -> None:
    journal.write(room.folder, Journal().trying("1.0", "1.4.0"))
    assert "was begun and has not ended" in room.findings()["update"].detail


def test_what_waits_says_since_when_and_why_and_is_a_warning_after_two_days(room: Room) -> None:
    wanted.write(Spool(room.spool), "1.4.0")
    assert "has not asked for it yet" in room.findings()["update-pending"].detail
    now = NOW.timestamp()
    waiting.note(room.folder, "1.4.0", "The line broke.", now)
    assert room.findings()["update-pending"].level == "ok"
    waiting.clear(room.folder)
    waiting.note(room.folder, "1.4.0", "The line broke.", now - 3 * 86400)
    waiting.note(room.folder, "1.4.0", "Today's budget is used up.", now)
    found = room.findings()["update-pending"]
    assert found.level == "warning"
    assert found.detail.endswith("Today's budget is used up.")
    assert f"since {datetime.fromtimestamp(now - 3 * 86400, UTC):%Y-%m-%d}" in found.detail
    assert found.command


def test_a_room_that_trusts_nobody_says_what_to_type(room: Room) -> None:
    room.anchor.unlink()
    assert room.findings()["update-trust"].command == "provision update trust root.json"


def test_the_root_that_a_room_trusts_is_renewed_in_time(tmp_path: Path) -> None:
    """Five years after it was made; by the time that has certainly passed, whatever the room's own clock says."""
    passed = datetime.fromtimestamp(EARLIEST, UTC)
    for number, (years, level) in enumerate([(4, None), (4.9, "warning"), (5.1, "error")]):
        room = Room(tmp_path / str(number), passed - timedelta(days=365 * years))
        found = room.findings().get("update-root")
        assert (found.level if found else None) == level
        assert found is None or "renew-root" in found.command


@pytest.mark.parametrize(("age", "level"), [(1, "ok"), (50, "warning"), (61, "error")])
def test_a_maker_hears_of_it_before_rooms_stop_believing(tmp_path: Path, age: int, level: str) -> None:
    maker = Maker(tmp_path, NOW - timedelta(days=age))
    found = of_maker(maker.repository, NOW.timestamp())
    assert {each.level for each in found} == {level}
    assert level == "ok" or all("refresh" in each.command for each in found)
    assert of_maker(tmp_path / "nothing", 0.0)[0].command.startswith("provision update begin")


def test_the_command_has_it_in_json(room: Room, tmp_path: Path) -> None:
    words = ["doctor", "--json", "--root", room.root, "--spool", room.spool, "--anchor", room.anchor]
    answer = CliRunner().invoke(app, [*map(str, words), "--updates", str(room.maker.repository)])
    codes = [finding["code"] for finding in json.loads(answer.stdout)]
    assert {"update", "updates-folder"} <= set(codes)
