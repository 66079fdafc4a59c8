"""The suites of the upload protocol that look at what is kept of a broken or a growing upload, over PostgreSQL and a
bucket: a room must not notice on what its server is built."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract.test_tus_growing import *  # noqa: F403  all of it, and what is added later
from tests.contract.test_tus_pieces import *  # noqa: F403  as above
from tests.peers.central import Central, problem
from tests.peers.postgresql import PostgreSQL
from tests.peers.seaweedfs import SeaweedFS


@pytest.fixture(scope="module")
def central(tmp_path_factory: pytest.TempPathFactory, postgres: PostgreSQL, seaweed: SeaweedFS) -> Iterator[Central]:
    env = {"DARSBOX_DATABASE": postgres.make("tus"), "DARSBOX_STORE": seaweed.make()}
    with Central(tmp_path_factory.mktemp("central") / "data", env=env) as server:
        yield server


def test_a_name_that_the_database_cannot_even_look_for_is_refused_in_a_sentence(central: Central) -> None:
    admin = central.token("admin", "admin")
    for path in ("lessons/%00", "lessons?room=%00"):
        assert problem(central.http.get(f"{central.url}/api/v1/{path}", headers=admin)) == (400, "bad-request")
    assert central.http.get(f"{central.url}/api/v1/lessons?q=%00", headers=admin).status_code == 200
