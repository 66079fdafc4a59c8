"""What comes in can be found, page by page, and becomes a lesson when all of it is there."""

from __future__ import annotations

import pytest
from ulid import ULID

from lms_server.catalog import Catalog
from lms_server.catalog.schemas import Person
from lms_server.catalog.tables import Room
from lms_server.catalog.uploads import Uploads
from lms_server.errors import BadRequest, Forbidden, NotFound
from tests.unit.lms_server.arrivals import asset, card, manifest, store
from tests.unit.lms_server.conftest import KEEP, HandClock


def test_pages_show_every_lesson_once_even_when_many_began_together(
    catalogue: Catalog, uploads: Uploads, amphi: Room, admin: Person
) -> None:
    ids = {str(ULID()) for _ in range(11)}
    for number, lesson in enumerate(sorted(ids)):
        manifest(uploads, amphi, lesson, card(f"Lesson {number}", started=1000.0 + number // 4))
    seen: list[str] = []
    page: str | None = None
    while True:
        found = catalogue.lessons.search(admin, page=page, limit=3)
        seen += [item.id for item in found.items]
        if found.next is None:
            break
        page = found.next
    assert len(seen) == 11
    assert set(seen) == ids
    with pytest.raises(BadRequest):
        catalogue.lessons.search(admin, page="nonsense")


def test_search_narrows_by_words_room_and_time(
    catalogue: Catalog, uploads: Uploads, amphi: Room, admin: Person
) -> None:
    lesson = str(ULID())
    manifest(uploads, amphi, lesson, card("الإحصاء", started=5000.0))
    for found in (
        catalogue.lessons.search(admin, q="احصاء amphi"),
        catalogue.lessons.search(admin, room=amphi.id),
        catalogue.lessons.search(admin, room="Amphi A", since=5000.0),
    ):
        assert [item.id for item in found.items] == [lesson]
    for none in (
        catalogue.lessons.search(admin, q="احصاء chimie"),
        catalogue.lessons.search(admin, room="Amphi B"),
        catalogue.lessons.search(admin, since=5000.1),
    ):
        assert none.items == []


def test_a_lesson_waits_until_the_last_of_its_takes(
    catalogue: Catalog, uploads: Uploads, amphi: Room, admin: Person
) -> None:
    lesson = str(ULID())
    store(uploads, amphi, asset(lesson, "front/take-002.mp4"))
    manifest(uploads, amphi, lesson, card("L", takes=("front/take-001.mp4", "front/take-002.mp4")))
    assert catalogue.lessons.get(admin, lesson).state == "receiving"
    store(uploads, amphi, asset(lesson, "front/take-001.mp4", sha256="0" * 64))  # another file of that name
    assert catalogue.lessons.get(admin, lesson).state == "receiving"
    store(uploads, amphi, asset(lesson, "front/take-001.mp4"))
    assert catalogue.lessons.get(admin, lesson).state == "assembling"


def test_a_corrected_manifest_mends_a_failed_lesson(
    catalogue: Catalog, uploads: Uploads, amphi: Room, admin: Person
) -> None:
    lesson = str(ULID())
    store(uploads, amphi, asset(lesson))
    manifest(uploads, amphi, lesson, "lesson.json is not JSON.", sha256="1" * 64)
    assert catalogue.lessons.get(admin, lesson).problem == "lesson.json is not JSON."
    manifest(uploads, amphi, lesson, card("Mended"), sha256="2" * 64)
    found = catalogue.lessons.get(admin, lesson)
    assert (found.state, found.title, found.problem) == ("assembling", "Mended", "")
    assert sum(file.kind == "manifest" for file in found.files) == 1  # the newest of its name counts


def test_the_rooms_title_never_comes_back_over_an_edited_one(
    catalogue: Catalog, uploads: Uploads, amphi: Room, admin: Person
) -> None:
    lesson = str(ULID())
    manifest(uploads, amphi, lesson, card("Typed in haste"))
    catalogue.editing.describe(admin, lesson, title="Optics, first part")
    manifest(uploads, amphi, lesson, card("Typed in haste"), sha256="2" * 64)
    assert catalogue.lessons.search(admin, q="optics").items[0].title == "Optics, first part"
    with pytest.raises(Forbidden):
        catalogue.editing.describe(Person(id=2, name="pupil", role="student"), lesson, title="Boring")


def test_a_lesson_of_another_room_is_refused(catalogue: Catalog, uploads: Uploads, amphi: Room) -> None:
    lesson = str(ULID())
    uploads.create(amphi, asset(lesson), join=True)
    other = catalogue.rooms.find(catalogue.rooms.enrol(catalogue.rooms.make_code("B"), "B", "ENS", "{}"))
    assert other is not None
    with pytest.raises(Forbidden) as refused:
        uploads.create(other, asset(lesson), join=True)
    assert refused.value.code == "foreign-lesson"


def test_a_foreign_clients_uploads_are_never_joined(uploads: Uploads, amphi: Room) -> None:
    lesson = str(ULID())
    ids = {uploads.create(amphi, asset(lesson), join=join).id for join in (False, False, True, True)}
    assert len(ids) == 3


def test_an_unfinished_upload_is_kept_for_weeks_and_no_longer(uploads: Uploads, amphi: Room, hands: HandClock) -> None:
    row = uploads.create(amphi, asset(str(ULID())), join=True)
    hands.now += KEEP - 1
    assert uploads.expired() == []
    uploads.advance(row.id, 0, 0)  # the room was heard of: it has its weeks again
    hands.now += KEEP - 1
    assert uploads.expired() == []
    hands.now += 2
    assert [gone.id for gone in uploads.expired()] == [row.id]


def test_what_is_not_there_and_what_is_not_for_them_look_the_same(
    catalogue: Catalog, uploads: Uploads, amphi: Room
) -> None:
    lesson = str(ULID())
    manifest(uploads, amphi, lesson, card("L"))
    student = Person(id=2, name="pupil", role="student")
    for wanted in (lesson, str(ULID())):
        with pytest.raises(NotFound) as refused:
            catalogue.lessons.get(student, wanted)
        assert refused.value.code == "no-such-lesson"


def test_a_slidecast_opens_a_lesson_to_everybody_before_its_recording_has_come(
    catalogue: Catalog, uploads: Uploads, amphi: Room
) -> None:
    lesson, student = str(ULID()), Person(id=2, name="pupil", role="student")
    manifest(uploads, amphi, lesson, card("Analyse II"))
    store(uploads, amphi, asset(lesson, "renditions/poster.jpg", "poster", "a" * 64))
    assert catalogue.lessons.search(student).items == []
    with pytest.raises(NotFound):
        catalogue.lessons.get(student, lesson)
    store(uploads, amphi, asset(lesson, "renditions/slidecast.mp4", "slidecast", "b" * 64))
    (item,) = catalogue.lessons.search(student).items
    assert (item.id, item.state) == (lesson, "receiving")
    found = catalogue.lessons.get(student, lesson)
    assert [(file.kind, file.content_type) for file in found.files] == [
        ("slidecast", "video/mp4"),
        ("poster", "image/jpeg"),
    ]
    assert found.open_to_all


def test_a_page_under_the_name_of_a_picture_is_neither_shown_nor_opens_a_lesson(
    catalogue: Catalog, uploads: Uploads, amphi: Room, admin: Person
) -> None:
    lesson, student = str(ULID()), Person(id=2, name="pupil", role="student")
    manifest(uploads, amphi, lesson, card("Analyse II"))
    store(uploads, amphi, asset(lesson, "renditions/slidecast.html", "slidecast", "b" * 64))
    assert catalogue.lessons.search(student).items == []
    kinds = {file.name: file.kind for file in catalogue.lessons.get(admin, lesson).files}
    assert kinds["renditions/slidecast.html"] == "file"
