"""An asset's way is data; what it says must be what the ledger allows, and nothing may end it but a receipt."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.spool.layout import Spool
from appliance.spool.ledger import TRANSITIONS, AssetRow, IllegalMove, Ledger
from lms_sync.stages import NEXT, ORDER, Event, Passage
from tests.peers.spool import keep_lesson


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    keep_lesson(tmp_path / "spool", 1, 100)
    return Ledger(Spool(tmp_path / "spool").ledger_file)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def passage_of(ledger: Ledger, clock: Clock, owner: str = "a", told: list[bool] | None = None) -> Passage:
    row = next(row for row in ledger.assets() if row.kind == "take")
    return Passage(
        ledger,
        row,
        owner,
        moved=lambda row, sent, grown: told.append(grown) if told is not None else None,
        urgent=lambda row: True,
        wall=clock,
        steady=clock,
    )


def row_of(ledger: Ledger) -> AssetRow:
    return next(row for row in ledger.assets() if row.kind == "take")


def test_every_step_is_legal_in_the_ledger() -> None:
    for (state, _), following in NEXT.items():
        assert following in TRANSITIONS[state]


def test_only_a_receipt_that_was_checked_leads_to_receipted() -> None:
    assert [key for key, state in NEXT.items() if state == "receipted"] == [("verifying", Event.SIGNED)]


def test_no_stage_is_a_dead_end_but_the_last() -> None:
    for state in ORDER[:-1]:
        assert any(key[0] == state and NEXT[key] != state for key in NEXT)


def test_what_cannot_happen_is_refused_and_changes_nothing(ledger: Ledger) -> None:
    passage = passage_of(ledger, Clock())
    with pytest.raises(IllegalMove):
        passage.step(Event.SIGNED)
    assert row_of(ledger).state == "waiting"


def test_an_asset_in_hand_is_not_taken_by_another_until_its_holder_is_gone(ledger: Ledger) -> None:
    clock = Clock()
    first, second = passage_of(ledger, clock, "a"), passage_of(ledger, clock, "b")
    assert first.claim()
    assert not second.claim()
    first.release()
    assert second.claim()
    clock.now += 61
    assert first.claim()


def test_progress_is_written_at_most_once_a_second_and_at_the_end(ledger: Ledger) -> None:
    clock = Clock()
    told: list[bool] = []
    passage = passage_of(ledger, clock, told=told)
    passage.step(Event.BEGIN)
    passage.reached(10)
    assert row_of(ledger).sent == 0
    clock.now += 1.5
    passage.reached(20)
    assert row_of(ledger).sent == 20
    passage.reached(30)
    passage.release()
    assert row_of(ledger).sent == 30
    assert told == [True, True, True]


def test_bytes_the_server_lost_are_no_progress(ledger: Ledger) -> None:
    told: list[bool] = []
    passage = passage_of(ledger, Clock(), told=told)
    passage.step(Event.BEGIN)
    for offset in (50, 20, 50, 60):
        passage.reached(offset)
    assert told == [True, False, False, True]


def test_the_uploads_address_survives_a_kill_at_once(ledger: Ledger) -> None:
    passage = passage_of(ledger, Clock())
    passage.step(Event.BEGIN)
    passage.created("/api/v1/uploads/7")
    assert passage_of(ledger, Clock()).url == "/api/v1/uploads/7"


def test_failures_are_counted_until_a_receipt(ledger: Ledger) -> None:
    clock = Clock()
    passage = passage_of(ledger, clock)
    passage.step(Event.BEGIN)
    passage.step(Event.LATER, problem="server-busy", wait=5.0)
    assert (row_of(ledger).attempts, row_of(ledger).retry_at, row_of(ledger).problem) == (1, 1005.0, "server-busy")
    passage.step(Event.SENT)
    passage.step(Event.LOST, problem="not-stored", forget=True)
    assert (row_of(ledger).attempts, row_of(ledger).upload_url, row_of(ledger).sent) == (2, "", 0)
    passage.step(Event.BEGIN)
    passage.step(Event.SENT)
    passage.step(Event.SIGNED)
    assert (row_of(ledger).state, row_of(ledger).attempts, row_of(ledger).problem) == ("receipted", 0, None)


def test_urgency_is_asked_for_once_a_second(ledger: Ledger) -> None:
    clock = Clock()
    passage = passage_of(ledger, clock)
    assert passage.go_on()
    clock.now += 1.0
    assert not passage.go_on()
    assert passage.go_on()
