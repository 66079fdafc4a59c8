"""Every lesson is assembled by one worker at a time, and by another when that one dies."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlmodel import select
from ulid import ULID

from lms_server.catalog import Catalog
from lms_server.catalog.database import Database
from lms_server.catalog.jobs import LEASE, PATIENCE, TRIES, Job, Jobs, Made
from lms_server.catalog.schemas import Person
from lms_server.catalog.tables import DoomedRow, Room
from lms_server.catalog.uploads import Uploads
from tests.unit.lms_server.arrivals import SHA, asset, card, manifest, store
from tests.unit.lms_server.conftest import HandClock

MADE = Made("front.mp4", "programme", "front", 10, SHA, 60.0, "video/mp4")


@pytest.fixture
def jobs(database: Database, hands: HandClock) -> Jobs:
    return Jobs(database, hands)


@pytest.fixture
def lesson(uploads: Uploads, amphi: Room) -> str:
    made = str(ULID())
    store(uploads, amphi, asset(made))
    manifest(uploads, amphi, made, card("Optics"))
    return made


def claimed(jobs: Jobs, owner: str = "one") -> Job:
    job = jobs.claim(owner)
    assert job is not None
    return job


def test_one_lesson_is_never_given_to_two(jobs: Jobs, lesson: str) -> None:
    job = claimed(jobs)
    assert job.lesson == lesson
    assert job.files == {"front/take-001.mp4": SHA, "lesson.json": SHA}
    assert jobs.claim("two") is None


def test_a_dead_workers_lesson_goes_to_the_next(jobs: Jobs, hands: HandClock, lesson: str) -> None:
    job = claimed(jobs)
    hands.now += LEASE - 1
    assert jobs.renew(job, "one")
    hands.now += LEASE - 1
    assert jobs.claim("two") is None
    hands.now += 2
    assert claimed(jobs, "two").lesson == lesson
    assert not jobs.renew(job, "one")
    assert not jobs.done(job, "one", [MADE], "")


def test_a_clock_set_back_does_not_leave_a_lesson_waiting_for_years(jobs: Jobs, hands: HandClock, lesson: str) -> None:
    hands.now += 10 * 365 * 86400
    jobs.failed(claimed(jobs), "one", "No luck.", final=False)
    hands.now -= 10 * 365 * 86400
    assert claimed(jobs, "two").lesson == lesson


def test_a_finished_lesson_is_ready_and_shows_its_files(
    jobs: Jobs, catalogue: Catalog, lesson: str, admin: Person
) -> None:
    assert jobs.done(claimed(jobs), "one", [MADE], "front: take-002 is damaged.")
    found = catalogue.lessons.get(admin, lesson)
    assert (found.state, found.problem) == ("ready", "front: take-002 is damaged.")
    assert found.files[0].name == "front.mp4"
    assert jobs.claim("two") is None


def test_failures_are_tried_again_with_growing_patience_and_then_given_up(
    jobs: Jobs, catalogue: Catalog, hands: HandClock, lesson: str, admin: Person
) -> None:
    for attempt in range(TRIES):
        jobs.failed(claimed(jobs), "one", "The muxer broke.", final=False)
        if attempt < TRIES - 1:
            hands.now += PATIENCE[min(attempt, len(PATIENCE) - 1)] - 1
            assert jobs.claim("one") is None
            hands.now += 1
    found = catalogue.lessons.get(admin, lesson)
    assert (found.state, found.problem) == ("failed", "The muxer broke.")


def test_a_full_disk_is_not_the_lessons_fault(jobs: Jobs, hands: HandClock, lesson: str) -> None:
    for _ in range(3 * TRIES):
        jobs.failed(claimed(jobs), "one", "The disk is full.", final=False, counts=False)
        hands.now += PATIENCE[-1]
    assert claimed(jobs).attempts == 0


def test_what_can_never_work_fails_at_once(jobs: Jobs, catalogue: Catalog, lesson: str, admin: Person) -> None:
    jobs.failed(claimed(jobs), "one", "Nothing can be played.", final=True)
    assert catalogue.lessons.get(admin, lesson).state == "failed"


def test_a_lesson_given_back_is_there_at_once(jobs: Jobs, lesson: str) -> None:
    jobs.release(claimed(jobs), "one")
    assert claimed(jobs, "two").lesson == lesson


def test_a_manifest_that_changes_meanwhile_makes_the_work_void(
    database: Database, jobs: Jobs, uploads: Uploads, amphi: Room, lesson: str
) -> None:
    job = claimed(jobs)
    manifest(uploads, amphi, lesson, card("Optics, corrected"), sha256="2" * 64)
    in_vain = replace(MADE, sha256="7" * 64)
    assert not jobs.done(job, "one", [in_vain], "")
    with database.read() as session:
        assert session.exec(select(DoomedRow.sha256)).all() == [in_vain.sha256]


def test_a_lesson_that_kills_its_workers_does_not_starve_the_others(
    jobs: Jobs, uploads: Uploads, amphi: Room, hands: HandClock, lesson: str
) -> None:
    claimed(jobs)  # and dies of it
    hands.now += 1
    other = str(ULID())
    store(uploads, amphi, asset(other))
    manifest(uploads, amphi, other, card("Chemistry"))
    hands.now += LEASE + 1
    assert claimed(jobs, "two").lesson == other


# -- one film of two pictures

SLIDES = replace(MADE, name="slides.mp4", source="slides", sha256="b" * 64)
FILM = replace(MADE, name="composed-pip.mp4", kind="composed", source="", sha256="c" * 64)


def test_a_film_is_made_once_after_the_files_of_two_pictures(jobs: Jobs, lesson: str) -> None:
    assert jobs.claim("film", "film") is None
    assert jobs.done(claimed(jobs), "one", [MADE, SLIDES], "a sentence")
    assert jobs.claim("one") is None
    job = jobs.claim("film", "film")
    assert job is not None
    assert (job.lesson, job.programmes) == (lesson, (MADE.sha256, SLIDES.sha256))
    assert jobs.done(job, "film", [FILM], "")
    assert jobs.claim("film", "film") is None


def test_of_one_picture_no_film_is_made(jobs: Jobs, lesson: str) -> None:
    assert jobs.done(claimed(jobs), "one", [MADE, replace(MADE, name="front-2.mp4")], "")
    assert jobs.claim("film", "film") is None


def test_a_film_that_cannot_be_made_leaves_the_lesson_ready(
    jobs: Jobs, database: Database, hands: HandClock, admin: Person, lesson: str
) -> None:
    jobs.done(claimed(jobs), "one", [MADE, SLIDES], "a sentence")
    job = jobs.claim("film", "film")
    assert job is not None
    jobs.failed(job, "film", "No luck.", final=True)
    assert jobs.claim("film", "film") is None
    seen = Catalog.over(database, hands).lessons.get(admin, lesson)
    assert (seen.state, seen.problem) == ("ready", "a sentence")


def test_a_lesson_that_changes_takes_the_film_from_its_maker(
    jobs: Jobs, uploads: Uploads, amphi: Room, lesson: str
) -> None:
    jobs.done(claimed(jobs), "one", [MADE, SLIDES], "")
    job = jobs.claim("film", "film")
    assert job is not None
    manifest(uploads, amphi, lesson, card("Optics, once more"), sha256="2" * 64)
    assert not jobs.renew(job, "film")
    assert not jobs.done(job, "film", [FILM], "")
