"""PINs and cards: if these fail, a stranger opens the IT screen, or lessons carry a wrong name."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from appliance.spool import pins
from appliance.spool.layout import Spool
from appliance.spool.pins import BadPin, Pins


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    spool = Spool(tmp_path)
    spool.prepare()
    return spool


def test_before_a_pin_is_set_none_opens(spool: Spool) -> None:
    known = pins.read(spool)
    assert not known.opens("")
    assert not known.opens("000000")
    assert known.teacher("") is None
    assert known.holder("") is None


def test_what_was_set_counts_after_a_restart_and_stands_nowhere_in_the_file(spool: Spool) -> None:
    known = Pins()
    known.set_it("271828")
    known.set_teacher("Dr  Sidi", "314159")
    code = known.new_card("Dr Sidi")
    pins.write(spool, known)
    again = pins.read(spool)
    assert again.opens("271828")
    assert not again.opens("314159")  # a teacher's PIN is none of the IT screen
    assert again.teacher("314159") == "Dr Sidi"
    assert again.teacher("271828") is None
    assert pins.is_card(code)
    assert again.holder(code) == "Dr Sidi"
    text = pins.file_of(spool).read_text()
    assert not any(secret in text for secret in ("271828", "314159", code))
    assert stat.S_IMODE(pins.file_of(spool).stat().st_mode) == 0o600


def test_a_new_card_ends_the_old_one_and_leaves_the_pin() -> None:
    known = Pins()
    known.set_teacher("Dr Sidi", "314159")
    lost, new = known.new_card("Dr Sidi"), known.new_card("Dr Sidi")
    assert known.holder(lost) is None
    assert known.holder(new) == "Dr Sidi"
    assert known.teacher("314159") == "Dr Sidi"


def test_two_teachers_never_have_one_pin() -> None:
    known = Pins()
    known.set_teacher("Dr Sidi", "314159")
    with pytest.raises(BadPin, match="Another teacher"):
        known.set_teacher("Dr Ba", "314159")
    known.set_teacher("Dr Sidi", "314159")


@pytest.mark.parametrize(
    "pin", ["", "12345", "1234567890123", "000000", "121212", "123456", "987654", "٣١٤١٥٩", "31415x"]
)
def test_what_is_guessed_first_is_no_pin(pin: str) -> None:
    with pytest.raises(BadPin):
        Pins().set_it(pin)


@pytest.mark.parametrize("name", ["", "  ", "x" * 101, "Dr\x00Sidi"])
def test_a_lesson_gets_no_name_that_cannot_be_shown(name: str) -> None:
    with pytest.raises(BadPin):
        Pins().new_card(name)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"salt": "zz", "it": "", "teachers": {}}', '{"salt": "00", "it": ""}']
)
def test_a_damaged_file_is_one_sentence_and_no_open_door(spool: Spool, text: str) -> None:
    pins.file_of(spool).write_text(text)
    with pytest.raises(BadPin, match="appliance pin set"):
        pins.read(spool)
