"""A server over PostgreSQL comes back from its backup, too, and so does one whose files lie in a bucket."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from subprocess import CompletedProcess

from lms_server import backup
from lms_server.catalog import Catalog
from lms_server.catalog.audit import AT_CONSOLE
from lms_server.catalog.database import Database
from lms_server.places import open_places
from lms_server.settings import Settings
from tests.peers.central import order
from tests.peers.postgresql import PostgreSQL
from tests.peers.seaweedfs import SeaweedFS
from tests.unit.lms_server.conftest import HandClock
from tests.unit.lms_server.test_backup import FILM, School


def test_a_database_comes_back_with_its_triggers_and_the_bytes_of_its_lessons(
    postgres: PostgreSQL, tmp_path: Path
) -> None:
    school = School(Settings(data=tmp_path / "data", database_address=postgres.make("burnt")))
    lesson = school.lesson(FILM)
    head = school.catalog.audit.verify()
    report = school.back_up(tmp_path / "backups")
    school.database.close()
    there = Settings(data=tmp_path / "there", database_address=postgres.make("brought_back"))
    assert backup.bring_back(there, Path(report.place)).lost == []
    database = Database(there.database)
    try:
        catalog = Catalog.over(database, HandClock())
        assert catalog.lessons.file(AT_CONSOLE, lesson, "front.mp4").bytes == len(FILM)
        assert [found.id for found in catalog.lessons.search(AT_CONSOLE).items] == [lesson]
        assert catalog.audit.verify((head.rows, head.head)).broken is None
        with database.read() as session:
            found = session.connection().exec_driver_sql(
                "SELECT tgname FROM pg_trigger WHERE tgname LIKE 'audit_no_%%'"
            )
            assert len(found.all()) == 2
    finally:
        database.close()


def lms_server(settings: Settings, *words: str) -> CompletedProcess[str]:
    return order(settings.data, *words, env={"DARSBOX_STORE": settings.store_address})


def test_a_bucket_comes_back_into_an_empty_one_to_the_byte(seaweed: SeaweedFS, tmp_path: Path) -> None:
    school = School(Settings(data=tmp_path / "data", store_address=seaweed.make()))
    films = {hashlib.sha256(film).hexdigest(): film for film in (FILM, b"other" * 700_000, b"")}
    lessons = [school.lesson(film) for film in films.values()]
    school.database.close()
    made = lms_server(school.settings, "backup", "--to", str(tmp_path / "backups"))
    assert made.returncode == 0, made.stderr
    assert (
        lms_server(school.settings, "backup", "--to", str(tmp_path / "others")).returncode == 0
    )  # it reads, and takes none
    shutil.rmtree(school.settings.data)
    (place,) = (folder for folder in (tmp_path / "backups").iterdir() if folder.name != backup.OBJECTS)
    there = Settings(data=tmp_path / "there", store_address=seaweed.make())
    brought = lms_server(there, "restore", "--from", str(place))
    assert brought.returncode == 0, brought.stderr
    store = open_places(there, lambda _: None).store
    assert {sha256: b"".join(store.read(sha256)) for sha256 in films} == films
    database = Database(there.database)
    try:
        found = Catalog.over(database, HandClock()).lessons.search(AT_CONSOLE).items
        assert sorted(item.id for item in found) == sorted(lessons)
    finally:
        database.close()
    again = lms_server(there, "restore", "--from", str(place))
    assert (again.returncode, "restore into an empty" in again.stderr) == (1, True)


def test_what_the_bucket_has_lost_is_said_and_the_rest_is_kept(seaweed: SeaweedFS, tmp_path: Path) -> None:
    school = School(Settings(data=tmp_path / "data", store_address=seaweed.make()))
    school.lesson(FILM)
    school.lesson(b"other")
    school.database.close()
    lost = hashlib.sha256(b"other").hexdigest()
    open_places(school.settings, lambda _: None).store.delete(lost)
    made = lms_server(school.settings, "backup", "--to", str(tmp_path / "backups"))
    assert made.returncode == 1
    assert f"1 files are not there or damaged, as {lost[:16]}" in made.stderr
    kept = [file.name for file in (tmp_path / "backups" / backup.OBJECTS).rglob("*") if file.is_file()]
    assert kept == [hashlib.sha256(FILM).hexdigest()]
