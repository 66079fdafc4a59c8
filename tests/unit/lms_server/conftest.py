"""A catalogue over a real SQLite file, with a clock that tests turn by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lms_server.catalog import Catalog
from lms_server.catalog.database import Database
from lms_server.catalog.migrate import migrate
from lms_server.catalog.schemas import Person
from lms_server.catalog.tables import Room
from lms_server.catalog.uploads import Uploads

KEEP = 30 * 86400.0


class HandClock:
    """Unix seconds; stands still until it is turned."""

    def __init__(self) -> None:
        self.now = 1_795_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def hands() -> HandClock:
    return HandClock()


@pytest.fixture(scope="session")
def fresh_database(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """An empty database of this program, made once."""
    file = tmp_path_factory.mktemp("fresh") / "darsbox.sqlite"
    migrate(file)
    return file.read_bytes()


@pytest.fixture
def database(tmp_path: Path, fresh_database: bytes) -> Iterator[Database]:
    file = tmp_path / "darsbox.sqlite"
    file.write_bytes(fresh_database)
    opened = Database(file)
    yield opened
    opened.close()


@pytest.fixture
def catalogue(database: Database, hands: HandClock) -> Catalog:
    return Catalog.over(database, hands)


@pytest.fixture
def uploads(database: Database, hands: HandClock) -> Uploads:
    return Uploads(database, hands, KEEP)


@pytest.fixture
def amphi(catalogue: Catalog) -> Room:
    """An enrolled room."""
    room = catalogue.rooms.find(catalogue.rooms.enrol(catalogue.rooms.make_code("Amphi A"), "Amphi A", "ENS", "{}"))
    assert room is not None
    return room


@pytest.fixture
def admin() -> Person:
    return Person(id=1, name="amina", role="admin")
