"""A lesson finds its course by the timetable, without anybody's work; what a person said stays; sheets of a thousand
people come in whole or not at all."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from functools import partial

import pytest
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlmodel import select
from ulid import ULID

from lms_server.catalog import Catalog, timetables
from lms_server.catalog.database import Database
from lms_server.catalog.enrolling import Enrolling
from lms_server.catalog.people import People
from lms_server.catalog.schemas import Person
from lms_server.catalog.tables import CourseMember, PersonRow, Room
from lms_server.catalog.uploads import Uploads
from lms_server.errors import BadRequest, Conflict, NotFound, Unauthenticated
from media.timetable.reading import read
from tests.unit.lms_server.arrivals import card, manifest
from tests.unit.lms_server.conftest import HandClock

TODAY = "2026-11-18"  # of the clock that stands still


@pytest.fixture
def school(catalogue: Catalog, amphi: Room, hands: HandClock, monkeypatch: pytest.MonkeyPatch) -> Catalog:
    """An institution with a term of today, one of last year, and a course in both. Timetables are read in this
    process: that they are read in one of their own is another test's."""
    assert datetime.fromtimestamp(hands.now, UTC).date().isoformat() == TODAY
    monkeypatch.setattr(timetables, "read_apart", lambda text, *times: read(text.decode(), *times))
    catalogue.courses.add_term("ENS", "2025", "2025-09-01", "2026-07-31")
    catalogue.courses.add_term("ENS", "2026", "2026-09-01", "2027-01-31")
    for term in ("2025", "2026"):
        catalogue.courses.add("ENS", term, "PHY 101", f"Optique {term}")
    return catalogue


@pytest.fixture
def enrolling(database: Database, hands: HandClock) -> Enrolling:
    quick = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),))
    return Enrolling(database, hands, People(database, hands, quick))


def timetable(begins: float, *lines: str, title: str = "Optics") -> str:
    at = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(begins))
    head = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:t", "BEGIN:VEVENT", "UID:1", f"DTSTART:{at}", "DURATION:PT1H"]
    return "\r\n".join([*head, f"SUMMARY:{title}", *lines, "END:VEVENT", "END:VCALENDAR", ""])


def recorded(uploads: Uploads, room: Room, started: float, title: str = "Optics", sha256: str = "1" * 64) -> str:
    lesson = str(ULID.from_timestamp(started))
    manifest(uploads, room, lesson, card(title, started=started), sha256=sha256)
    return lesson


@pytest.mark.parametrize(
    "entry",
    [
        ("CATEGORIES:Lecture,phy-101", "Optics"),
        ("CATEGORIES:PHY 101", "Optics"),
        ("RELATED-TO:PHY101", "Optics"),
        ("CATEGORIES:Lecture", "[Phy 101] Optics"),
    ],
    ids=["Moodle", "Outlook", "Opencast", "brackets"],
)
def test_the_timetable_puts_a_lesson_into_its_course(
    school: Catalog, uploads: Uploads, amphi: Room, hands: HandClock, entry: tuple[str, str]
) -> None:
    begins, (line, title), admin = hands.now + 3600, entry, Person(id=1, name="amina", role="admin")
    school.desks.set_timetable(admin, amphi.id, timetable(begins, line, title=title))
    for started, course in ((begins, "Optique 2026"), (begins - 600, "Optique 2026"), (begins - 2000, "")):
        found = school.lessons.get(admin, recorded(uploads, amphi, started))
        assert found.course_title == course
    hands.now += 14 * 86400  # the next timetable comes before a lesson that was carried on a stick
    school.desks.set_timetable(admin, amphi.id, timetable(hands.now + 3600))
    assert school.lessons.get(admin, recorded(uploads, amphi, begins + 60)).course == "PHY 101"


def test_a_code_is_a_course_of_the_term_in_which_the_lesson_was(
    school: Catalog, uploads: Uploads, amphi: Room, admin: Person, hands: HandClock
) -> None:
    for months, title in ((0, "Optique 2026"), (6, "Optique 2025"), (3.2, ""), (40, "")):
        started = hands.now - months * 30 * 86400
        found = school.lessons.get(admin, recorded(uploads, amphi, started, "[PHY101] Prisms"))
        assert found.course_title == title, months


def test_a_room_never_moves_a_lesson_that_a_person_placed(
    school: Catalog, uploads: Uploads, amphi: Room, admin: Person, hands: HandClock
) -> None:
    lesson = recorded(uploads, amphi, hands.now, "[PHY101] Optics")
    assert school.lessons.get(admin, lesson).course == "PHY 101"
    school.editing.assign(admin, lesson, None)
    manifest(uploads, amphi, lesson, card("[PHY101] Optics, mended", started=hands.now), sha256="2" * 64)
    assert school.lessons.get(admin, lesson).course == ""
    school.courses.add("ENS", "2026", "CHI1", "Chimie")
    assert school.lessons.get(admin, lesson).course == ""


def test_lessons_that_came_before_their_course_find_it(
    school: Catalog, uploads: Uploads, amphi: Room, admin: Person, hands: HandClock
) -> None:
    lesson, other = (recorded(uploads, amphi, hands.now + at, title) for at, title in ((0, "[CHI1] pH"), (1, "pH")))
    assert school.lessons.get(admin, lesson).course == ""
    school.courses.add("ENS", "2026", "chi-1", "Chimie")
    assert school.lessons.get(admin, lesson).course == "chi-1"
    assert school.lessons.get(admin, other).course == ""


def test_a_teacher_a_person_wrote_stays_whatever_the_timetable_said(
    catalogue: Catalog, uploads: Uploads, amphi: Room, admin: Person
) -> None:
    lesson = str(ULID())
    manifest(uploads, amphi, lesson, card("Optics"))
    catalogue.editing.describe(admin, lesson, teacher="Dr Mariem")
    told = card("Optics")
    object.__setattr__(told, "teacher", "Dr Ely")
    manifest(uploads, amphi, lesson, told, sha256="2" * 64)
    assert catalogue.lessons.get(admin, lesson).teacher == "Dr Mariem"


def test_what_makes_no_course_or_term_is_refused(school: Catalog) -> None:
    add = school.courses.add
    for code in ("", "--", "x" * 61, "a\nb\u202e"):
        with pytest.raises(BadRequest):
            add("ENS", "2026", code, "")
    with pytest.raises(Conflict):
        add("ENS", "2026", "phy101", "")
    for owner, term in (("ENS", "2030"), ("FST", "2026"), ("", "2026")):
        with pytest.raises(NotFound):
            add(owner, term, "X", "")
    for first, last in (("2026-02-30", "2026-03-01"), ("2026-09-01", "2026-08-31"), ("soon", "later")):
        with pytest.raises(BadRequest):
            school.courses.add_term("ENS", "S", first, last)


def test_students_list_their_courses_and_staff_all_of_the_institution(
    school: Catalog, enrolling: Enrolling, database: Database, admin: Person
) -> None:
    school.institutions.add("FST")
    enrolling.people(
        b"name,role,full_name,courses\nsidi,student,,PHY101\nely,teacher,Dr Ely,PHY101\n", institution="ENS"
    )
    with database.read() as session:
        ids = {row.name: row.id for row in session.exec(select(PersonRow))}
    sidi, ely = (Person(id=ids[name], name=name, role=role, institution_id=1) for name, role in PARTS)
    stranger = Person(id=99, name="x", role="admin", institution_id=2)
    assert [course.title for course in school.courses.of_term(sidi)] == ["Optique 2026"]
    assert len(school.courses.of_term(ely)) == 2
    assert [term.name for term in school.courses.terms(ely) if term.current] == ["2026"]
    (found,) = (course for course in school.courses.of_term(ely) if course.taught)
    assert (found.teachers, found.students, found.lessons) == (["Dr Ely"], 1, 0)
    assert school.courses.of_term(stranger) == school.courses.terms(stranger) == []
    assert [name.id for name in school.courses.names(ely)] == [course.id for course in school.courses.of_term(ely)]
    other = next(course.id for course in school.courses.of_term(ely) if not course.taught)
    offered = [(ely, None, {found.id}), (ely, other, {found.id, other}), (admin, None, {found.id, other})]
    for who, is_in, wanted in offered:
        assert {name.id for name in school.courses.for_lesson(who, "ENS", is_in)} == wanted
    assert school.courses.for_lesson(admin, "FST", None) == []
    for who, course in ((stranger, found.id), (admin, 999)):
        with pytest.raises(NotFound):
            school.courses.get(who, course)


PARTS = (("sidi", "student"), ("ely", "teacher"))


def test_a_sheet_of_excel_in_arabic_is_read_once_it_is_said_how_it_was_saved(
    school: Catalog, enrolling: Enrolling, database: Database
) -> None:
    text = "Name;Role;Full name;Courses\r\nsidi;Student;سيدي ولد أحمد;PHY101\r\n"
    import_ = partial(enrolling.people, institution="ENS")
    with pytest.raises(BadRequest, match=r"Line 2 is not in UTF-8.*--encoding windows-1256"):
        import_(text.encode("windows-1256"))
    for nonsense in ("klingon", "hex", "ascii"):
        with pytest.raises(BadRequest):
            import_(text.encode("windows-1256"), encoding=nonsense)
    assert import_(text.encode("windows-1256"), encoding="windows-1256").made == 1
    for encoding in ("utf-8-sig", "utf-16"):
        done = import_(text.encode(encoding))
        assert (done.made, done.known, done.enrolled) == (0, 1, 0)
    with database.read() as session:
        assert session.exec(select(PersonRow.full_name)).one() == "سيدي ولد أحمد"
        assert session.exec(select(CourseMember.part)).one() == "student"


def test_every_mistake_of_a_sheet_is_named_in_one_run_and_nothing_is_written(
    school: Catalog, enrolling: Enrolling, database: Database
) -> None:
    school.institutions.add("FST")
    enrolling.people(b"name,role\nsidi,student\n", institution="FST")
    sheet = "\n".join(
        (
            "name,role,institution,full_name,courses",
            "good,student,ENS,,PHY101",
            "sidi,student,ENS,,",  # of another institution already
            "king,king,ENS,,",
            ",student,ENS,,",
            "good,teacher,ENS,,PHY101",
            "good,student,ENS,,phy 101",
            "a,student,Nowhere,,",
            "b,student,ENS,,NONE1",
            "c,student,ENS,C,PHY101",
            "c,student,ENS,D,",
            "d,student,,,",
            "e,student,ENS,\u202e,",
        )
    )
    with pytest.raises(BadRequest) as refused:
        enrolling.people(sheet.replace(",\u202e,", ",E,").encode())
    told = refused.value.detail.splitlines()
    assert [line.split(":")[0] for line in told] == [*(f"Line {n}" for n in (3, 4, 5, 6, 7, 8, 9, 11, 12)), told[-1]]
    assert told[-1] == "Nothing was changed."
    with pytest.raises(BadRequest, match=r"Line 13, column 4 \(full_name\): it has signs that cannot be shown"):
        enrolling.people(sheet.encode())
    with database.read() as session:
        assert session.exec(select(PersonRow.name)).all() == ["sidi"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "The file is empty"),
        (b"\xef\xbb\xbf\r\n", "The file is empty"),
        (b"nam,role\nx,student", "did you mean 'name'"),
        (b"name,name,role\nx,x,student", "is there twice"),
        (b"full_name\nx", "the column 'name' is missing"),
        (b'name,role\n"x,student', "quotation mark"),
        (b"name,role\nx,student,y", "it has 3 cells"),
        (b"PK\x03\x04\x14\x00\x06\x00", "save it as CSV"),
        (b"name,role,password\nx,student,short", "Line 2: A password has at least"),
        (b"name,role,password\nx,student,\x00\x00\x00\x00\x00\x00\x00\x00", "cannot be shown"),
    ],
)
def test_what_is_no_sheet_is_said_in_a_sentence(enrolling: Enrolling, content: bytes, sentence: str) -> None:
    with pytest.raises(BadRequest, match=sentence):
        enrolling.people(content, institution="ENS")


def test_sql_in_a_name_is_a_name(school: Catalog, enrolling: Enrolling, database: Database) -> None:
    name = "'); DROP TABLE person; --"
    enrolling.people(f'name,role\n"{name}",student\n'.encode(), institution="ENS")
    with database.read() as session:
        assert session.exec(select(PersonRow.name)).one() == name


def test_who_came_by_a_sheet_without_a_password_cannot_sign_in_by_one(
    school: Catalog, enrolling: Enrolling, database: Database, hands: HandClock
) -> None:
    enrolling.people(b"name,role,password\nsidi,student,\nely,teacher,correct horse\n", institution="ENS")
    people = People(database, hands, PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),)))
    for guess in ("", "x"):
        with pytest.raises(Unauthenticated):
            people.authenticate("sidi", guess, "10.0.0.1")
    assert people.authenticate("ely", "correct horse", "10.0.0.1").institution == "ENS"
    people.move("ely", "")
    assert people.authenticate("ely", "correct horse", "10.0.0.1").institution_id is None


def test_courses_by_the_sheet_and_the_second_time_nothing_is_new(school: Catalog, enrolling: Enrolling) -> None:
    sheet = b"code\ttitle\nCHI1\t<b>Chimie</b>\nPHY-101\tOptique ondulatoire\n"
    import_ = partial(enrolling.courses, institution="ENS")
    assert import_(sheet) == 1  # of the term of today
    assert import_(sheet) == 0
    with pytest.raises(BadRequest, match="Line 3: the course 'chi 1' is in line 2 already"):
        import_(b"code\nCHI1\nchi 1\n")
    with pytest.raises(BadRequest, match="Line 2: That institution has no term 'S9'"):
        import_(b"code,term\nX,S9\n")
    (found,) = (
        c
        for c in school.courses.of_term(Person(id=1, name="a", role="admin"))
        if c.code == "PHY 101" and c.term == "2026"
    )
    assert found.title == "Optique ondulatoire"
