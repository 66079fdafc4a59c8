"""A server over PostgreSQL comes back from its backup too."""

from __future__ import annotations

from pathlib import Path

from lms_server import backup
from lms_server.catalog import Catalog
from lms_server.catalog.audit import AT_CONSOLE
from lms_server.catalog.database import Database
from lms_server.settings import Settings
from tests.peers.postgresql import PostgreSQL
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
