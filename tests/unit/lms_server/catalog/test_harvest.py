"""Whoever harvests from the last number they had misses no change among the open lessons."""

from __future__ import annotations

import time

import pytest
from sqlmodel import update
from ulid import ULID

from lms_server.catalog import Catalog
from lms_server.catalog.database import Database
from lms_server.catalog.harvest import Harvest
from lms_server.catalog.schemas import Person
from lms_server.catalog.tables import LessonRow, Room
from lms_server.catalog.uploads import Uploads
from tests.unit.lms_server.arrivals import card, manifest
from tests.unit.lms_server.conftest import HandClock

IT = Person(id=1, name="amina", role="it")


@pytest.fixture
def harvest(database: Database, hands: HandClock) -> Harvest:
    hands.now = time.time() + 60.0  # triggers have the machine's own clock
    return Harvest(database, hands)


def told(harvest: Harvest, number: int = 0) -> list[tuple[str, str]]:
    return [
        (record.lesson_id, record.lesson.title if record.lesson else "gone")
        for record in harvest.after(number, None, None, 100)
    ]


def test_each_change_is_told_after_all_that_was_told_before(
    harvest: Harvest, catalogue: Catalog, uploads: Uploads, database: Database, amphi: Room
) -> None:
    first, second = str(ULID()), str(ULID())
    for lesson in (first, second):
        manifest(uploads, amphi, lesson, card("Optique"))
    assert told(harvest) == []  # nothing to play yet
    with database.write() as session:
        session.exec(update(LessonRow).values(state="ready"))
    assert sorted(told(harvest)) == sorted([(first, "Optique"), (second, "Optique")])
    last = harvest.after(0, None, None, 100)[-1].number
    catalogue.editing.describe(IT, first, title="Ondes")
    assert told(harvest, last) == [(first, "Ondes")]
    catalogue.editing.publish(IT, second, "private")
    assert told(harvest, last) == [(first, "Ondes"), (second, "gone")]
    catalogue.editing.publish(IT, second, "private")  # again: nothing new
    assert told(harvest, last) == [(first, "Ondes"), (second, "gone")]
    gone = harvest.one(second)
    assert gone is not None
    assert gone.lesson is None
    assert [record.lesson_id for record in harvest.after(0, None, None, 1)] == [first]


def test_a_lesson_that_never_was_open_is_not_told_as_gone(harvest: Harvest, uploads: Uploads, amphi: Room) -> None:
    lesson = str(ULID())
    manifest(uploads, amphi, lesson, card("Optique"))
    assert harvest.one(lesson) is None
    assert harvest.one("nothing") is None
    assert harvest.earliest() <= time.time() + 60.0
