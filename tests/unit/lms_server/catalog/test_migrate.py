"""A server updated in a village starts, and one set back to an old program does not spoil its database."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlmodel import SQLModel

from lms_server.catalog import migrate as migration
from lms_server.catalog.database import Database
from lms_server.errors import StartError


def test_the_migrations_make_exactly_the_tables(database: Database) -> None:
    with database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), SQLModel.metadata) == []


def test_the_head_the_program_believes_in_is_the_last_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migration.__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_current_head() == migration.HEAD


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
