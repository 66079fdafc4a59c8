"""What the audit log says can be believed: nobody changes it unseen, and nobody reads another institution's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlmodel import select
from ulid import ULID

from lms_server.catalog import Catalog
from lms_server.catalog.audit import BEGINNING, Event, hash_of
from lms_server.catalog.database import Database
from lms_server.catalog.schemas import Person
from lms_server.catalog.tables import AuditRow, LessonRow, Room
from lms_server.catalog.visits import VISIT, Visits
from lms_server.errors import Forbidden, Unauthenticated
from tests.unit.lms_server.conftest import HandClock

AMINA = Person(id=7, name="amina", role="admin", address="192.0.2.7")
SIDI = Person(id=8, name="sidi", role="student", address="192.0.2.8", token="darsbox_abcd")


@pytest.fixture
def lesson(database: Database, amphi: Room) -> str:
    name = str(ULID())
    with database.write() as session:
        session.add(LessonRow(id=name, room_id=amphi.id, title="Optics", started=1.0, received=1.0, state="ready"))
    return name


@pytest.fixture
def visits(catalogue: Catalog) -> Iterator[Visits]:
    yield catalogue.visits
    catalogue.visits.close()


def rows(database: Database) -> list[AuditRow]:
    with database.read() as session:
        return list(session.exec(select(AuditRow).order_by(AuditRow.number)))  # type: ignore[arg-type]  # a column


def behind_its_back(database: Database, statement: str) -> None:
    """As somebody does who owns the database: without its triggers."""
    with database.write() as session:
        if session.get_bind().dialect.name == "postgresql":
            session.execute(text("SET LOCAL session_replication_role = replica"))
            session.execute(text(statement))
            return
        triggers = session.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")).all()
        for name, _ in triggers:
            session.execute(text(f"DROP TRIGGER {name}"))
        session.execute(text(statement))
        for _, sql in triggers:
            session.execute(text(sql))


def test_every_row_holds_the_one_before_it(catalogue: Catalog, database: Database) -> None:
    for number in range(3):
        catalogue.audit.note(Event("lesson-played", str(number), None, AMINA, facts={"b": 1, "a": "é"}))
    first, second, third = rows(database)
    assert [row.number for row in (first, second, third)] == [1, 2, 3]
    assert (first.before, second.before, third.before) == (BEGINNING, first.sha256, second.sha256)
    assert all(hash_of(row) == row.sha256 for row in (first, second, third))
    assert (first.person_id, first.address) == (7, "192.0.2.7")
    found = catalogue.audit.verify()
    assert (found.rows, found.head, found.broken) == (3, third.sha256, None)


@pytest.mark.parametrize(
    "statement",
    ["UPDATE audit SET person_id = 1", "UPDATE audit SET facts = '{}' WHERE number = 2", "DELETE FROM audit"],
)
def test_the_database_itself_refuses_to_change_or_delete(
    catalogue: Catalog, database: Database, statement: str
) -> None:
    for _ in range(2):
        catalogue.audit.note(Event("signed-in", "7", None, AMINA))
    before = [row.sha256 for row in rows(database)]
    with pytest.raises(DBAPIError, match="only ever added to"), database.write() as session:
        session.execute(text(statement))
    assert [row.sha256 for row in rows(database)] == before


@pytest.mark.parametrize(
    ("statement", "row"),
    [
        ("UPDATE audit SET person_id = 1 WHERE number = 3", 3),
        ("UPDATE audit SET at = at + 60 WHERE number = 3", 3),
        ("UPDATE audit SET address = '' WHERE number = 1", 1),
        ("DELETE FROM audit WHERE number = 2", 2),
        ("DELETE FROM audit WHERE number = 1", 1),
        ("DELETE FROM audit WHERE number = 5", 5),
        ("DELETE FROM audit", 1),
    ],
)
def test_verify_says_at_which_row_somebody_changed_it_behind_its_back(
    catalogue: Catalog, database: Database, statement: str, row: int
) -> None:
    for number in range(5):
        catalogue.audit.note(Event("lesson-played", str(number), None, AMINA))
    head = catalogue.audit.verify()
    behind_its_back(database, statement)
    found = catalogue.audit.verify((head.rows, head.head))
    assert found.broken is not None
    assert found.broken.number == row


def test_a_log_that_was_written_anew_is_not_the_one_that_was_seen(catalogue: Catalog, database: Database) -> None:
    for who in (AMINA, SIDI):
        catalogue.audit.note(Event("lesson-played", "1", None, who))
    head = catalogue.audit.verify()
    behind_its_back(database, "DELETE FROM audit")
    for who in (AMINA, AMINA):
        catalogue.audit.note(Event("lesson-played", "1", None, who))
    assert catalogue.audit.verify().broken is None  # nothing in itself is wrong
    assert catalogue.audit.verify((head.rows, head.head)).broken is not None


def test_a_deed_that_fails_is_not_told_and_one_that_is_done_always_is(
    catalogue: Catalog, database: Database, lesson: str
) -> None:
    with pytest.raises(Forbidden):
        catalogue.editing.describe(SIDI, lesson, title="Mine")
    told = len(rows(database))
    catalogue.editing.publish(AMINA, lesson, "withdrawn")
    assert len(rows(database)) == told + 1
    (entry,) = catalogue.audit.search(Person(id=0, name="", role="admin"), about=lesson).items
    assert (entry.action, entry.person_id, entry.institution) == ("lesson-published", 7, "ENS")
    assert (entry.title, entry.facts) == ("Optics", {"state": "withdrawn", "at": 0.0})


def test_a_thousand_ranges_of_one_viewing_are_one_row_in_all_processes_together(
    catalogue: Catalog, database: Database, hands: HandClock, lesson: str, visits: Visits
) -> None:
    before = len(rows(database))
    other = Visits(catalogue.audit, hands)
    for process in (visits, other):
        for _ in range(500):
            process.once(Event("lesson-played", lesson, None, AMINA))
            hands.now += 1
        process.settle()
    assert len(rows(database)) == before + 1
    hands.now += VISIT
    visits.once(Event("lesson-played", lesson, None, AMINA))
    visits.once(Event("lesson-played", lesson, None, SIDI))
    for name in ("front.mp4", "front.mp4", "board.mp4"):
        visits.once(Event("file-fetched", lesson, None, SIDI, facts={"file": name}))
    other.close()
    visits.settle()
    told = [(row.action, row.person_id, row.via) for row in rows(database)[before + 1 :]]
    assert told == [
        ("lesson-played", 7, ""),
        ("lesson-played", 8, "darsbox_abcd"),
        ("file-fetched", 8, "darsbox_abcd"),
        ("file-fetched", 8, "darsbox_abcd"),
    ]
    assert catalogue.audit.verify().broken is None


def test_an_admin_reads_what_was_done_in_their_institution_and_nothing_else(
    catalogue: Catalog, lesson: str, visits: Visits
) -> None:
    catalogue.institutions.add("FST")
    ours = catalogue.people.add("fatou", "admin", "a-long-enough-one", "FST")
    theirs = catalogue.people.add("ely", "admin", "a-long-enough-one", "ENS")
    visits.once(Event("lesson-played", lesson, None, theirs))
    visits.settle()
    with pytest.raises(Unauthenticated):
        catalogue.people.authenticate("fatou", "a-wrong-password", "192.0.2.66")
    assert [entry.action for entry in catalogue.audit.search(ours).items] == ["sign-in-refused", "person-added"]
    assert "lesson-played" in [entry.action for entry in catalogue.audit.search(theirs).items]
    assert catalogue.audit.search(ours, about=lesson).items == []
    assert catalogue.audit.search(ours, who="ely").items == []
    refused = catalogue.audit.search(ours, action="sign-in-refused").items[0]
    assert (refused.title, refused.address) == ("fatou", "192.0.2.66")
    with pytest.raises(Forbidden):
        catalogue.audit.search(ours.model_copy(update={"role": "teacher"}))


def test_pages_of_the_log_follow_each_other_without_a_gap(catalogue: Catalog) -> None:
    for number in range(7):
        catalogue.audit.note(Event("lesson-played", str(number), None, AMINA))
    admin, found, page = Person(id=0, name="", role="admin"), [], None
    while True:
        got = catalogue.audit.search(admin, page=page, limit=3)
        found += [entry.number for entry in got.items]
        page = got.next
        if page is None:
            break
    assert found == [7, 6, 5, 4, 3, 2, 1]
