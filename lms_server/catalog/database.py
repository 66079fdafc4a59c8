"""The database and its sessions. SQLite with WAL and synchronous=FULL: what was answered survives a power cut."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlmodel import Session, create_engine

BUSY_SECONDS = 15.0
"""How long a writer waits for another process's transaction."""


class Database:
    """One engine; ``read()`` and ``write()`` are its only doors. A write takes the lock at its beginning, so that it
    never fails half-way because somebody else wrote in between."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._engine = create_engine(
            f"sqlite:///{file}",
            connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
            pool_size=16,
            max_overflow=32,
        )
        event.listen(self._engine, "connect", _on_connect)
        event.listen(self._engine, "begin", _on_begin)
        self._writer = self._engine.execution_options(immediate=True)

    @property
    def engine(self) -> Engine:
        return self._engine

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A consistent view of one instant."""
        with Session(self._engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """All or nothing; durable when the block has ended without an exception."""
        with Session(self._writer, expire_on_commit=False) as session, session.begin():
            yield session

    def close(self) -> None:
        self._engine.dispose()


def _on_connect(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # sqlite3 leaves BEGIN to us: see _on_begin
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _on_begin(connection: Connection) -> None:
    immediate = connection.get_execution_options().get("immediate", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")
