"""The database and its sessions: a file of SQLite, or PostgreSQL for several processes on several machines.

SQLite with WAL and synchronous=FULL: what was answered survives a power cut, and one writer at a time. On PostgreSQL
writers work beside each other; whoever reads a row in order to change it, or to decide by it, locks it first
(``with_for_update``, which SQLite does not need and leaves out)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, event, make_url
from sqlalchemy.exc import ArgumentError, IntegrityError
from sqlmodel import Session, SQLModel, create_engine

from lms_server.errors import StartError

BUSY_SECONDS = 15.0
"""How long a writer waits for another's transaction."""
LOCK: dict[str, bool] = {"key_share": True}
"""For ``with_for_update``: others may go on referring to the row, not change it."""
Row = TypeVar("Row", bound=SQLModel)


class Database:
    """One engine; ``read()`` and ``write()`` are its only doors."""

    def __init__(self, place: Path | str) -> None:
        """place: SQLite's file, or ``postgresql://user@host/name``. Raises StartError for another address."""
        self.place = place
        self._engine = _sqlite(place) if isinstance(place, Path) else _postgresql(address_of(place))
        self._reader, self._writer = self._engine, self._engine
        if isinstance(place, Path):
            self._writer = self._engine.execution_options(immediate=True)
        else:
            self._writer = self._engine.execution_options(isolation_level="READ COMMITTED")
            self._reader = self._engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)

    @property
    def engine(self) -> Engine:
        return self._engine

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A consistent view of one instant."""
        with Session(self._reader, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """All or nothing; durable when the block has ended without an exception. On SQLite it takes the lock at its
        beginning, so that it never fails half-way because somebody else wrote in between."""
        with Session(self._writer, expire_on_commit=False) as session, session.begin():
            yield session

    def close(self) -> None:
        self._engine.dispose()


def address_of(place: str) -> URL:
    """Raises StartError for what is no address of PostgreSQL, and for one with a password in it, which would be read
    in lists of processes and in logs."""
    try:
        url = make_url(place)
    except ArgumentError as error:
        raise StartError("The database is an address such as postgresql://darsbox@db.example.org/darsbox.") from error
    if url.get_backend_name() not in ("postgresql", "postgres"):
        raise StartError("The database is an address such as postgresql://darsbox@db.example.org/darsbox.")
    if url.password is not None or "password" in url.query:
        raise StartError("Put the database's password into PGPASSWORD or a .pgpass file, not into its address.")
    return url.set(drivername="postgresql+psycopg")


def made_once(session: Session, find: Callable[[], Row | None], fresh: Row) -> Row:
    """The row that ``find`` finds, else ``fresh``: two processes that need it at the same time get the same one."""
    found = find()
    if found is not None:
        return found
    try:
        with session.begin_nested():
            session.add(fresh)
    except IntegrityError:
        found = find()
        if found is None:
            raise
        return found
    return fresh


def _sqlite(file: Path) -> Engine:
    engine = create_engine(
        f"sqlite:///{file}",
        connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
        pool_size=16,
        max_overflow=32,
    )
    event.listen(engine, "connect", _on_sqlite_connect)
    event.listen(engine, "begin", _on_sqlite_begin)
    return engine


def _on_sqlite_connect(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # sqlite3 leaves BEGIN to us: see _on_sqlite_begin
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _on_sqlite_begin(connection: Connection) -> None:
    immediate = connection.get_execution_options().get("immediate", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


def _postgresql(url: URL) -> Engine:
    engine = create_engine(
        url,
        connect_args={"connect_timeout": int(BUSY_SECONDS), "application_name": "darsbox"},
        pool_size=8,
        max_overflow=16,
        pool_timeout=BUSY_SECONDS,
        pool_pre_ping=True,
    )
    event.listen(engine, "connect", _on_postgresql_connect)
    return engine


def _on_postgresql_connect(connection: Any, _record: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET lock_timeout = '{BUSY_SECONDS:g}s'")
        cursor.execute("SET idle_in_transaction_session_timeout = '60s'")
        # Whoever turned it off for speed did not have receipts in mind, after which rooms delete.
        cursor.execute(
            "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
        )
    connection.commit()
