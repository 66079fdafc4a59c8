"""Policy, clock and budgets together. If these fail, a blackout or a broken file costs a school its credit, or its
lessons."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path

import pytest

from appliance.spool import policy as policies
from appliance.spool.layout import Spool
from appliance.spool.ledger import Ledger
from lms_sync import forecast
from lms_sync.bandwidth import DAILY, HOURS, KBIT, METERED, MONTHLY
from lms_sync.client import ServerClock
from lms_sync.governor import ACCOUNT, AHEAD, FORECAST, Governor
from tests.peers.spool import keep_lesson

MONDAY_NOON = 1_796_040_000.0
DAY = 86400.0


class Room:
    """A room with a clock of its own, which may be wrong, and a server that is asked for the time."""

    def __init__(self, root: Path) -> None:
        self.spool = Spool(root)
        self.spool.prepare()
        self.ledger = Ledger(self.spool.ledger_file)
        self.true = MONDAY_NOON
        self.wrong = 0.0
        self.metered = False
        self.server = "https://lessons.example.org"
        self.steady = 0.0

    def agent(self, *, told: bool = True) -> Governor:
        """A governor as a fresh process has it. told: whether the server has spoken to it."""
        found = Governor(
            self.spool, local=time.gmtime, wall=self.wall, steady=lambda: self.steady, meter=lambda: self.metered
        )
        clock = ServerClock(wall=self.wall, steady=lambda: self.true)
        found.attend(clock, self.server)
        if told:
            clock.learn(self.true)
        found.look(self.ledger)
        return found

    def wall(self) -> float:
        return self.true + self.wrong

    def policy(self, **table: object) -> None:
        policies.write(self.spool, table)


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path / "spool")


def test_without_a_word_of_the_daemon_everything_goes(room: Room) -> None:
    agent = room.agent()
    assert [agent.barred(tier) for tier in ("card", "slidecast", "proxy", "master")] == ["", "", "", ""]
    assert agent.pacer.limit == math.inf


def test_what_the_daemon_writes_holds_at_the_next_look(room: Room) -> None:
    agent = room.agent()
    room.policy(max_kbit=64, metered="yes")
    agent.look(room.ledger)
    assert agent.pacer.limit == 64 * KBIT
    assert [agent.barred(tier) for tier in ("card", "slidecast", "proxy", "master")] == ["", "", METERED, METERED]
    policies.file_of(room.spool).write_text("{broken")
    agent.look(room.ledger)
    assert agent.pacer.limit == math.inf
    room.policy(max_kbit=128)
    agent.look(room.ledger)
    assert agent.pacer.limit == 128 * KBIT


def test_a_link_that_becomes_metered_carries_small_forms_until_it_is_free_again(room: Room) -> None:
    """Somebody plugs in a phone while the school's line is down."""
    agent = room.agent()
    for room.metered in (True, False):
        agent.look(room.ledger)
        assert agent.barred("proxy") == (METERED if room.metered else "")
    room.metered = True
    room.policy(metered="no")
    agent.look(room.ledger)
    assert agent.barred("proxy") == ""


@pytest.mark.parametrize(
    ("server", "near"),
    [
        ("http://127.0.0.1:8500", True),
        ("http://[::1]:8500", True),
        ("http://localhost", True),
        ("http://10.0.0.1", False),
    ],
)
def test_a_server_on_this_machine_is_reached_over_no_link(room: Room, server: str, near: bool) -> None:
    room.metered, room.server = True, server
    agent = room.agent()
    assert agent.barred("proxy") == ("" if near else METERED)
    assert agent.pacer.yields is not near


def test_a_pause_stops_even_cards_and_ends_by_itself(room: Room) -> None:
    room.policy(hours=[{"from": "11:00", "to": "13:00", "max_kbit": 0}])
    agent = room.agent()
    assert agent.barred("card") == HOURS
    room.true += 3600
    agent.look(room.ledger)
    assert agent.barred("card") == agent.barred("master") == ""


def test_a_wrong_clock_pauses_nothing_once_the_server_has_spoken(room: Room) -> None:
    room.policy(hours=[{"from": "03:00", "to": "05:00", "max_kbit": 0}])
    room.wrong = 4 * 3600 - 12 * 3600.0
    assert room.agent(told=False).barred("master") == HOURS
    assert room.agent().barred("master") == ""


def send(room: Room, agent: Governor, count: int) -> None:
    agent.account(room.ledger, ahead=2 * count)
    agent.pacer.spend(count)


def test_a_budget_is_used_up_and_comes_back_the_next_day(room: Room) -> None:
    room.policy(daily_mb=5, monthly_mb=8)
    agent = room.agent()
    send(room, agent, 5_000_000)
    assert (agent.barred("slidecast"), agent.barred("card")) == (DAILY, "")
    room.true += DAY  # into December: the month's budget is new as well
    assert agent.barred("slidecast") == ""
    send(room, agent, 4_000_000)
    room.true += DAY
    send(room, agent, 4_000_000)
    assert agent.barred("slidecast") == MONTHLY


def test_a_kill_gives_nothing_back_and_takes_little(room: Room) -> None:
    room.policy(daily_mb=50)
    for _ in range(10):
        agent = room.agent()  # and no goodbye
        send(room, agent, 400_000)
    written = json.loads(room.ledger.notes()[ACCOUNT])["day_bytes"]
    assert 10 * 400_000 <= written <= 10 * (3 * 400_000 + AHEAD)


def test_an_orderly_end_writes_down_exactly_what_was_sent(room: Room) -> None:
    room.policy(daily_mb=50)
    for _ in range(3):
        agent = room.agent()
        send(room, agent, 400_000)
        agent.account(room.ledger, whole=True)
    assert json.loads(room.ledger.notes()[ACCOUNT])["day_bytes"] == 3 * 400_000


@pytest.mark.parametrize("wrong", [-20 * 365 * DAY, -DAY, DAY, 10 * 365 * DAY])
def test_a_blackout_with_a_wrong_clock_is_no_free_pass_and_no_lock(room: Room, wrong: float) -> None:
    room.policy(daily_mb=1)
    agent = room.agent()
    send(room, agent, 2_000_000)
    for blackout in (wrong, 0.0, wrong):
        room.wrong = blackout
        agent = room.agent(told=False)
        assert agent.barred("master") == DAILY
        agent = room.agent()
        assert agent.barred("master") == DAILY
        agent.account(room.ledger, whole=True)
    room.true += DAY
    assert room.agent().barred("master") == ""


def test_an_account_without_a_budget_is_written_seldom(room: Room) -> None:
    agent = room.agent()
    send(room, agent, 1000)
    agent.account(room.ledger)
    assert ACCOUNT not in room.ledger.notes()
    room.steady += 60
    agent.account(room.ledger)
    assert json.loads(room.ledger.notes()[ACCOUNT])["day_bytes"] == 1000


def test_a_ledger_whose_notes_were_spoilt_begins_a_new_account(room: Room) -> None:
    room.policy(daily_mb=1)
    room.ledger.note(ACCOUNT, "nonsense")
    assert room.agent().barred("master") == ""


def test_what_waits_is_foretold_once_the_link_has_shown_what_it_can(room: Room) -> None:
    lesson = keep_lesson(room.spool.root, 1, 1_000_000)
    room.policy(hours=[{"from": "10:00", "to": "13:00", "max_kbit": 0}])
    agent = room.agent()
    agent.foretell(room.ledger)
    found, barred = forecast.of_text(room.ledger.notes()[FORECAST])
    assert (found.all, barred["master"]) == (None, HOURS)
    room.steady += 60
    agent.learn(10_000.0)
    agent.foretell(room.ledger)
    found, _ = forecast.of_text(room.ledger.notes()[FORECAST])
    assert found.all == found.lessons[lesson.id]["master"] == pytest.approx(MONDAY_NOON + 3600 + 100, abs=5)
    room.agent().foretell(room.ledger)  # killed and started again: it remembers the link
    assert forecast.of_text(room.ledger.notes()[FORECAST])[0].all == pytest.approx(found.all, abs=1)
