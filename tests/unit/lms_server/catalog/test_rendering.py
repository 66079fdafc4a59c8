"""A lesson whose room sends no small forms gets them from the server, once; what the room sends counts."""

from __future__ import annotations

import pytest
from sqlmodel import select
from ulid import ULID

from lms_server.catalog import Catalog
from lms_server.catalog.database import Database
from lms_server.catalog.jobs import LEASE, PATIENCE, TRIES, Job, Jobs, Made
from lms_server.catalog.rendering import Rendering
from lms_server.catalog.renditions import WAIT
from lms_server.catalog.schemas import Person
from lms_server.catalog.tables import DoomedRow, RenderingRow, Room
from lms_server.catalog.uploads import Uploads
from tests.unit.lms_server.arrivals import SHA, asset, card, manifest, store
from tests.unit.lms_server.conftest import HandClock

FRONT = Made("front.mp4", "programme", "front", 10, SHA, 60.0, "video/mp4")
SOUND = Made("front-sound.m4a", "audio", "front-sound", 5, "a" * 64, 60.0, "audio/mp4")
SLIDECAST = Made("renditions/slidecast.mp4", "slidecast", "", 4, "b" * 64, 60.0, "video/mp4")
POSTER = Made("renditions/poster.jpg", "poster", "", 3, "c" * 64, 0.0, "image/jpeg")
PROXY = Made("renditions/proxy.mp4", "proxy", "", 6, "d" * 64, 60.0, "video/mp4")
THUMBNAIL = Made("renditions/thumbnail.jpg", "thumbnail", "", 1, "e" * 64, 0.0, "image/jpeg")
ROOMS = "f" * 64


class Library:
    """A server with one room, and a worker's hands."""

    def __init__(self, database: Database, hands: HandClock, uploads: Uploads, room: Room) -> None:
        self.database, self.hands, self.uploads, self.room = database, hands, uploads, room
        self.jobs, self.rendering = Jobs(database, hands), Rendering(database, hands)

    def lesson(self, take: str = "front/take-001.mp4") -> str:
        """One whose files are made."""
        lesson = str(ULID())
        store(self.uploads, self.room, asset(lesson, take))
        manifest(self.uploads, self.room, lesson, card("Optics", takes=(take,)))
        job = self.jobs.claim("files")
        assert job is not None
        assert self.jobs.done(job, "files", [FRONT, SOUND], "")
        return lesson

    def sends(self, lesson: str, kind: str, name: str, sha256: str = ROOMS) -> None:
        """What the room made itself."""
        store(self.uploads, self.room, asset(lesson, f"renditions/{name}", kind, sha256))

    def claimed(self, kind: str, owner: str = "one") -> Job:
        job = self.rendering.claim(owner)
        assert job is not None
        assert job.kind == kind
        return job

    def makes(self, kind: str, *made: Made) -> None:
        assert self.rendering.done(self.claimed(kind), "one", made, "")

    def goes(self) -> set[str]:
        """What is taken out of the store, unless something needs it."""
        with self.database.read() as session:
            return set(session.exec(select(DoomedRow.sha256)))

    def files(self, lesson: str) -> dict[str, str]:
        """What a student finds, by kind."""
        detail = Catalog.over(self.database, self.hands).lessons.get(Person(id=9, name="sidi", role="student"), lesson)
        return {file.kind: file.sha256 for file in detail.files}


@pytest.fixture
def library(database: Database, hands: HandClock, uploads: Uploads, amphi: Room) -> Library:
    return Library(database, hands, uploads, amphi)


def test_a_lesson_of_another_system_gets_all_small_forms_at_once_what_students_use_first_comes_first(
    library: Library,
) -> None:
    lesson = library.lesson("front/original.mkv")
    job = library.claimed("slidecast")
    assert (job.files, job.programmes, job.sounds) == ({}, (FRONT.sha256,), (SOUND.sha256,))
    assert library.rendering.done(job, "one", [POSTER, SLIDECAST], "")
    thumbnail = library.claimed("thumbnail")
    assert thumbnail.files == {"poster": POSTER.sha256}
    assert library.rendering.done(thumbnail, "one", [THUMBNAIL], "")
    library.hands.now += 1
    library.makes("proxy", PROXY)
    assert library.rendering.claim("one") is None
    found = library.files(lesson)
    assert {"slidecast", "poster", "thumbnail", "proxy"} < set(found)
    (item,) = Catalog.over(library.database, library.hands).lessons.search(Person(id=1, name="a", role="admin")).items
    assert item.thumbnail == f"/api/v1/lessons/{lesson}/files/renditions/thumbnail.jpg"


def test_a_room_of_ours_has_time_to_send_its_own_before_the_server_makes_them(library: Library) -> None:
    library.lesson()
    assert library.rendering.claim("one") is None
    library.hands.now += WAIT - 1
    assert library.rendering.claim("one") is None
    library.hands.now += 1
    job = library.claimed("slidecast")
    assert (job.files, job.programmes) == ({"front/take-001.mp4": SHA}, ())


def test_what_came_from_the_room_is_not_made(library: Library) -> None:
    lesson = library.lesson()
    library.sends(lesson, "slidecast", "slidecast.mp4")
    library.sends(lesson, "proxy", "proxy.mp4")
    library.hands.now += 2 * WAIT
    assert library.rendering.claim("one") is None


def test_a_room_s_own_forms_count_whenever_they_come_and_what_stood_in_for_them_goes(library: Library) -> None:
    lesson = library.lesson("front/original.mkv")
    library.makes("slidecast", POSTER, SLIDECAST)
    library.makes("thumbnail", THUMBNAIL)
    assert library.files(lesson)["slidecast"] == SLIDECAST.sha256
    library.sends(lesson, "slidecast", "slidecast.mp4")
    library.sends(lesson, "poster", "poster.jpg", "9" * 64)
    found = library.files(lesson)
    assert (found["slidecast"], found["poster"]) == (ROOMS, "9" * 64)
    assert "thumbnail" not in found
    assert library.claimed("thumbnail").files == {"poster": "9" * 64}
    assert {SLIDECAST.sha256, POSTER.sha256, THUMBNAIL.sha256} <= library.goes()


def test_what_arrives_while_the_server_makes_the_same_takes_the_work_away(library: Library) -> None:
    lesson = library.lesson("front/original.mkv")
    job = library.claimed("slidecast")
    library.sends(lesson, "slidecast", "slidecast.mp4")
    assert not library.rendering.renew(job, "one")
    assert not library.rendering.done(job, "one", [SLIDECAST], "")
    assert library.files(lesson)["slidecast"] == ROOMS
    assert SLIDECAST.sha256 in library.goes()  # else a deleted lesson's sound would stay in the store for ever


def test_a_killed_worker_s_form_goes_to_the_next_and_is_made_once(library: Library) -> None:
    library.lesson("front/original.mkv")
    job = library.claimed("slidecast")
    library.hands.now += LEASE - 1
    assert library.rendering.renew(job, "one", 0.5)
    assert library.claimed("proxy", "two").kind == "proxy"
    assert library.rendering.claim("three") is None
    library.hands.now += LEASE + 1
    again = [library.rendering.claim("three"), library.rendering.claim("four")]
    assert sorted(each.kind for each in again if each is not None) == ["proxy", "slidecast"]
    assert not library.rendering.done(job, "one", [SLIDECAST], "")


def test_failures_are_tried_again_and_given_up_and_the_lesson_stays_ready(library: Library) -> None:
    lesson = library.lesson("front/original.mkv")
    library.hands.now += 1
    for _ in range(TRIES):
        for _ in range(2):
            job = library.rendering.claim("one")
            assert job is not None
            library.rendering.failed(job, "one", "The encoder broke.", final=False)
        library.hands.now += PATIENCE[-1]
    assert library.rendering.claim("one") is None
    seen = Catalog.over(library.database, library.hands).progress.of(Person(id=1, name="amina", role="admin"))
    assert {(job.goal, job.state, job.problem) for job in seen} == {
        ("slidecast", "given-up", "The encoder broke."),
        ("proxy", "given-up", "The encoder broke."),
    }
    assert library.files(lesson)["programme"] == FRONT.sha256


def test_a_lesson_that_is_assembled_anew_gets_new_small_forms(library: Library) -> None:
    lesson = library.lesson("front/original.mkv")
    library.makes("slidecast", SLIDECAST)
    library.hands.now += 1
    stale = library.claimed("proxy")
    manifest(library.uploads, library.room, lesson, card("Optics II", takes=("front/original.mkv",)), sha256="2" * 64)
    assert not library.rendering.renew(stale, "one")
    job = library.jobs.claim("files")
    assert job is not None
    assert library.jobs.done(job, "files", [FRONT], "")
    assert "slidecast" not in library.files(lesson)
    library.claimed("slidecast")


def test_how_far_a_worker_is_is_seen(library: Library) -> None:
    library.lesson("front/original.mkv")
    library.rendering.renew(library.claimed("slidecast"), "one", 0.25)
    seen = Catalog.over(library.database, library.hands).progress.of(Person(id=1, name="amina", role="admin"))
    assert [(job.goal, job.state, job.progress) for job in seen] == [("slidecast", "working", 0.25)]
    with library.database.read() as session:
        assert len(session.exec(select(RenderingRow)).all()) == 2
