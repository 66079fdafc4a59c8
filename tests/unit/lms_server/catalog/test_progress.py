"""Who looks after the server sees what it works on, what waits, and what it has given up and why."""

from __future__ import annotations

import pytest
from ulid import ULID

from lms_server.catalog import Catalog
from lms_server.catalog.database import Database
from lms_server.catalog.jobs import PATIENCE, Jobs
from lms_server.catalog.schemas import Person
from lms_server.catalog.tables import CaptioningRow, LessonRow, Room
from lms_server.catalog.uploads import Uploads
from lms_server.errors import Forbidden
from tests.unit.lms_server.arrivals import asset, card, manifest, store
from tests.unit.lms_server.conftest import HandClock


@pytest.fixture
def arrived(uploads: Uploads, amphi: Room) -> None:
    lesson = str(ULID())
    store(uploads, amphi, asset(lesson))
    manifest(uploads, amphi, lesson, card("Optics"))


@pytest.mark.usefixtures("arrived")
def test_a_lesson_is_seen_waiting_worked_on_put_off_and_given_up(
    database: Database, catalogue: Catalog, admin: Person, hands: HandClock
) -> None:
    jobs = Jobs(database, hands)

    def seen() -> list[tuple[str, str, int, str]]:
        return [(job.goal, job.state, job.attempts, job.problem) for job in catalogue.progress.of(admin)]

    assert seen() == [("files", "waiting", 0, "")]
    job = jobs.claim("one")
    assert job is not None
    assert seen() == [("files", "working", 0, "")]
    jobs.failed(job, "one", "It broke.", final=False)
    assert seen() == [("files", "put-off", 1, "It broke.")]
    hands.now += PATIENCE[0] + 1
    assert seen() == [("files", "waiting", 1, "It broke.")]
    job = jobs.claim("one")
    assert job is not None
    jobs.failed(job, "one", "Nothing of it can be played.", final=True)
    assert seen() == [("files", "given-up", 2, "Nothing of it can be played.")]


def test_captions_are_seen_beside_and_nothing_of_others(
    database: Database, catalogue: Catalog, amphi: Room, admin: Person, hands: HandClock
) -> None:
    with database.write() as session:
        for number, (over, attempts) in enumerate(((True, 3), (False, 0), (True, 1))):
            lesson = str(ULID())
            session.add(LessonRow(id=lesson, room_id=amphi.id, title=f"{number}", started=1.0, received=1.0))
            session.flush()
            session.get_one(LessonRow, lesson).state = "ready"
            lease = hands.now + 10 if not over else 0.0
            session.add(CaptioningRow(lesson_id=lesson, over=over, attempts=attempts, lease_until=lease))
    found = catalogue.progress.of(admin)
    assert [(job.title, job.goal, job.state) for job in found] == [
        ("1", "captions", "working"),
        ("0", "captions", "given-up"),
    ]
    assert catalogue.progress.of(Person(id=2, name="sara", role="it", institution_id=99)) == []
    with pytest.raises(Forbidden):
        catalogue.progress.of(Person(id=3, name="samir", role="teacher"))
