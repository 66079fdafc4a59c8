"""A lesson carries the name of who stands at the panel, and never that of who stood there before."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.api.who import AGAIN, PATIENCE, Who
from appliance.recorder.status import LessonStatus, RecorderState, RecorderStatus
from appliance.spool import pins
from appliance.spool.layout import Spool
from appliance.spool.pins import Pins
from tests.unit.appliance.api.test_doors import Clock


def lesson(name: str, state: RecorderState = "recording") -> RecorderStatus:
    return RecorderStatus(state, LessonStatus(name, "", state, 0.0, 0.0, 0, 0), (), 0, 0, 0.0)


IDLE = RecorderStatus("ready", None, (), 0, 0, 0.0)


@pytest.fixture
def who(tmp_path: Path) -> tuple[Who, Clock]:
    clock = Clock()
    return Who(Spool(tmp_path), clock), clock


def test_the_name_ends_with_its_lesson(who: tuple[Who, Clock]) -> None:
    at, clock = who
    at.came("Dr Sidi")
    assert at.name(IDLE) == "Dr Sidi"
    assert at.name(lesson("A")) == "Dr Sidi"
    clock.now += 3 * PATIENCE
    assert at.name(lesson("A")) == "Dr Sidi"
    assert at.name(IDLE) == ""


def test_a_lesson_that_follows_at_once_is_another_persons(who: tuple[Who, Clock]) -> None:
    at, _ = who
    at.came("Dr Sidi")
    assert at.name(lesson("A")) == "Dr Sidi"
    assert at.name(lesson("B")) == ""


def test_whoever_comes_while_a_stop_can_be_undone_is_of_the_next_lesson(who: tuple[Who, Clock]) -> None:
    at, _ = who
    at.came("Dr Sidi")
    assert at.name(lesson("A")) == "Dr Sidi"
    assert at.begins() == ""
    assert at.name(lesson("A", "stopping")) == ""
    at.came("Dr Ba")
    assert at.name(lesson("A", "stopping")) == "Dr Ba"
    assert at.begins() == "Dr Ba"
    assert at.name(lesson("B")) == "Dr Ba"


def test_who_goes_away_without_a_lesson_is_forgotten(who: tuple[Who, Clock]) -> None:
    at, clock = who
    at.came("Dr Sidi")
    clock.now += PATIENCE
    assert at.begins() == ""
    assert at.name(IDLE) == ""


def test_two_lessons_that_nobody_looks_at_are_not_both_of_one_teacher(who: tuple[Who, Clock]) -> None:
    at, clock = who
    at.came("Dr Sidi")
    assert at.begins() == "Dr Sidi"
    clock.now += AGAIN
    assert at.begins() == ""


def test_teachers_are_asked_as_soon_as_the_room_knows_one(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.prepare()
    at = Who(spool)
    assert not at.asked
    known = Pins()
    known.new_card("Dr Sidi")
    pins.write(spool, known)
    assert at.asked
    pins.file_of(spool).write_text("{")
    assert not at.asked
