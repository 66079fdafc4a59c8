"""Brings a database to this program's form, and refuses one that is ahead of it."""

from __future__ import annotations

import fcntl
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, inspect
from sqlalchemy.exc import DBAPIError

from lms_server.catalog.database import Database
from lms_server.errors import StartError

HEAD = "0020"
"""The newest migration; a test compares it with alembic's own idea."""
_ADVISORY = 0x64617273
"""Whoever holds this lock of PostgreSQL migrates."""


def migrate(place: Path | str) -> bool:
    """True when something changed. Several processes may start at once: one migrates, the others wait for it.

    Raises StartError for a database that is newer than this program, is none, or does not answer.
    """
    return _migrate_file(place) if isinstance(place, Path) else _migrate_server(place)


def _migrate_file(file: Path) -> bool:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.with_suffix(".migrating").open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        version = _version(file)
        if version == HEAD:
            return False
        with _opened(file) as connection:
            _upgrade(connection, str(file), version)
        return True


def _migrate_server(address: str) -> bool:
    try:
        with _opened(address) as connection:
            # Without an end: the one who migrates may take longer than any other lock is waited for.
            connection.exec_driver_sql("SET lock_timeout = 0")
            connection.exec_driver_sql(f"SELECT pg_advisory_lock({_ADVISORY})")
            connection.commit()
            found = inspect(connection).has_table("alembic_version")
            query = "SELECT version_num FROM alembic_version"
            version = connection.exec_driver_sql(query).scalar() if found else None
            connection.commit()
            if version == HEAD:
                return False
            _upgrade(connection, address, version)
            return True
    except DBAPIError as error:
        raise StartError(f"The database {address} cannot be used ({_cause(error)}).") from error


@contextmanager
def _opened(place: Path | str) -> Iterator[Connection]:
    database = Database(place)
    try:
        with database.engine.connect() as connection:
            yield connection
    finally:
        database.close()  # and with its connection an advisory lock is gone


def _cause(error: DBAPIError) -> str:
    return " ".join(str(error.orig).split()).rstrip(".")


def _version(file: Path) -> str | None:
    """What the database says of itself; read without alembic, whose import costs more than the rest of a start."""
    try:
        connection = sqlite3.connect(file, timeout=15)
        try:
            found = connection.execute(
                "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'alembic_version'"
            ).fetchone()
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone() if found else None
        finally:
            connection.close()
    except sqlite3.OperationalError as error:
        raise StartError(f"The database {file} cannot be opened ({error}); check the folder and its owner.") from error
    except sqlite3.DatabaseError as error:
        raise StartError(f"{file} is damaged ({error}); put it back from a backup.") from error
    return row[0] if row else None


def _upgrade(connection: Connection, name: str, version: str | None) -> None:
    from alembic import command  # noqa: PLC0415  only a changed database pays for this import
    from alembic.config import Config  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if version is not None and version not in known:
        raise StartError(
            f"The database {name} was written by a newer Darsbox (its form is {version}); update this program."
        )
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    connection.commit()
