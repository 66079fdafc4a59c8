"""What the panel says of lessons on their way. If these fail, it promises what nobody foresaw, or hides what came."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from appliance.api.deliveries import deliveries
from appliance.spool import keeping
from appliance.spool.layout import Spool
from appliance.spool.ledger import Ledger
from tests.peers.spool import keep_lesson, lesson_id


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    for number in (1, 2, 3):
        keep_lesson(tmp_path, number, 4000, 6000)
    return Spool(tmp_path)


def note(spool: Spool, text: str) -> None:
    with Ledger(spool.ledger_file) as ledger:
        ledger.note("sync.forecast", text)


def test_the_newest_comes_first_with_what_each_tier_has(spool: Spool) -> None:
    with Ledger(spool.ledger_file) as ledger:
        ledger.move(lesson_id(2), "lesson.json", "receipted")
        ledger.move(lesson_id(2), "front/take-001.mp4", "sending", sent=1000)
    found = deliveries(spool, shown=2)
    assert [each.id for each in found.lessons] == [lesson_id(3), lesson_id(2)]
    assert found.older == 1
    card, master = found.lessons[1].tiers
    assert (card.tier, card.receipted, card.sent) == ("card", True, card.bytes)
    assert (master.tier, master.receipted, master.sent, master.bytes) == ("master", False, 1000, 10_000)


def test_what_the_agent_foresees_is_told(spool: Spool) -> None:
    seen = {"all": 2e9, "tiers": {}, "lessons": {lesson_id(3): {"master": 1.9e9}}, "barred": {"master": "daily-budget"}}
    note(spool, json.dumps(seen))
    found = deliveries(spool)
    assert found.done_by == 2e9
    card, master = found.lessons[0].tiers
    assert (card.done_by, master.done_by, master.waiting_for) == (None, 1.9e9, "daily-budget")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"all": "soon", "lessons": 3, "barred": []}', '{"all": true}'])
def test_a_forecast_that_cannot_be_read_is_none(spool: Spool, text: str) -> None:
    note(spool, text)
    found = deliveries(spool)
    assert found.done_by is None
    assert len(found.lessons) == 3


def test_a_damaged_ledger_and_a_damaged_lesson_are_no_end(spool: Spool) -> None:
    spool.lesson_file(lesson_id(1)).write_text("{")
    assert deliveries(spool).lessons[-1].title == ""
    spool.ledger_file.write_bytes(b"no ledger")
    assert deliveries(spool).lessons == []


def test_what_a_teacher_keeps_here_is_promised_to_nobody(spool: Spool) -> None:
    note(spool, json.dumps({"all": 2e9, "lessons": {lesson_id(3): {"card": 1.8e9, "master": 1.9e9}}}))
    keeping.keep(spool, lesson_id(3))
    kept, other = deliveries(spool).lessons[:2]
    assert (kept.kept_here, other.kept_here) == (True, False)
    card, master = kept.tiers
    assert (card.done_by, card.waiting_for) == (1.8e9, None)
    assert (master.done_by, master.waiting_for) == (None, "kept-here")
    assert other.tiers[1].waiting_for is None
