"""A real PostgreSQL of this machine, on a socket in a folder of its own; nothing listens on the network."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from lms_server.catalog.database import Database
from lms_server.catalog.migrate import migrate
from lms_server.catalog.tables import Room
from tests.peers.program import wait_until

USER = "darsbox"
NOBODY = {"user": "nobody", "group": "nogroup", "extra_groups": ()} if os.geteuid() == 0 else {}
"""PostgreSQL refuses to be run by root."""


class PostgreSQL:
    """``empty`` is the address of a database that is migrated and empty at each call."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._filled: Database | None = None

    def address(self, database: str = "postgres") -> str:
        return f"postgresql://{USER}@/{database}?host={self._folder}"

    def make(self, name: str) -> str:
        """The address of a new database without a table."""
        server = Database(self.address())
        try:
            with server.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.exec_driver_sql(f"CREATE DATABASE {name}")
        finally:
            server.close()
        return self.address(name)

    def empty(self) -> Database:
        if self._filled is None:
            address = self.make("emptied")
            migrate(address)
            self._filled = Database(address)
        with self._filled.engine.begin() as connection:
            connection.exec_driver_sql("SET LOCAL session_replication_role = replica")  # no trigger refuses it
            names = ", ".join(f'"{table}"' for table in sorted(Room.metadata.tables))
            connection.exec_driver_sql(f"TRUNCATE {names} RESTART IDENTITY CASCADE")
        return self._filled

    def close(self) -> None:
        if self._filled is not None:
            self._filled.close()


@contextmanager
def postgresql(shared_buffers: str = "32MB") -> Iterator[PostgreSQL]:
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    assert programs, "make test installs PostgreSQL: provisioning.packages"
    folder = Path(tempfile.mkdtemp(prefix="darsbox-postgresql-"))  # pytest's folders are closed to other users
    if NOBODY:
        shutil.chown(folder, "nobody", "nogroup")
    data, log = folder / "data", folder / "log"
    run([str(programs[-1]), "-D", str(data), "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"])
    settings = {"listen_addresses": "", "unix_socket_directories": folder, "fsync": "off"}
    settings["shared_buffers"] = shared_buffers
    words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    with log.open("wb") as out:
        server = subprocess.Popen(
            [str(programs[-1].with_name("postgres")), "-D", str(data), *words],
            stdout=out,
            stderr=out,
            cwd=folder,
            **NOBODY,  # type: ignore[call-overload]  # a dictionary of keywords
        )
    peer = PostgreSQL(folder)
    try:
        wait_until(lambda: b"ready to accept connections" in log.read_bytes(), 30, "PostgreSQL")
        yield peer
    finally:
        peer.close()
        server.terminate()
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        shutil.rmtree(folder, ignore_errors=True)


def run(command: Sequence[str]) -> None:
    done = subprocess.run(list(command), capture_output=True, text=True, check=False, cwd="/", **NOBODY)  # type: ignore[call-overload]  # a dictionary of keywords
    assert done.returncode == 0, done.stderr
