"""A room whose clock is wrong must know it: else its timetable records at absurd times."""

from __future__ import annotations

from pathlib import Path

from appliance.spool.clock import EARLIEST, SLACK, Clock
from appliance.spool.layout import Spool

NOW = EARLIEST + 300 * 86400.0


class Machine:
    """A clock that runs wrong, and a count of seconds that does not."""

    def __init__(self, folder: Path) -> None:
        self.spool = Spool(folder)
        self.wall, self.uptime, self.boot = NOW, 100.0, "first"

    def clock(self) -> Clock:
        return Clock(self.spool, wall=lambda: self.wall, uptime=lambda: self.uptime, boot=lambda: self.boot)


def test_until_the_server_has_spoken_the_rooms_own_clock_counts_if_it_can_be_true(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    assert machine.clock().now() == NOW
    machine.wall = 86400.0  # 1970: an empty battery
    assert machine.clock().now() is None


def test_the_servers_time_goes_on_without_a_link(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.wall = 86400.0
    machine.clock().learn(NOW)
    machine.uptime += 3600
    assert machine.clock().now() == NOW + 3600
    assert machine.clock().sure()
    machine.boot = "second"
    assert not machine.clock().sure()


def test_after_a_blackout_a_clock_that_was_set_back_is_known_to_be_wrong(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.clock().learn(NOW)
    machine.boot, machine.uptime = "second", 5.0
    machine.wall = NOW - SLACK - 1
    assert machine.clock().now() is None
    machine.wall = NOW + 60
    assert machine.clock().now() == NOW + 60


def test_it_is_written_only_when_it_is_news(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    clock = machine.clock()
    clock.learn(NOW)
    first = (tmp_path / "clock.json").stat().st_ino
    machine.uptime += 60
    clock.learn(NOW + 61)
    assert (tmp_path / "clock.json").stat().st_ino == first
    clock.learn(NOW + 600)
    assert clock.now() == NOW + 600


def test_a_torn_note_is_no_help_and_no_harm(tmp_path: Path) -> None:
    (tmp_path / "clock.json").write_text('{"server": ')
    assert Machine(tmp_path).clock().now() == NOW


def test_what_has_certainly_passed_is_the_servers_to_say(tmp_path: Path) -> None:
    """An update is judged by it: a room whose battery is empty, or that believes it is 2036, must still be updated."""
    machine = Machine(tmp_path)
    machine.wall = NOW + 10 * 365 * 86400
    assert machine.clock().passed() == EARLIEST
    machine.clock().learn(NOW)
    machine.uptime += 3600
    assert machine.clock().passed() == NOW + 3600
    machine.boot, machine.uptime = "second", 5.0
    assert machine.clock().passed() == NOW
