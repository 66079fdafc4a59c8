"""Several processes do the same thing in the same moment: one does it, and nobody's work is lost. On both databases."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlmodel import SQLModel, select
from ulid import ULID

from lms_server.catalog import Catalog
from lms_server.catalog.agents import Agent, Agents
from lms_server.catalog.agents import Event as Planned
from lms_server.catalog.audit import Event
from lms_server.catalog.database import Database
from lms_server.catalog.jobs import Jobs, Made
from lms_server.catalog.migrate import migrate
from lms_server.catalog.packages import Facts, NewFile, Packages
from lms_server.catalog.people import People
from lms_server.catalog.schemas import Person
from lms_server.catalog.tables import OutputRow, Room
from lms_server.catalog.uploads import Uploads
from lms_server.errors import Forbidden, StartError, Unauthenticated
from tests.peers.postgresql import PostgreSQL
from tests.unit.lms_server.arrivals import asset, card, manifest, store
from tests.unit.lms_server.catalog.test_people import people
from tests.unit.lms_server.conftest import HandClock, fresh_database

__all__ = ["fresh_database", "people"]
MANY = 6
Answer = TypeVar("Answer")


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path, fresh_database: bytes) -> Iterator[Database]:
    if request.param == "postgresql":
        yield request.getfixturevalue("postgres").empty()
        return
    file = tmp_path / "darsbox.sqlite"
    file.write_bytes(fresh_database)
    opened = Database(file)
    yield opened
    opened.close()


def at_once(deed: Callable[[int], Answer]) -> list[Answer]:
    ready = threading.Barrier(MANY)

    def do(number: int) -> Answer:
        ready.wait()
        return deed(number)

    with ThreadPoolExecutor(MANY) as pool:
        return list(pool.map(do, range(MANY)))


def test_of_many_who_note_the_same_bytes_one_has_won(uploads: Uploads, amphi: Room) -> None:
    row = uploads.create(amphi, replace(asset(str(ULID())), bytes=100), join=True)
    won = at_once(lambda number: uploads.advance(row.id, 0, 1 + number, f"key {number}"))
    assert won.count(True) == 1
    assert [piece.key for piece in uploads.pieces(row.id)] == [f"key {won.index(True)}"]


def test_an_upload_that_is_begun_twice_at_once_is_one(uploads: Uploads, amphi: Room) -> None:
    sent = asset(str(ULID()))
    assert len({row.id for row in at_once(lambda _: uploads.create(amphi, sent, join=True))}) == 1


@pytest.fixture
def pearl(database: Database, hands: HandClock) -> Agent:
    agents = Agents(database, hands)
    agents.add("pearl", "Amphi P", "ENS", "a capture agent's password")
    found = agents.login("pearl", "192.0.2.1")
    assert found is not None
    return found[0]


def test_an_agent_that_repeats_itself_at_once_makes_one_package_with_one_file(
    database: Database, hands: HandClock, pearl: Agent
) -> None:
    """A device that hears no answer sends again, and its second request meets the first one in another process."""
    packages, id_ = Packages(database, hands), "11111111-2222-3333-4444-555555555555"
    assert {row.id for row in at_once(lambda _: packages.create(pearl, id_))} == {id_}
    new = NewFile("track", "presenter/source", "a.mp4", "staged", 1, "ab" * 32)
    assert at_once(lambda _: packages.add(pearl, id_, new)).count(True) == 1
    assert len(packages.get(pearl, id_)[1]) == 1
    event = Planned("event", "Optics", "", 0.0, 60.0)
    at_once(lambda _: Agents(database, hands).records(pearl, "event", "capturing", event))
    at_once(lambda _: Agents(database, hands).says(pearl, "capturing", ""))


def test_one_recording_in_several_packages_at_once_is_one_lesson(
    database: Database, hands: HandClock, pearl: Agent
) -> None:
    packages = Packages(database, hands)
    ids = [packages.create(pearl).id for _ in range(MANY)]
    for id_ in ids:
        packages.add(pearl, id_, NewFile("track", "presenter/source", "a.mp4", f"staged {id_}", 1, "ab" * 32))
    at_once(lambda number: packages.complete(pearl, ids[number], "event", Facts()))
    assert len({packages.get(pearl, id_)[0].lesson_id for id_ in ids}) == 1


def test_a_file_that_is_finished_twice_at_once_has_one_receipt(uploads: Uploads, amphi: Room) -> None:
    row = uploads.create(amphi, asset(str(ULID())), join=True)
    stored = at_once(lambda number: uploads.store(row.id, lambda *_: f"receipt {number}", None))
    assert len([each for each in stored if each is not None]) == 1
    assert len(uploads.receipts()) == 1


def test_the_audit_log_stays_one_chain_whoever_writes_to_it_at_once(
    catalogue: Catalog, admin: Person, amphi: Room, database: Database
) -> None:
    before = catalogue.audit.verify().rows

    def deed(number: int) -> None:
        for _ in range(5):
            catalogue.audit.note(Event("lesson-played", str(number), None, admin))

    at_once(deed)
    found = catalogue.audit.verify()
    assert (found.rows, found.broken) == (before + 5 * MANY, None)


def test_the_last_takes_of_a_lesson_may_end_together(
    uploads: Uploads, amphi: Room, catalogue: Catalog, admin: Person
) -> None:
    """Each of them sees the others missing as long as they are not done: the lesson must not wait for ever."""
    lesson = str(ULID())
    takes = [asset(lesson, path=f"front/take-{number:03}.mp4") for number in range(MANY)]
    manifest(uploads, amphi, lesson, card("Optics", takes=tuple(take.path for take in takes)))
    rows = [uploads.create(amphi, take, join=True) for take in takes]
    at_once(lambda number: uploads.store(rows[number].id, lambda *_: "receipt", None))
    assert catalogue.lessons.get(admin, lesson).state == "assembling"


def test_no_lesson_is_given_to_two_workers(database: Database, uploads: Uploads, amphi: Room, hands: HandClock) -> None:
    for _ in range(MANY - 2):
        lesson = str(ULID())
        store(uploads, amphi, asset(lesson))
        manifest(uploads, amphi, lesson, card("Optics"))
    jobs = Jobs(database, hands)
    found = [job.lesson for job in at_once(lambda number: jobs.claim(f"worker {number}")) if job is not None]
    assert len(found) == len(set(found))
    rest = iter(lambda: jobs.claim("the last"), None)
    assert len({*found, *(job.lesson for job in rest)}) == MANY - 2


def test_a_lesson_that_is_reported_twice_has_its_files_once(
    database: Database, uploads: Uploads, amphi: Room, hands: HandClock
) -> None:
    lesson = str(ULID())
    store(uploads, amphi, asset(lesson))
    manifest(uploads, amphi, lesson, card("Optics"))
    jobs = Jobs(database, hands)
    job = jobs.claim("worker")
    assert job is not None
    made = [Made("front.mp4", "programme", "front", 1, "0" * 64, 1.0, "video/mp4")]
    assert at_once(lambda _: jobs.done(job, "worker", made, "")).count(True) == 1
    with database.read() as session:
        assert session.exec(select(OutputRow.name)).all() == ["front.mp4"]


def test_a_code_lets_one_key_in(catalogue: Catalog) -> None:
    code = catalogue.rooms.make_code("Amphi B")

    def enrol(number: int) -> str:
        try:
            return catalogue.rooms.enrol(code, "Amphi B", "ENS", f'{{"key": {number}}}')
        except Forbidden as error:
            return error.code

    assert sorted(at_once(enrol))[1:] == ["code-used"] * (MANY - 1)


def test_guesses_at_the_same_moment_are_all_counted(people: People, database: Database) -> None:
    def guess(number: int) -> None:
        with pytest.raises(Unauthenticated):
            people.authenticate("amina", f"guess {number}", "192.0.2.1")

    at_once(guess)
    with database.read() as session:
        counts = session.connection().exec_driver_sql("SELECT count FROM sign_in_failure").scalars().all()
    assert set(counts) == {MANY}


# -- PostgreSQL alone
# -----------------------------------------------------------------------------------------------------


def test_servers_that_start_at_once_migrate_once_and_exactly(postgres: PostgreSQL) -> None:
    address = postgres.make("started_at_once")
    assert at_once(lambda _: migrate(address)).count(True) == 1
    database = Database(address)
    with database.engine.connect() as connection:
        # The index of words, like that of SQLite, stands in its migration alone.
        known = {"include_name": lambda name, kind, _parents: (kind, name) != ("index", "ix_finding_words")}
        assert compare_metadata(MigrationContext.configure(connection, opts=known), SQLModel.metadata) == []
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = 'later'")
        connection.commit()
    database.close()
    with pytest.raises(StartError, match="newer"):
        migrate(address)


def test_what_was_answered_is_on_the_disk_even_where_that_was_switched_off(postgres: PostgreSQL) -> None:
    address = postgres.make("hasty")
    for _ in range(2):
        database = Database(address)
        with database.engine.connect() as connection:
            found = connection.exec_driver_sql("SHOW synchronous_commit").scalar()
            connection.exec_driver_sql("ALTER DATABASE hasty SET synchronous_commit = off")
            connection.commit()
        database.close()
        assert found == "on"


@pytest.mark.parametrize(
    "address",
    ["postgresql://darsbox:secret@db.example.org/darsbox", "postgresql://db/darsbox?password=secret"],
)
def test_a_password_in_an_address_is_refused_and_not_repeated(address: str) -> None:
    with pytest.raises(StartError, match="PGPASSWORD") as refused:
        Database(address)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("address", ["mysql://db/darsbox", "darsbox.sqlite", "", "postgresql"])
def test_an_address_that_is_none_is_said_in_a_sentence(address: str) -> None:
    with pytest.raises(StartError, match="postgresql://"):
        Database(address)
