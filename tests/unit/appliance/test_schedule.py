"""When the room tries itself. If these fail it is not tried before class, or again and again."""

from __future__ import annotations

import time

import pytest

from appliance.config import parse
from appliance.errors import ConfigError
from appliance.schedule import BEFORE, LATE, REST, SelftestTable, due, due_before

TABLE = SelftestTable(at=("07:30", "13:00"), days=("mon", "tue"))
MONDAY, WEDNESDAY = 0, 2


def clock(hours: int, minutes: int, day: int = MONDAY) -> time.struct_time:
    return time.struct_time((2026, 11, 23, hours, minutes, 0, day, 327, 0))


def test_the_room_is_tried_at_its_times_and_a_little_late_if_it_was_off() -> None:
    assert due(TABLE, clock(7, 29), 60, {}) is None
    assert due(TABLE, clock(7, 30), 60, {}) == "07:30"
    assert due(TABLE, clock(7, 30 + round(LATE / 60) - 1), 60, {}) == "07:30"
    assert due(TABLE, clock(7, 30 + round(LATE / 60)), 60, {}) is None
    assert due(TABLE, clock(13, 5), 60, {"07:30": 50}) == "13:00"


def test_the_room_is_left_alone_on_other_days_and_without_times() -> None:
    assert due(TABLE, clock(7, 30, WEDNESDAY), 60, {}) is None
    assert due(SelftestTable(), clock(7, 30), 60, {}) is None


def test_a_clock_that_is_set_back_brings_no_second_test_on_the_same_day() -> None:
    done = {"07:30": 1000.0}
    assert due(TABLE, clock(7, 31), 1060, done) is None
    assert due(TABLE, clock(7, 31), 1000 + REST - 1, done) is None
    assert due(TABLE, clock(7, 31), 1000 + REST, done) == "07:30"


@pytest.mark.parametrize("wrong", ["7:30", "24:00", "07:60", "soon"])
def test_a_time_that_is_none_is_refused_with_an_example(wrong: str) -> None:
    with pytest.raises(ConfigError, match='such as "07:30"'):
        parse(f'[selftest]\nat = ["{wrong}"]\n')


def test_times_and_days_are_read() -> None:
    table = parse('[selftest]\nat = ["07:30"]\ndays = ["mon"]\n').tables.selftest
    assert (table.at, table.days) == (("07:30",), ("mon",))


def test_the_room_is_tried_once_before_each_lesson_of_the_timetable() -> None:
    table = SelftestTable(before_minutes=10)
    assert not due_before(table, 601, 5000, {})
    assert due_before(table, 600, 5000, {})
    assert not due_before(table, 590, 5010, {BEFORE: 5000.0})
    assert due_before(table, 600, 5000 + 5400, {BEFORE: 5000.0})
    assert not due_before(table, 0, 5000, {})
    assert not due_before(SelftestTable(), 5, 5000, {})
