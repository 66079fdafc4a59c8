"""Servers that the tests of a file share, or have for themselves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peers.central import Central
from tests.system.deployment import Server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One for all tests of a file, each with a room and lessons of its own."""
    found = Server(tmp_path_factory.mktemp("server"))
    found.start_web()
    try:
        yield found
    finally:
        found.close()


@pytest.fixture
def central(tmp_path: Path) -> Iterator[Central]:
    """One for a test that kills it, or changes what others would see."""
    with Central(tmp_path / "data") as server:
        yield server
