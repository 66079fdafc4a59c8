"""Who sees a lesson and when; what people write stays; what is cut is not lost."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlmodel import select
from ulid import ULID

from lms_server.catalog import Catalog
from lms_server.catalog import migrate as migration
from lms_server.catalog.database import Database
from lms_server.catalog.schemas import Part, Person
from lms_server.catalog.tables import LessonRow, OutputRow, PersonRow, Room
from lms_server.catalog.uploads import Uploads
from lms_server.errors import BadRequest, Forbidden, NotFound
from tests.unit.lms_server.arrivals import card, manifest
from tests.unit.lms_server.conftest import KEEP, HandClock

STUDENT = Person(id=7, name="sidi", role="student")
TEACHER = Person(id=8, name="mariem", role="teacher", full_name="Mariem Sidi")
SERVICE = Person(id=9, name="backup", role="service")


@pytest.fixture
def ready(database: Database, uploads: Uploads, amphi: Room) -> str:
    """A lesson that can be played."""
    lesson = str(ULID())
    manifest(uploads, amphi, lesson, card("Optics", started=5000.0))
    make_ready(database, lesson)
    return lesson


def make_ready(database: Database, lesson: str) -> None:
    with database.write() as session:
        session.get_one(LessonRow, lesson).state = "ready"
        facts = {"kind": "programme", "source": "front", "bytes": 1, "sha256": "ab" * 32, "seconds": 60.0}
        session.add(OutputRow(lesson_id=lesson, name="front.mp4", content_type="video/mp4", made=0.0, **facts))


def sees(catalogue: Catalog, person: Person, lesson: str) -> set[str]:
    """By which ways this person comes to the lesson."""
    ways = {"list" for item in catalogue.lessons.search(person).items if item.id == lesson}
    ways |= {"search" for item in catalogue.lessons.search(person, q="optics").items if item.id == lesson}
    for way, look in (
        ("page", lambda: catalogue.lessons.get(person, lesson)),
        ("file", lambda: catalogue.lessons.file(person, lesson, "front.mp4")),
    ):
        try:
            look()
        except NotFound:
            continue
        ways.add(way)
    return ways


ALL = {"list", "search", "page", "file"}


def test_no_way_leads_a_student_to_a_lesson_that_is_not_published(
    catalogue: Catalog, ready: str, admin: Person, hands: HandClock
) -> None:
    assert sees(catalogue, STUDENT, ready) == ALL
    for publication in ("private", "withdrawn"):
        catalogue.editing.publish(TEACHER, ready, publication)
        assert sees(catalogue, STUDENT, ready) == set()
        for staff in (admin, TEACHER, SERVICE):
            assert sees(catalogue, staff, ready) == ALL
    catalogue.editing.publish(admin, ready, "published", hands.now + 60)
    assert sees(catalogue, STUDENT, ready) == set()
    assert catalogue.lessons.get(TEACHER, ready).published is False
    hands.now += 60
    assert sees(catalogue, STUDENT, ready) == ALL
    assert catalogue.lessons.get(STUDENT, ready).published is True


def test_a_school_may_publish_by_hand(database: Database, amphi: Room, hands: HandClock, catalogue: Catalog) -> None:
    lesson = str(ULID())
    manifest(Uploads(database, hands, KEEP, "private"), amphi, lesson, card("Optics"))
    make_ready(database, lesson)
    assert sees(catalogue, STUDENT, lesson) == set()
    assert catalogue.lessons.get(TEACHER, lesson).publication == "private"


@pytest.mark.parametrize("person", [STUDENT, SERVICE], ids=["student", "program"])
def test_only_staff_change_anything(catalogue: Catalog, ready: str, person: Person) -> None:
    for change in (
        lambda: catalogue.editing.publish(person, ready, "withdrawn"),
        lambda: catalogue.editing.describe(person, ready, title="x"),
        lambda: catalogue.editing.show(person, ready, []),
        lambda: catalogue.editing.caption(person, ready, "fr", "ab" * 32, 1),
        lambda: catalogue.editing.uncaption(person, ready, "fr"),
    ):
        with pytest.raises(Forbidden):
            change()


def test_what_a_person_wrote_stays_whatever_the_room_sends(
    catalogue: Catalog, ready: str, uploads: Uploads, amphi: Room, admin: Person
) -> None:
    catalogue.editing.describe(TEACHER, ready, teacher="Dr Mariem Sidi", description="Lentilles\r\net miroirs  \n")
    catalogue.editing.show(TEACHER, ready, [Part(at=10, seconds=20, title="L’œil")])
    catalogue.editing.publish(TEACHER, ready, "private")
    manifest(uploads, amphi, ready, card("Optics, corrected"), sha256="2" * 64)
    found = catalogue.lessons.get(admin, ready)
    assert found.title == "Optics, corrected"  # nobody wrote one
    assert (found.teacher, found.description) == ("Dr Mariem Sidi", "Lentilles\net miroirs")
    assert found.parts == [Part(at=10, seconds=20, title="L’œil")]
    assert found.publication == "private"
    for words in ("miroirs", "sidi", "l'oeil", "corrected"):
        assert [item.id for item in catalogue.lessons.search(admin, q=words).items] == [ready], words


@pytest.mark.parametrize(
    "parts",
    [
        [Part(at=0, seconds=20), Part(at=19, seconds=5)],
        [Part(at=30, seconds=5), Part(at=10, seconds=5)],
        [Part(at=50, seconds=15)],
        [Part(at=number, seconds=0.1) for number in range(201)],
    ],
    ids=["overlap", "backwards", "beyond", "too many"],
)
def test_parts_that_make_no_sense_are_refused(catalogue: Catalog, ready: str, parts: list[Part]) -> None:
    with pytest.raises(BadRequest):
        catalogue.editing.show(TEACHER, ready, parts)
    assert catalogue.lessons.get(TEACHER, ready).parts == []


@pytest.mark.parametrize("text", ["", " ", "x" * 301, "a\nb", "\u202e"])
def test_a_title_is_something_one_can_read(catalogue: Catalog, ready: str, text: str) -> None:
    with pytest.raises(BadRequest):
        catalogue.editing.describe(TEACHER, ready, title=text)


@pytest.mark.parametrize("at", [-1.0, float("nan"), float("inf"), 1e12])
def test_an_embargo_is_a_time(catalogue: Catalog, ready: str, at: float) -> None:
    with pytest.raises(BadRequest):
        catalogue.editing.publish(TEACHER, ready, "published", at)


def test_captions_are_files_of_the_lesson_one_a_language(catalogue: Catalog, ready: str) -> None:
    catalogue.editing.caption(TEACHER, ready, "fr", "1" * 64, 10)
    catalogue.editing.caption(TEACHER, ready, "fr", "2" * 64, 20)
    file = catalogue.lessons.file(STUDENT, ready, "captions/fr.vtt")
    assert (file.sha256, file.bytes, file.content_type) == ("2" * 64, 20, "text/vtt; charset=utf-8")
    with pytest.raises(BadRequest):
        catalogue.editing.caption(TEACHER, ready, "../fr", "2" * 64, 20)
    catalogue.editing.uncaption(TEACHER, ready, "fr")
    with pytest.raises(NotFound):
        catalogue.lessons.file(STUDENT, ready, "captions/fr.vtt")


def test_an_older_servers_lessons_stay_open_and_its_edited_titles_edited(tmp_path: Path) -> None:
    file = tmp_path / "darsbox.sqlite"
    database = Database(file)
    config = Config()
    config.set_main_option("script_location", str(Path(migration.__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    with database.engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0003")
        connection.commit()
    database.close()
    with sqlite3.connect(file) as old:
        old.execute("INSERT INTO institution VALUES (1, 'ENS')")
        old.execute("INSERT INTO room VALUES ('r', 1, 'Amphi A', '{}', 0, NULL, NULL)")
        columns = "id, room_id, title, title_edited, teacher, language, search, started, seconds, gaps, marks, sources"
        columns += ", manifest_sha256, state, problem, attempts, retry_at, lease_owner, lease_until, received"
        values = "?, 'r', 'Optics', ?, '', '', 'optics', 5.0, 60.0, '[]', ?, '[]', '', 'ready', '', 0, 0, '', 0, 0"
        marks = '[{"at": 1.0, "label": "\u0625\u0634\u0639\u0627\u0639"}]'
        for lesson, edited in (("a", 1), ("b", 0)):
            old.execute(f"INSERT INTO lesson ({columns}) VALUES ({values})", (lesson, edited, marks))  # noqa: S608  a test's own words
        old.execute("INSERT INTO asset VALUES (1, 'a', 'x', 'take', 'f', 'master', 1, 'ab', 0, 'r')")
        old.execute("INSERT INTO person VALUES (7, 'sidi', 'student', 'x', 0), (1, 'amina', 'admin', 'x', 0)")
    old.close()
    assert migration.migrate(file) is True
    database = Database(file)
    try:
        catalogue = Catalog.over(database, lambda: 10.0)
        assert {item.id for item in catalogue.lessons.search(STUDENT, q="اشعاع").items} == {"a", "b"}
        with database.read() as session:
            assert session.get_one(LessonRow, "a").edited == ["title"]
            assert session.get_one(LessonRow, "b").edited == []
            of = {row.name: row.institution_id for row in session.exec(select(PersonRow))}
        assert of == {"sidi": 1, "amina": None}  # the school's student, and the whole server's admin
    finally:
        database.close()
