"""A school sees its own lessons and rooms and nothing of its neighbour's; a student those of their courses; a teacher
changes what they teach. Whatever is not theirs answers like what never was."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlmodel import select
from ulid import ULID

from lms_server.catalog import Catalog
from lms_server.catalog.database import Database
from lms_server.catalog.schemas import Person, Role
from lms_server.catalog.tables import CourseMember, CourseRow, LessonRow, PersonRow, Room, TermRow
from lms_server.catalog.uploads import Uploads
from lms_server.errors import Forbidden, NotFound
from lms_sync.wire_policy import Policy
from tests.unit.lms_server.arrivals import asset, card, manifest, store

ENS, FST = 1, 2


def person(role: Role, institution: int | None = None, number: int = 7, **more: str) -> Person:
    return Person(id=number, name=f"{role} {number}", role=role, institution_id=institution, **more)


@pytest.fixture
def lesson(database: Database, catalogue: Catalog, uploads: Uploads, amphi: Room) -> str:
    """A lesson that can be played, of the first of two institutions."""
    catalogue.rooms.enrol(catalogue.rooms.make_code("Labo"), "Labo", "FST", "{}")
    lesson = str(ULID())
    manifest(uploads, amphi, lesson, card("Optics", started=5000.0))
    store(uploads, amphi, asset(lesson, "renditions/slidecast.mp4", "slidecast", "b" * 64))
    return lesson


def course(database: Database, institution: int = ENS, **members: int) -> int:
    """members: the ids of one teacher and one student."""
    with database.write() as session:
        term = TermRow(institution_id=institution, name="S1", first_day="2026-09-01", last_day="2027-01-31")
        session.add(term)
        session.flush()
        assert term.id is not None
        row = CourseRow(institution_id=institution, term_id=term.id, code="PHY101", title="Optique")
        session.add(row)
        session.flush()
        assert row.id is not None
        for part, number in members.items():
            known = session.get(PersonRow, number)
            if known is None:
                session.add(PersonRow(id=number, name=f"p{number}", role=part, password_hash="", made=0.0))
                session.flush()
            session.add(CourseMember(course_id=row.id, person_id=number, part=part))
        return row.id


def put(database: Database, lesson: str, **facts: object) -> None:
    with database.write() as session:
        row = session.get_one(LessonRow, lesson)
        for name, value in facts.items():
            setattr(row, name, value)


@pytest.mark.parametrize("role", ["admin", "it", "service", "teacher", "student"])
def test_a_lesson_is_seen_in_its_institution_and_by_the_whole_servers_people(
    catalogue: Catalog, lesson: str, role: Role
) -> None:
    for institution, sees in ((ENS, True), (FST, False), (None, True)):
        who = person(role, institution)
        for search in ({}, {"q": "optics"}, {"room": "Amphi A"}):
            assert [item.id for item in catalogue.lessons.search(who, **search).items] == [lesson] * sees
        if sees:
            assert catalogue.lessons.file(who, lesson, "renditions/slidecast.mp4")
        else:
            for look in (catalogue.lessons.get, lambda p, i: catalogue.lessons.file(p, i, "renditions/slidecast.mp4")):
                with pytest.raises(NotFound) as refused:
                    look(who, lesson)
                assert refused.value.code == "no-such-lesson"


def test_another_institutions_admin_finds_neither_its_rooms_nor_its_lessons_by_any_order(
    catalogue: Catalog, lesson: str, amphi: Room
) -> None:
    stranger = person("admin", FST)
    assert [room.name for room in catalogue.rooms.all(stranger)] == ["Labo"]
    assert [room.name for room in catalogue.rooms.all(person("it", ENS))] == ["Amphi A"]
    assert catalogue.rooms.named(stranger, "Amphi A") is None
    assert catalogue.rooms.named(stranger, amphi.id) is None
    desks, editing = catalogue.desks, catalogue.editing
    orders: list[Callable[[str, str], object]] = [
        lambda room, _: catalogue.rooms.revoke(stranger, room),
        lambda room, _: desks.order(stranger, room, "start"),
        lambda room, _: desks.commands(stranger, room),
        lambda room, _: desks.set_timetable(stranger, room, ""),
        lambda room, _: desks.set_policy(stranger, room, Policy()),
        lambda room, _: desks.policy(stranger, room),
        lambda _, lesson: desks.send_now(stranger, lesson),
        lambda _, lesson: editing.describe(stranger, lesson, title="Ours"),
        lambda _, lesson: editing.publish(stranger, lesson, "withdrawn"),
        lambda _, lesson: editing.show(stranger, lesson, []),
        lambda _, lesson: editing.caption(stranger, lesson, "fr", "a" * 64, 1),
        lambda _, lesson: editing.uncaption(stranger, lesson, "fr"),
        lambda _, lesson: editing.may_edit(stranger, lesson),
        lambda _, lesson: editing.assign(stranger, lesson, None),
    ]
    for order in orders:
        told = []
        for room, lesson_id in ((amphi.id, lesson), (str(ULID()), str(ULID()))):
            with pytest.raises(NotFound) as refused:
                order(room, lesson_id)
            told.append((refused.value.code, refused.value.detail))
        assert told[0] == told[1]
    assert catalogue.lessons.get(person("admin", ENS), lesson).title == "Optics"


def test_a_programs_uploads_stay_in_its_institution(uploads: Uploads, lesson: str, amphi: Room) -> None:
    row = uploads.create(amphi, asset(lesson, "front/take-009.mp4"), join=False)
    part = uploads.create_part(None, 10, ENS)
    for upload in (row, part):
        assert uploads.of(person("service", ENS), upload.id) is not None
        assert uploads.of(person("service"), upload.id) is not None
        assert uploads.of(person("service", FST), upload.id) is None


def test_a_neighbours_room_cannot_tell_whose_lesson_an_id_is(database: Database, uploads: Uploads, lesson: str) -> None:
    with database.read() as session:
        labo = session.exec(select(Room).where(Room.name == "Labo")).one()
    with pytest.raises(NotFound):
        uploads.create(labo, asset(lesson), join=True)


def test_students_see_the_lessons_of_their_courses_and_those_of_none(
    catalogue: Catalog, database: Database, lesson: str
) -> None:
    enrolled, other = person("student", ENS, 20), person("student", ENS, 21)
    for who in (enrolled, other):
        assert catalogue.lessons.get(who, lesson)
    put(database, lesson, course_id=course(database, teacher=30, student=20))
    found = catalogue.lessons.get(enrolled, lesson)
    assert (found.course, found.course_title, found.term) == ("PHY101", "Optique", "S1")
    assert catalogue.lessons.search(other).items == []
    with pytest.raises(NotFound):
        catalogue.lessons.get(other, lesson)
    for narrowed in ({"course": "PHY101"}, {"course": str(found.course_id)}, {"term": "S1"}):
        assert [item.course for item in catalogue.lessons.search(enrolled, **narrowed).items] == ["PHY101"]
        assert catalogue.lessons.search(other, **narrowed).items == []
    for none in ({"course": "CHI101"}, {"term": "S2"}, {"course": "' OR 1=1 --"}, {"course": "PHY101", "term": "9"}):
        assert catalogue.lessons.search(enrolled, **none).items == []


def test_teachers_change_what_they_teach_and_only_that(catalogue: Catalog, database: Database, lesson: str) -> None:
    hers, his = person("teacher", ENS, 30, full_name="Amina Mint Sidi"), person("teacher", ENS, 31)
    for name, may in (("", {hers, his}), ("Pr Amina MINT SIDI", {hers}), ("Teacher 31", {his}), ("Dr Ely", set())):
        put(database, lesson, teacher=name)
        assert {who for who in (hers, his) if may_edit(catalogue, who, lesson)} == may, name
    put(database, lesson, teacher="Teacher 31", course_id=course(database, teacher=30, student=31))
    assert may_edit(catalogue, hers, lesson)
    assert not may_edit(catalogue, his, lesson)
    assert may_edit(catalogue, person("admin", ENS), lesson)


def may_edit(catalogue: Catalog, who: Person, lesson: str) -> bool:
    """And what may not be changed is still there to be seen."""
    assert catalogue.lessons.get(who, lesson)
    try:
        catalogue.editing.may_edit(who, lesson)
    except Forbidden:
        return False
    return True


def test_a_lesson_goes_only_into_a_course_of_its_institution_and_a_teachers_own(
    catalogue: Catalog, database: Database, lesson: str
) -> None:
    ours, theirs = course(database, teacher=30), course(database, FST, teacher=30)
    operator, teacher = person("admin"), person("teacher", ENS, 30)
    for who in (operator, teacher):
        with pytest.raises(NotFound):
            catalogue.editing.assign(who, lesson, theirs)
    with pytest.raises(Forbidden):
        catalogue.editing.assign(person("teacher", ENS, 31), lesson, ours)
    catalogue.editing.assign(teacher, lesson, ours)
    assert catalogue.lessons.get(operator, lesson).course == "PHY101"
    catalogue.editing.assign(operator, lesson, None)
    assert catalogue.lessons.get(operator, lesson).course == ""
