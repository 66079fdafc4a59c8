"""The suites that ``make check`` runs over SQLite, here over PostgreSQL: one behaviour, two databases."""

from __future__ import annotations

import pytest

from lms_server.catalog.database import Database
from tests.peers.postgresql import PostgreSQL
from tests.unit.lms_server.conftest import admin, amphi, catalogue, hands, uploads

__all__ = ["admin", "amphi", "catalogue", "hands", "uploads"]


@pytest.fixture
def database(postgres: PostgreSQL) -> Database:
    return postgres.empty()
