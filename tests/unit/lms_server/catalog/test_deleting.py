"""Deletion deletes, when it may and not before: nothing that is held or still needed goes, and nothing stays half."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from sqlmodel import select
from ulid import ULID

from lms_server.catalog import Catalog
from lms_server.catalog.audit import AT_CONSOLE
from lms_server.catalog.database import Database
from lms_server.catalog.deleting import Deleting
from lms_server.catalog.graves import GRACE, Graves
from lms_server.catalog.schemas import Person
from lms_server.catalog.tables import Asset, CaptionRow, DoomedRow, FindingRow, LessonRow, OutputRow, Room
from lms_server.catalog.uploads import Uploads
from lms_server.errors import BadRequest, Conflict, Forbidden, NotFound
from lms_server.store import StoreUnavailable
from lms_server.store.folder import FolderStore
from lms_sync import wire
from tests.unit.lms_server.arrivals import everything
from tests.unit.lms_server.conftest import HandClock

DAY = 86400.0
TEACHER = Person(id=5, name="amina", role="teacher")


class Archive:
    """Lessons with bytes in a store, and the chores that delete them."""

    def __init__(self, folder: Path, database: Database, uploads: Uploads, room: Room, clock: HandClock) -> None:
        self.folder, self.database, self.uploads, self.room, self.clock = folder, database, uploads, room, clock
        self.graves = Graves(database, clock)
        self.deleting = Deleting(database, clock)
        self.store = FolderStore(folder / "store", self.graves.spare)

    def put(self, content: bytes) -> str:
        sha256, half = hashlib.sha256(content).hexdigest(), self.folder / "half"
        half.write_bytes(content)
        self.store.adopt(half, sha256)
        return sha256

    def asset(self, lesson: str, content: bytes) -> wire.Asset:
        sha256 = hashlib.sha256(content).hexdigest()
        return wire.Asset(lesson, "take", "front", "front/take-001.mp4", "master", len(content), sha256)

    def lesson(self, content: bytes, title: str = "Secret title") -> str:
        """Arrived, assembled, with captions."""
        lesson = str(ULID())
        asset = self.asset(lesson, content)
        upload = self.uploads.create(self.room, asset, join=True)
        self.uploads.verifying(upload.id, asset.sha256)
        self.put(content)
        assert self.uploads.store(upload.id, lambda *_: f"receipt of {lesson}", None)
        with self.database.write() as session:
            row = session.get_one(LessonRow, lesson)
            row.state, row.title, row.teacher, row.search = "ready", title, f"Teacher of {title}", title.lower()
            row.marks = [{"at": 1.0, "label": f"Mark in {title}"}]
            facts = {"kind": "programme", "source": "front", "bytes": 4, "seconds": 1.0, "content_type": "video/mp4"}
            session.add(
                OutputRow(lesson_id=lesson, name="front.mp4", made=0.0, sha256=self.put(b"film" + content), **facts)
            )
            session.add(
                CaptionRow(lesson_id=lesson, language="fr", sha256=self.put(b"words" + content), bytes=1, made=0.0)
            )
        return lesson

    def objects(self) -> int:
        return sum(path.is_file() for path in (self.folder / "store").rglob("*"))

    def chores(self) -> None:
        self.deleting.expire()
        self.deleting.bury()
        self.graves.empty(self.store)

    def all_gone(self) -> None:
        """The trash's days, and the grace of the bytes, are over."""
        self.clock.now += 31 * DAY
        self.chores()
        self.clock.now += GRACE + 1
        self.chores()

    def row(self, lesson: str) -> LessonRow:
        with self.database.read() as session:
            return session.get_one(LessonRow, lesson)


@pytest.fixture
def archive(tmp_path: Path, database: Database, uploads: Uploads, amphi: Room, hands: HandClock) -> Archive:
    return Archive(tmp_path, database, uploads, amphi, hands)


def test_a_lesson_in_the_trash_is_found_by_nobody_and_comes_back_as_it_was(
    archive: Archive, catalogue: Catalog, admin: Person
) -> None:
    lesson = archive.lesson(b"one")
    before = catalogue.lessons.get(admin, lesson)
    catalogue.retention.trash(admin, lesson)
    assert catalogue.lessons.search(admin).items == []
    with pytest.raises(NotFound):
        catalogue.lessons.file(admin, lesson, "front.mp4")
    (shown,) = catalogue.retention.trashed(admin)
    assert (shown.title, shown.goes) == ("Secret title", archive.clock.now + 30 * DAY)
    archive.clock.now += 29 * DAY
    archive.chores()
    catalogue.retention.restore(admin, lesson)
    assert catalogue.lessons.get(admin, lesson) == before
    archive.all_gone()
    assert catalogue.lessons.get(admin, lesson) == before


def test_what_is_deleted_is_gone_but_for_the_proof(archive: Archive, catalogue: Catalog, admin: Person) -> None:
    lesson, other = archive.lesson(b"one"), archive.lesson(b"two", "Other")
    catalogue.retention.trash(admin, lesson)
    archive.all_gone()
    assert archive.objects() == 3  # the other lesson's
    assert "secret" not in everything(archive.database).lower()
    assert catalogue.retention.trashed(admin) == []
    with archive.database.read() as session:
        (asset,) = session.exec(select(Asset).where(Asset.lesson_id == lesson)).all()
        assert session.exec(select(OutputRow).where(OutputRow.lesson_id == lesson)).all() == []
        assert session.exec(select(DoomedRow)).all() == []
        assert session.exec(select(FindingRow.lesson_id)).all() == [other]
    assert asset.sha256 == hashlib.sha256(b"one").hexdigest()
    assert catalogue.lessons.get(admin, other).title == "Other"
    told = {entry.action: entry for entry in catalogue.audit.search(AT_CONSOLE, about=lesson).items}
    assert told["lesson-deleted"].facts["assets"] == [[asset.sha256, 3]]
    assert told["bytes-deleted"].via == "worker"
    assert catalogue.audit.verify().broken is None


def test_a_room_that_delivers_it_again_gets_its_receipt_and_hears_that_nothing_more_is_taken(
    archive: Archive, catalogue: Catalog, admin: Person
) -> None:
    lesson = archive.lesson(b"one")
    catalogue.retention.trash(admin, lesson)
    archive.all_gone()
    again = archive.uploads.create(archive.room, archive.asset(lesson, b"one"), join=True)
    assert again.state == "stored"
    assert archive.uploads.receipt(again) == f"receipt of {lesson}"
    with pytest.raises(BadRequest) as said:
        archive.uploads.create(archive.room, archive.asset(lesson, b"more"), join=True)
    assert said.value.code == "lesson-deleted"
    assert archive.row(lesson).state == "deleted"


def test_nothing_deletes_what_is_held(archive: Archive, catalogue: Catalog, admin: Person) -> None:
    kept, trashed = archive.lesson(b"one"), archive.lesson(b"two")
    catalogue.retention.hold(admin, kept, "case 12/26")
    with pytest.raises(Conflict):
        catalogue.retention.trash(admin, kept)
    catalogue.retention.trash(admin, trashed)
    catalogue.retention.hold(admin, trashed, "")
    catalogue.retention.set_institution(AT_CONSOLE, "1 days", 1, "ENS")
    for _ in range(3):
        archive.all_gone()
    assert archive.objects() == 6
    with pytest.raises(Forbidden):
        catalogue.retention.hold(TEACHER, kept, "mine")
    catalogue.retention.release(admin, trashed)
    archive.all_gone()
    assert archive.objects() == 3
    assert catalogue.lessons.get(admin, kept).title == "Secret title"


def test_bytes_that_another_lesson_needs_stay(archive: Archive, catalogue: Catalog, admin: Person) -> None:
    first, second = archive.lesson(b"same"), archive.lesson(b"same")
    catalogue.retention.trash(admin, first)
    archive.all_gone()
    assert archive.objects() == 3
    assert archive.store.size(catalogue.lessons.file(admin, second, "front.mp4").sha256)
    catalogue.retention.trash(admin, second)
    archive.all_gone()
    assert archive.objects() == 0


def test_bytes_that_come_again_while_their_end_is_near_stay(
    archive: Archive, catalogue: Catalog, admin: Person
) -> None:
    """They are found in the store and so not written anew: whoever puts them there must be seen."""
    lesson = archive.lesson(b"same")
    catalogue.retention.trash(admin, lesson)
    archive.clock.now += 31 * DAY
    archive.chores()
    archive.clock.now += GRACE + 1  # due, and not looked at yet
    sha256 = archive.put(b"same")
    archive.graves.empty(archive.store)
    assert archive.store.size(sha256) == 4
    assert archive.objects() == 1
    archive.clock.now += GRACE + 1  # nobody needed it after all
    archive.graves.empty(archive.store)
    assert archive.objects() == 0


def test_a_store_that_does_not_answer_is_asked_again(archive: Archive, catalogue: Catalog, admin: Person) -> None:
    class Away(FolderStore):
        left = 1

        def delete(self, sha256: str) -> None:
            if not self.left:
                raise StoreUnavailable("The store does not answer.")
            self.left -= 1
            super().delete(sha256)

    lesson = archive.lesson(b"one")
    catalogue.retention.trash(admin, lesson)
    archive.clock.now += 31 * DAY
    archive.chores()
    archive.clock.now += GRACE + 1
    with pytest.raises(StoreUnavailable):
        archive.graves.empty(Away(archive.folder / "store"))
    told = [entry.action for entry in catalogue.audit.search(AT_CONSOLE, about=lesson).items]
    assert (archive.objects(), "bytes-deleted" in told) == (2, False)
    assert archive.graves.empty(archive.store) == 2
    assert archive.objects() == 0


@pytest.mark.parametrize(("keep", "days"), [("", 9999), ("for ever", 9999), ("10 days", 9)])
def test_what_a_rule_keeps_stays(archive: Archive, catalogue: Catalog, admin: Person, keep: str, days: int) -> None:
    lesson = archive.lesson(b"one")
    catalogue.retention.set_institution(AT_CONSOLE, keep, None, "ENS")
    archive.clock.now += days * DAY
    assert archive.deleting.expire() == 0
    assert catalogue.lessons.get(admin, lesson)


def test_a_rule_of_days_counts_from_the_servers_clock_and_a_courses_rule_comes_first(
    archive: Archive, catalogue: Catalog, admin: Person
) -> None:
    catalogue.courses.add_term("ENS", "S1", "2026-09-01", "2027-01-31")
    for code in ("LONG", "SHORT"):
        catalogue.courses.add("ENS", "S1", code, "")
    courses = {each.code: each.id for each in catalogue.courses.of_term(admin)}
    catalogue.retention.set_institution(AT_CONSOLE, "100 days", None, "ENS")
    catalogue.retention.set_course(admin, courses["LONG"], "for ever")
    catalogue.retention.set_course(admin, courses["SHORT"], "10 days")
    plain, long, short = (archive.lesson(text) for text in (b"1", b"2", b"3"))
    with archive.database.write() as session:
        session.get_one(LessonRow, long).course_id = courses["LONG"]
        session.get_one(LessonRow, short).course_id = courses["SHORT"]
        session.get_one(LessonRow, plain).started = 0.0  # a room whose clock was wrong
    archive.clock.now += 11 * DAY
    archive.deleting.expire()
    assert [each.id for each in catalogue.retention.trashed(admin)] == [short]
    archive.clock.now += 90 * DAY
    archive.deleting.expire()
    assert {each.id for each in catalogue.retention.trashed(admin)} == {short, plain}
    rules = [(each.course, each.keep) for each in catalogue.retention.rules(admin)]
    assert rules == [("", "100 days"), ("LONG", "for ever"), ("SHORT", "10 days")]


def test_a_rule_of_terms_waits_for_terms_that_nobody_has_entered_yet(
    archive: Archive, catalogue: Catalog, admin: Person
) -> None:
    lesson = archive.lesson(b"one")
    catalogue.courses.add_term("ENS", "S1", "2026-09-01", "2027-01-31")
    with archive.database.write() as session:
        session.get_one(LessonRow, lesson).started = archive.clock.now  # November 2026
    catalogue.retention.set_institution(AT_CONSOLE, "1 terms", None, "ENS")
    archive.clock.now += 1000 * DAY
    assert archive.deleting.expire() == 0
    catalogue.courses.add_term("ENS", "S2", "2027-02-15", "2027-06-30")
    assert archive.deleting.expire() == 1
    assert [each.id for each in catalogue.retention.trashed(admin)] == [lesson]


@pytest.mark.parametrize("keep", ["0 days", "-1 days", "ten days", "1 years", "99999999 days", "1 days; DROP"])
def test_a_rule_that_means_nothing_is_refused(catalogue: Catalog, amphi: Room, keep: str) -> None:
    with pytest.raises(BadRequest):
        catalogue.retention.set_institution(AT_CONSOLE, keep, None, "ENS")
