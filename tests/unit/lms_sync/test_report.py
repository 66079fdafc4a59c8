"""What an admin reads must be true: never "done" before it is."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from appliance.spool import policy
from appliance.spool.layout import Spool
from appliance.spool.ledger import AssetRow, Ledger
from lms_sync import report
from lms_sync.forecast import Forecast, to_text
from lms_sync.governor import FORECAST
from tests.peers.spool import keep_lesson


@pytest.mark.parametrize(
    ("states", "said"),
    [
        (["waiting", "waiting"], "waiting"),
        (["receipted", "waiting"], "sending"),
        (["receipted", "sending", "waiting"], "sending"),
        (["receipted", "verifying"], "verifying"),
        (["receipted", "refused", "sending"], "refused"),
        (["receipted", "receipted"], "receipted"),
    ],
)
def test_a_lesson_is_as_far_as_its_slowest_file(states: list[str], said: str) -> None:
    # The parameters are plain text to pytest, and states to the ledger.
    rows = [AssetRow("l", f"p{n}", "take", "s", "master", 1, "0", state=state) for n, state in enumerate(states)]  # type: ignore[arg-type]
    assert report.lesson_state(rows) == said


def test_almost_all_is_not_all() -> None:
    assert report.share({"bytes": 1_000_000, "sent": 999_999}) == "99 %"
    assert report.share({"bytes": 0, "sent": 0}) == "100 %"


@pytest.mark.parametrize(
    ("count", "said"), [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (21_400_000, "21 MB"), (1_400_000_000, "1.4 GB")]
)
def test_sizes_are_readable(count: int, said: str) -> None:
    assert report.size(count) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(-99999, "just now"), (59, "just now"), (60, "1 minute ago"), (7300, "2 hours ago"), (2e5, "2 days ago")],
)
def test_a_clock_set_back_gives_no_negative_age(seconds: float, said: str) -> None:
    assert report.ago(seconds) == said


def test_status_reads_the_ledger(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    lesson = keep_lesson(spool.root, 1, 100)
    with Ledger(spool.ledger_file) as ledger:
        ledger.note("sync.server", "http://server.example")
        ledger.note("sync.last_contact", "1000.0")
        ledger.note("sync.problem", "server-unreachable")
        ledger.move(lesson.id, "lesson.json", "sending", sent=10)
        found = report.gather(spool, ledger)
    assert (found["server"], found["last_contact"], found["problem"]) == (
        "http://server.example",
        1000.0,
        "server-unreachable",
    )
    assert found["lessons"][0]["title"] == "Lesson 1"
    assert found["lessons"][0]["sent"] == 10
    lines = report.lines(found, 1060.0)
    assert lines[1] == "Last contact: 1 minute ago (problem: server-unreachable)"
    assert any("being sent" in line for line in lines)


def test_an_empty_ledger_says_there_is_nothing_to_send(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    with Ledger(spool.ledger_file) as ledger:
        assert report.lines(report.gather(spool, ledger), 0.0)[-1] == "There is nothing to send."


def test_status_says_what_is_waited_for_and_until_when(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    lesson = keep_lesson(spool.root, 1, 100)
    other = keep_lesson(spool.root, 2, 100)
    told = Forecast(None, {"master": 7200.0}, {lesson.id: {"card": 3600.0, "master": 7200.0}})
    with Ledger(spool.ledger_file) as ledger:
        ledger.note(FORECAST, to_text(told, {"card": "paused-by-hours", "master": "paused-by-hours"}))
        found = report.gather(spool, ledger)
        first, second = found["lessons"]
        assert (first["waiting_for"], first["done_by"]) == ("paused-by-hours", 7200)
        assert (second["id"], second["waiting_for"], second["done_by"]) == (other.id, "paused-by-hours", None)
        assert found["done_by"] is None
        lines = report.lines(found, 60.0, time.gmtime)
        assert "  The hours that are set for this room pause sending now." in lines
        assert "  All of it sent: today about 02:00" in lines
        assert not any("today" in line for line in report.lines(found, 8000.0, time.gmtime))  # an old forecast
        for row in ledger.assets():
            ledger.move(row.lesson, row.path, "verifying")
            ledger.move(row.lesson, row.path, "receipted")
        assert [lesson["done_by"] for lesson in report.gather(spool, ledger)["lessons"]] == [None, None]


@pytest.mark.parametrize(
    ("at", "said"),
    [
        (1, "today about 00:05"),
        (3600, "today about 01:00"),
        (86_399, "tomorrow about 00:00"),
        (90_000, "tomorrow about 01:00"),
        (5 * 86400, "Tuesday about 00:00"),
        (40 * 86400, "10 February"),
    ],
)
def test_a_time_to_come_is_said_as_people_say_it_and_never_too_early(at: float, said: str) -> None:
    assert report.when(at, 0.0, time.gmtime) == said


def test_status_says_which_rules_are_the_servers(tmp_path: Path) -> None:
    """Who wonders why nothing is sent must not look for it in room.toml only."""
    spool = Spool(tmp_path)
    spool.prepare()
    policy.give(spool, {"daily_mb": 50, "metered_tiers": ["card"], "hours": [{"max_kbit": 0}], "yield": False})
    with Ledger(spool.ledger_file) as ledger:
        found = report.gather(spool, ledger)
    said = "Set by the server: daily_mb 50, metered_tiers card, 1 row of hours, yield false"
    assert said in report.lines(found, 0.0)
    assert found["server_rules"]["daily_mb"] == 50
