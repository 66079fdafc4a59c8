"""A lesson is found by whom it is for, however many there are, and by nobody else, whoever changed it and how."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlmodel import col, delete, select, update
from ulid import ULID

from lms_server.catalog import Catalog, finding
from lms_server.catalog.database import Database
from lms_server.catalog.finding import WEEK
from lms_server.catalog.schemas import Person
from lms_server.catalog.tables import Asset, CourseMember, CourseRow, LessonRow, Room, UploadRow
from lms_server.catalog.uploads import Uploads
from tests.unit.lms_server.arrivals import card, manifest

STARTED = 1_790_000_000.0
STAFF = Person(id=1, name="amina", role="it")


@pytest.fixture
def pupil(catalogue: Catalog, amphi: Room) -> Person:
    """Of the room's institution, in the course PHY of its only term."""
    catalogue.courses.add_term("ENS", "Autumn", "2026-09-01", "2027-01-31")
    for code in ("PHY", "BIO"):
        catalogue.courses.add("ENS", "Autumn", code, "")
    return catalogue.people.add("pupil", "student", "a-long-enough-one", "ENS")


def lesson(database: Database, room: Room, title: str, started: float = STARTED, **facts: object) -> str:
    """A lesson that can be played, straight into the database."""
    row = LessonRow(id=str(ULID()), room_id=room.id, title=title, started=started, state="ready", received=0.0)
    for name, value in facts.items():
        setattr(row, name, value)
    row.find_by(room.name)
    with database.write() as session:
        session.add(row)
    return row.id


def course(database: Database, code: str, member: Person | None = None) -> int:
    with database.write() as session:
        found = session.exec(select(CourseRow.id).where(col(CourseRow.code) == code)).one()
        assert found is not None
        if member is not None:
            session.add(CourseMember(course_id=found, person_id=member.id, part="student"))
    return found


def pages(catalogue: Catalog, person: Person, limit: int, **asked: object) -> Iterator[list[str]]:
    page: str | None = None
    while True:
        found = catalogue.lessons.search(person, page=page, limit=limit, **asked)  # type: ignore[arg-type]  # names of filters
        yield [item.title for item in found.items]
        page = found.next
        if page is None:
            return


def titles(catalogue: Catalog, person: Person, **asked: object) -> list[str]:
    return [title for page in pages(catalogue, person, 50, **asked) for title in page]


def test_lessons_of_many_years_come_newest_first_page_by_page(
    catalogue: Catalog, database: Database, amphi: Room
) -> None:
    for number in range(9):
        lesson(database, amphi, f"Optique {number}", STARTED - number * 1.7 * WEEK)
        lesson(database, amphi, f"Chimie {number}", STARTED - number * 1.7 * WEEK + 60)
    found = list(pages(catalogue, STAFF, 4, q="optiq"))
    assert found == [[f"Optique {number}" for number in range(*part)] for part in ((0, 4), (4, 8), (8, 9))]
    assert len(titles(catalogue, STAFF)) == 18


@pytest.mark.parametrize("query", ["opt", "amphi optique", "OPTIQUE géo", "geometrique optique amphi a"])
def test_words_are_found_by_their_beginnings_in_any_order(
    catalogue: Catalog, database: Database, amphi: Room, query: str
) -> None:
    lesson(database, amphi, "Optique géométrique")
    lesson(database, amphi, "Option de cours", room_id=amphi.id)
    assert "Optique géométrique" in titles(catalogue, STAFF, q=query)


def test_no_word_is_found_by_its_middle_or_across_two_words(
    catalogue: Catalog, database: Database, amphi: Room
) -> None:
    lesson(database, amphi, "Optique")
    for query in ("tique", "optiques", "optique chimie", "optiqueamphi", "m0", "i1"):
        assert titles(catalogue, STAFF, q=query) == []


def test_time_teacher_room_and_term_narrow_what_is_found(
    catalogue: Catalog, database: Database, amphi: Room, pupil: Person
) -> None:
    physics = course(database, "PHY")
    lesson(database, amphi, "First", STARTED, teacher="Dr Amina Haddad", course_id=physics)
    lesson(database, amphi, "Second", STARTED + 100.5, teacher="Haddad Karim")
    assert titles(catalogue, STAFF, since=STARTED + 100.5) == ["Second"]
    assert titles(catalogue, STAFF, until=STARTED + 100.5) == ["First"]
    assert titles(catalogue, STAFF, since=STARTED, until=STARTED + 101) == ["Second", "First"]
    assert titles(catalogue, STAFF, teacher="haddad") == ["Second", "First"]
    assert titles(catalogue, STAFF, teacher="amina had") == ["First"]
    assert titles(catalogue, STAFF, teacher="First") == []  # a word of the title names nobody
    assert titles(catalogue, STAFF, room="amphi") == []
    assert titles(catalogue, STAFF, room="Amphi A", term="Autumn") == ["First"]
    assert titles(catalogue, STAFF, course="PHY", q="first") == ["First"]
    assert titles(catalogue, STAFF, course="BIO") == []


@pytest.mark.parametrize("few", [0, 3, 3000])
def test_words_in_a_room_or_of_a_teacher_are_found_whether_those_have_few_lessons_or_many(
    catalogue: Catalog, database: Database, amphi: Room, pupil: Person, *, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    monkeypatch.setattr(finding, "_FEW", few)
    key = catalogue.rooms.enrol(catalogue.rooms.make_code("Amphi B"), "Amphi B", "ENS", "{}")
    other = catalogue.rooms.find(key)
    assert other is not None
    for number in range(6):
        facts = {
            "teacher": ("Amina Haddad", "Dr Sidi")[number % 2],
            "publication": ("published", "private")[number > 3],
        }
        lesson(database, amphi, f"Optique {number}", STARTED - number * WEEK, publish_at=0.0, **facts)
    lesson(database, other, "Optique B", STARTED + 5.0, teacher="Dr Sidi")
    lesson(database, amphi, "Chimie", STARTED + 9.0, teacher="Dr Sidi")
    here = [f"Optique {number}" for number in range(6)]
    assert titles(catalogue, STAFF, room="Amphi A", q="opt") == here
    assert list(pages(catalogue, STAFF, 4, room=amphi.id, q="optique amphi")) == [here[:4], here[4:]]
    assert titles(catalogue, STAFF, teacher="sidi", q="opt") == ["Optique B", *here[1::2]]
    assert titles(catalogue, STAFF, teacher="sidi", room="Amphi A", q="opt") == here[1::2]
    assert titles(catalogue, STAFF, room="Amphi A", q="ptique") == []
    assert titles(catalogue, STAFF, room="Amphi A", q="opt", until=STARTED - WEEK) == here[2:]
    assert titles(catalogue, pupil, room="Amphi A", q="opt") == here[:4]


def test_students_find_published_lessons_of_their_courses_and_of_none(
    catalogue: Catalog, database: Database, amphi: Room, pupil: Person
) -> None:
    physics, biology = course(database, "PHY", pupil), course(database, "BIO")
    for number in range(5):
        begun = STARTED - number * WEEK
        lesson(database, amphi, f"Physics {number}", begun, course_id=physics)
        lesson(database, amphi, f"Biology {number}", begun + 1, course_id=biology)
        lesson(database, amphi, f"For all {number}", begun + 2)
        lesson(database, amphi, f"Not yet {number}", begun + 3, publication="private")
        lesson(database, amphi, f"Theirs, later {number}", begun + 4, course_id=physics, publish_at=4e9)
    expected = [f"{kind} {number}" for number in range(5) for kind in ("For all", "Physics")]
    assert [title for page in pages(catalogue, pupil, 3) for title in page] == expected
    assert titles(catalogue, pupil, q="amphi phys") == [f"Physics {number}" for number in range(5)]
    assert titles(catalogue, pupil, course="PHY", q="amphi") == [f"Physics {number}" for number in range(5)]
    assert titles(catalogue, pupil, course="BIO") == []
    assert len(titles(catalogue, STAFF)) == 25


def test_another_institution_finds_nothing_here(catalogue: Catalog, database: Database, amphi: Room) -> None:
    lesson(database, amphi, "Optique")
    catalogue.institutions.add("FST")
    for role in ("admin", "teacher", "student"):
        stranger = catalogue.people.add(f"a-{role}", role, "a-long-enough-one", "FST")
        assert titles(catalogue, stranger) == titles(catalogue, stranger, q="optique") == []
        assert titles(catalogue, stranger, room=amphi.id) == []


def test_whatever_changes_a_lesson_changes_how_it_is_found(
    catalogue: Catalog, uploads: Uploads, database: Database, amphi: Room, pupil: Person
) -> None:
    name, physics = str(ULID()), course(database, "PHY")
    manifest(uploads, amphi, name, card("Optique", started=STARTED))
    with database.write() as session:  # past every class of ours
        session.exec(update(LessonRow).values(state="ready"))
    assert titles(catalogue, pupil, q="optique") == ["Optique"]
    catalogue.editing.publish(STAFF, name, "withdrawn")
    assert titles(catalogue, pupil, q="optique") == []
    with database.write() as session:
        session.exec(update(LessonRow).values(publication="published", course_id=physics))
    assert titles(catalogue, pupil, q="optique") == []
    course(database, "PHY", pupil)
    assert titles(catalogue, pupil, q="optique") == ["Optique"]
    catalogue.editing.describe(STAFF, name, title="Chimie")
    assert titles(catalogue, pupil, q="optique") == []
    assert titles(catalogue, pupil, q="chimie") == ["Chimie"]


def test_a_lesson_that_is_deleted_leaves_nothing_in_the_index(
    catalogue: Catalog, uploads: Uploads, database: Database, amphi: Room
) -> None:
    for title in ("Optique", "Chimie"):
        manifest(uploads, amphi, str(ULID()), card(title, started=STARTED))
    with database.write() as session:
        gone = select(LessonRow.id).where(col(LessonRow.title) == "Optique")
        for table in (UploadRow, Asset):
            session.exec(delete(table).where(col(table.lesson_id).in_(gone)))
        session.exec(delete(LessonRow).where(col(LessonRow.title) == "Optique"))
    finding.tidy(database)
    assert titles(catalogue, STAFF, q="amphi") == ["Chimie"]
    if isinstance(database.place, Path):
        with database.write() as session:  # FTS5 compares the index with the table, and raises
            check = "INSERT INTO finding_words (finding_words, rank) VALUES ('integrity-check', 1)"
            session.connection().exec_driver_sql(check)


def test_words_without_an_end_and_titles_without_a_word_do_no_harm(
    catalogue: Catalog, database: Database, amphi: Room
) -> None:
    lesson(database, amphi, "x" * 3000, STARTED)
    lesson(database, amphi, "…!?", -5.0)
    lesson(database, amphi, "Far away", 9e15)
    assert titles(catalogue, STAFF) == ["Far away", "x" * 3000, "…!?"]
    assert titles(catalogue, STAFF, q="x" * 60) == ["x" * 3000]
