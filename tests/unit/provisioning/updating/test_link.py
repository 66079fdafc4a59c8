"""A village pays for each megabyte: an update may not take what the room's budgets leave to lessons, nor both together
more than there is."""

from __future__ import annotations

import math
import time
from pathlib import Path

import pytest

from appliance.spool import policy as policies
from appliance.spool.clock import Clock
from appliance.spool.layout import Spool
from appliance.spool.ledger import Ledger
from lms_sync.bandwidth import DAILY, Account, account_of
from lms_sync.client import ServerClock
from lms_sync.governor import ACCOUNT, Governor
from provisioning.updating.errors import NotNow
from provisioning.updating.link import FILE, RoomLink

MONDAY_NOON = 1_796_040_000.0
DAY = 86400.0
MB = 1_000_000


class Room:
    """Its server has told it the time."""

    def __init__(self, root: Path) -> None:
        self.spool = Spool(root / "spool")
        self.spool.prepare()
        self.folder = root / "updates"
        self.folder.mkdir()
        self.ledger = Ledger(self.spool.ledger_file)
        self.now = MONDAY_NOON
        self.metered = False
        self.slept: list[float] = []
        self.steady = 0.0

    def link(self, server: str = "https://lessons.example.org/updates") -> RoomLink:
        clock = Clock(self.spool, wall=lambda: self.now, uptime=lambda: self.now - MONDAY_NOON, boot=lambda: "one")
        clock.learn(self.now)
        return RoomLink(
            self.spool,
            self.folder,
            server,
            clock=clock,
            local=time.gmtime,
            meter=lambda: self.metered,
            steady=lambda: self.steady,
            sleep=self.slept.append,
        )

    def agent(self) -> Governor:
        """The sync agent, as its unit starts it."""
        found = Governor(self.spool, local=time.gmtime, meter=lambda: False, others=self.folder / FILE)
        clock = ServerClock(wall=lambda: self.now, steady=lambda: self.now)
        found.attend(clock, "https://lessons.example.org")
        clock.learn(self.now)
        found.look(self.ledger)
        return found

    def sent(self, count: int, day: str = "2026-11-30") -> None:
        self.ledger.note(ACCOUNT, Account(day, count, count).to_text())

    def rules(self, **table: object) -> None:
        policies.write(self.spool, table)


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


def test_what_lessons_took_is_not_left_for_updates(room: Room) -> None:
    room.rules(daily_mb=10)
    room.sent(9 * MB)
    room.link().ask()
    room.sent(10 * MB)
    with pytest.raises(NotNow, match="Today's budget of the link is used up; the update goes on later"):
        room.link().ask()
    room.now += DAY
    room.link().ask()


def test_a_months_budget_holds_over_its_days(room: Room) -> None:
    room.rules(monthly_mb=10)
    room.sent(10 * MB, day="2026-11-29")
    with pytest.raises(NotNow, match="This month's budget"):
        room.link().ask()
    room.now += 2 * DAY  # December
    room.link().ask()


def test_what_an_update_took_is_not_left_for_lessons(room: Room) -> None:
    room.rules(daily_mb=10)
    link = room.link()
    link.ask()
    assert room.agent().barred("proxy") == ""
    link.carried(10 * MB)
    agent = room.agent()
    assert (agent.barred("card"), agent.barred("proxy")) == ("", DAILY)
    with pytest.raises(NotNow):
        room.link().ask()
    room.now += DAY
    agent.look(room.ledger)
    assert room.agent().barred("proxy") == ""


def test_an_agent_that_runs_hears_of_what_an_update_takes(room: Room) -> None:
    room.rules(daily_mb=10)
    agent, link = room.agent(), room.link()
    agent.account(room.ledger)
    assert agent.pacer.left == 10 * MB
    link.ask()
    link.carried(4 * MB)
    link.end()
    agent.account(room.ledger)
    assert agent.pacer.left == 10 * MB - 4_160_000


def test_a_kill_gives_nothing_back(room: Room) -> None:
    room.link().carried(5 * MB)
    assert account_of((room.folder / FILE).read_text()).month_bytes >= 5 * MB


def test_a_metered_link_carries_updates_only_if_it_carries_all_of_lessons(room: Room) -> None:
    room.metered = True
    with pytest.raises(NotNow, match="The link is metered"):
        room.link().ask()
    room.link("http://127.0.0.1:8500/updates").ask()
    room.rules(metered="auto", metered_tiers=["card", "master"])
    room.link().ask()
    room.rules(metered="no")
    room.link().ask()


def test_hours_pause_and_rates_slow(room: Room) -> None:
    room.rules(hours=[{"from": "00:00", "to": "24:00", "max_kbit": 0}])
    with pytest.raises(NotNow, match="hours that are set for this room pause fetching"):
        room.link().ask()
    room.rules(max_kbit=80)
    room.link().carried(10_000)
    assert room.slept == [1.0]


def test_a_ledger_that_cannot_be_read_is_no_free_link(room: Room) -> None:
    room.ledger.close()
    room.spool.ledger_file.write_bytes(b"no ledger" * 1000)
    room.link().ask()  # without budgets nobody has to count
    room.rules(daily_mb=10)
    with pytest.raises(NotNow, match="cannot be read"):
        room.link().ask()


def test_without_rules_nothing_holds_an_update_up(room: Room) -> None:
    link = room.link()
    link.ask()
    link.carried(1 << 30)
    link.ask()
    assert room.slept == []
    assert room.agent().pacer.limit == math.inf
