"""A server updated in a village starts, and one set back to an old program does not spoil its database."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import column, table
from sqlmodel import SQLModel, select

from lms_server.catalog import Catalog
from lms_server.catalog import migrate as migration
from lms_server.catalog.database import Database
from lms_server.catalog.schemas import Person
from lms_server.catalog.tables import RenderingRow
from lms_server.errors import StartError


def test_the_migrations_make_exactly_the_tables(database: Database) -> None:
    own = {"include_name": lambda name, kind, _: kind != "table" or not name.startswith("finding_")}  # FTS5's
    with database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection, opts=own), SQLModel.metadata) == []


def test_the_head_the_program_believes_in_is_the_last_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migration.__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_current_head() == migration.HEAD


def test_lessons_that_were_there_before_the_index_are_found(tmp_path: Path) -> None:
    database = Database(tmp_path / "darsbox.sqlite")
    config = Config()
    config.set_main_option("script_location", str(Path(migration.__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    with database.engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0008")
        connection.exec_driver_sql("INSERT INTO institution VALUES (1, 'ENS')")
        room = "INSERT INTO room (id, institution_id, name, public_key, enrolled) VALUES ('R', 1, 'Amphi', '', 0)"
        connection.exec_driver_sql(room)
        facts = {"id": "L", "room_id": "R", "title": "الإحصاء", "teacher": "Amina", "language": "ar", "started": 5000}
        facts |= {"search": "الاحصاء amphi amina", "seconds": 60, "state": "ready", "received": 0}
        facts |= dict.fromkeys(("gaps", "marks", "sources"), "[]")
        facts |= dict.fromkeys(("manifest_sha256", "problem", "lease_owner"), "")
        facts |= dict.fromkeys(("attempts", "retry_at", "lease_until"), 0)
        connection.execute(table("lesson", *map(column, facts)).insert(), facts)
        connection.commit()
    migration.migrate(tmp_path / "darsbox.sqlite")
    catalogue, pupil = Catalog.over(database, lambda: 1e9), Person(id=1, name="pupil", role="student")
    for asked in ({"q": "احص"}, {"teacher": "amina"}, {"room": "Amphi", "q": "amphi"}):
        assert [item.id for item in catalogue.lessons.search(pupil, **asked).items] == ["L"]
    with database.read() as session:  # no room has sent its small forms
        assert set(session.exec(select(RenderingRow.kind))) == {"slidecast", "proxy"}
    database.close()


def test_migrating_again_changes_nothing(database: Database) -> None:
    assert migration.migrate(database.place) is False


def test_a_newer_database_is_refused_untouched(database: Database) -> None:
    with database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = 'later'")
    database.close()
    before = database.place.read_bytes()
    with pytest.raises(StartError, match="newer"):
        migration.migrate(database.place)
    assert database.place.read_bytes() == before


def test_a_file_that_is_no_database_is_refused_untouched(tmp_path: Path) -> None:
    file = tmp_path / "darsbox.sqlite"
    file.write_bytes(b"not a database at all" * 100)
    with pytest.raises(StartError, match="damaged"):
        migration.migrate(file)
    assert file.read_bytes() == b"not a database at all" * 100


def test_what_was_answered_survives_a_power_cut(database: Database) -> None:
    with database.engine.connect() as connection:
        found = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def test_a_failed_write_leaves_nothing_behind(database: Database) -> None:
    def half() -> None:
        with database.write() as session:
            session.connection().exec_driver_sql("INSERT INTO institution (name) VALUES ('ENS')")
            raise KeyError("half-way")

    with pytest.raises(KeyError):
        half()
    with database.read() as session:
        assert session.connection().exec_driver_sql("SELECT count(*) FROM institution").scalar() == 0
