"""The central server's cards: if these fail, a teacher is a guest in every room, or others record under their name."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.spool import cards, pins
from appliance.spool.cards import BadCards
from appliance.spool.layout import Spool
from lms_sync import wire_cards

CODE, OTHER = "31" * 20, "27" * 20
LISTED = wire_cards.line_of(wire_cards.digest_of(CODE), "Dr Sidi") + wire_cards.line_of("0" * 64, "فاطمة ولد أحمد")


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    spool = Spool(tmp_path)
    spool.prepare()
    return spool


def test_what_the_server_made_is_known_here_without_a_network(spool: Spool) -> None:
    assert cards.given(spool) == ""
    assert cards.holder(spool, CODE) is None
    cards.give(spool, LISTED)
    assert cards.given(spool) == LISTED
    assert cards.holder(spool, CODE) == "Dr Sidi"
    assert cards.holder(spool, OTHER) is None
    assert CODE not in cards.file_of(spool).read_text()
    cards.give(spool, "")
    assert cards.holder(spool, CODE) is None


def test_one_odd_name_costs_the_others_nothing(spool: Spool) -> None:
    """As an institution's own login may send it."""
    odd = wire_cards.line_of("1" * 64, "Dr\u200c Amina\n\x00") + wire_cards.line_of("2" * 64, "\u202e")
    cards.give(spool, odd + LISTED)
    assert sorted(cards.parse(cards.given(spool)).values()) == ["Dr Amina", "Dr Sidi", "فاطمة ولد أحمد"]


def test_room_and_server_hash_a_card_alike() -> None:
    code = wire_cards.new_code()
    assert pins.is_card(code)
    assert pins.of_card(code) == wire_cards.digest_of(code)


@pytest.mark.parametrize(
    "wrong", ["x", f"{'0' * 64}", f"{'0' * 64} ", f"{'0' * 63} Dr Sidi", f"{'0' * 64} {'x' * 101}", "<html>\n", "\x00"]
)
def test_a_list_that_is_none_changes_nothing(spool: Spool, wrong: str) -> None:
    cards.give(spool, LISTED)
    with pytest.raises(BadCards, match="Line 3"):
        cards.give(spool, LISTED + wrong)
    with pytest.raises(BadCards, match="too long"):
        cards.give(spool, "x" * (cards.LARGEST + 1))
    assert cards.holder(spool, CODE) == "Dr Sidi"


def test_a_file_that_was_damaged_opens_nothing(spool: Spool) -> None:
    cards.file_of(spool).write_bytes(b"\xff\xfe")
    with pytest.raises(BadCards):
        cards.holder(spool, CODE)
