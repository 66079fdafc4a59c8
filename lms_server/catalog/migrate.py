"""Brings a database to this program's form, and refuses one that is ahead of it."""

from __future__ import annotations

import fcntl
import sqlite3
from pathlib import Path

from lms_server.catalog.database import Database
from lms_server.errors import StartError

HEAD = "0003"
"""The newest migration; a test compares it with alembic's own idea."""


def migrate(file: Path) -> bool:
    """True when something changed. Several processes may start at once: one migrates, the others wait for it.

    Raises StartError for a database that is newer than this program, or is none.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.with_suffix(".migrating").open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        version = _version(file)
        if version == HEAD:
            return False
        _upgrade(file, version)
        return True


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


def _upgrade(file: Path, version: str | None) -> None:
    from alembic import command  # noqa: PLC0415  only a changed database pays for this import
    from alembic.config import Config  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if version is not None and version not in known:
        raise StartError(
            f"The database {file} was written by a newer Darsbox (its form is {version}); update this program."
        )
    database = Database(file)
    try:
        with database.engine.connect() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            connection.commit()
    finally:
        database.close()
