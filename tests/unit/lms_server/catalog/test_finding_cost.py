"""What a list or a search costs goes with what it shows, not with what there is: a server with a million lessons
answers like one with a hundred. Counted in steps of SQLite's own machine, which no busy computer changes."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from ulid import ULID

from lms_server.catalog import Catalog, finding
from lms_server.catalog.database import Database
from lms_server.catalog.finding import WEEK
from lms_server.catalog.schemas import Person
from lms_server.catalog.tables import LessonRow, Room

STARTED, A_WEEK = 1_790_000_000.0, 10
FEW, MANY = 100, 1000
GRAIN = 10
"""Steps that are counted as one."""
QUESTIONS: dict[str, dict[str, str]] = {
    "newest": {},
    "word": {"q": "optique"},
    "beginning": {"q": "o"},
    "two words": {"q": "optique amphi"},
    "room": {"room": "Amphi A"},
    "teacher": {"teacher": "sidi"},
}


@pytest.fixture
def steps(database: Database) -> Iterator[Callable[[Callable[[], Any]], int]]:
    """How many a question takes; asked once before, so that nothing is counted that is done once."""
    count = 0

    def tick() -> int:
        nonlocal count
        count += 1
        return 0

    def watch(connection: sqlite3.Connection, *_: object) -> None:
        connection.set_progress_handler(tick, GRAIN)

    def taken(ask: Callable[[], Any]) -> int:
        nonlocal count
        ask()
        count = 0
        ask()
        return count

    event.listen(database.engine, "checkout", watch)
    yield taken
    event.remove(database.engine, "checkout", watch)


def add(database: Database, room: Room, numbers: range) -> None:
    """Lessons, A_WEEK of them in each, the first the newest."""
    with database.write() as session:
        for number in numbers:
            row = LessonRow(id=str(ULID()), room_id=room.id, title=f"Optique {number}", teacher="Dr Sidi", received=0.0)
            row.started, row.state = STARTED - number * WEEK / A_WEEK, "ready"
            row.find_by(room.name)
            session.add(row)


@pytest.mark.thorough
def test_ten_times_as_many_lessons_cost_a_question_no_more(
    catalogue: Catalog, database: Database, amphi: Room, steps: Callable[[Callable[[], Any]], int]
) -> None:
    people = [
        Person(id=1, name="operator", role="admin"),
        Person(id=2, name="it", role="it", institution_id=amphi.institution_id),
        catalogue.people.add("pupil", "student", "a-long-enough-one", "ENS"),
    ]

    def asked() -> dict[str, int]:
        return {
            f"{question}, {person.name}": steps(
                lambda person=person, facts=facts: catalogue.lessons.search(person, limit=20, **facts)
            )
            for question, facts in QUESTIONS.items()
            for person in people
        }

    add(database, amphi, range(FEW))
    few = asked()
    add(database, amphi, range(FEW, MANY))
    many = asked()
    dear = {each: (few[each], many[each]) for each in few if many[each] > 1.5 * few[each] + 20}
    assert not dear, "steps with few lessons, and with many"


def test_the_largest_page_begins_with_what_the_index_found(catalogue: Catalog, database: Database, amphi: Room) -> None:
    add(database, amphi, range(300))
    asked: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        if "JOIN finding" in statement:
            asked.append((statement, parameters))

    event.listen(database.engine, "before_cursor_execute", note)
    for role in ("it", "teacher", "student"):
        person = catalogue.people.add(role, role, "a-long-enough-one", "ENS")
        assert len(catalogue.lessons.search(person, limit=200).items) == 200
    event.remove(database.engine, "before_cursor_execute", note)
    assert isinstance(database.place, Path)
    with closing(sqlite3.connect(database.place)) as file:
        for statement, parameters in asked:
            first = file.execute(f"EXPLAIN QUERY PLAN {statement}", parameters).fetchone()[3]
            assert first == "SEARCH finding USING INTEGER PRIMARY KEY (rowid=?)"


@pytest.mark.thorough
def test_the_trash_is_listed_without_a_look_at_every_lesson(
    catalogue: Catalog, database: Database, amphi: Room, admin: Person, steps: Callable[[Callable[[], Any]], int]
) -> None:
    add(database, amphi, range(FEW))
    newest = catalogue.lessons.search(admin, limit=1).items[0]
    catalogue.retention.trash(admin, newest.id)
    few = steps(lambda: catalogue.retention.trashed(admin))
    add(database, amphi, range(FEW, MANY))
    assert steps(lambda: catalogue.retention.trashed(admin)) <= few + 2


def test_the_index_is_one_piece_after_it_was_tidied_and_finds_the_same(
    catalogue: Catalog, database: Database, amphi: Room, admin: Person
) -> None:
    for number in range(10):
        add(database, amphi, range(number * 3, number * 3 + 3))
    before = catalogue.lessons.search(admin, q="opt", limit=200)

    def pieces() -> int:
        assert isinstance(database.place, Path)
        with closing(sqlite3.connect(database.place)) as file:
            return int(file.execute("SELECT count(DISTINCT segid) FROM finding_words_idx").fetchone()[0])

    assert pieces() > 1
    for _ in range(2):
        finding.tidy(database)
        assert pieces() == 1
    assert catalogue.lessons.search(admin, q="opt", limit=200) == before
