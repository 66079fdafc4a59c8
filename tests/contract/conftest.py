"""A server and a room that speaks to it by the wire's rules, for every test of the upload protocol."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ulid import ULID

from tests.peers.central import Central, SigningRoom


@pytest.fixture(scope="module")
def central(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Central]:
    with Central(tmp_path_factory.mktemp("central") / "data") as server:
        yield server


@pytest.fixture(scope="module")
def room(central: Central) -> SigningRoom:
    """Enrolled as Amphi A."""
    return central.room("Amphi A")


@pytest.fixture
def lesson() -> str:
    """The id of a lesson that nobody has heard of."""
    return str(ULID())
