"""Whatever a program sends, as far as the OpenAPI lets it or beyond, the server answers and does not break."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.peers.library import Library, library

EXAMPLES = max(1, settings.default.max_examples // 25)
"""Of each operation; many would find more, and cost more than this test is worth each time."""


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    with library(tmp_path_factory.mktemp("openapi") / "data", oai_email="library@box.test") as found:
        found.lesson("Optique")
        yield found


def test_no_request_breaks_the_server(shelf: Library) -> None:
    shelf.catalog.people.add("amina", "admin", "a-long-enough-one", "ENS")
    bearer = {"Authorization": f"Bearer {shelf.catalog.tokens.make_for('amina')}"}
    described = schemathesis.openapi.from_asgi("/openapi.json", shelf.server.app)
    operations = [found.ok() for found in described.get_all_operations()]
    assert len(operations) > 40
    broken: list[str] = []
    for operation in operations:

        @seed(20261129)
        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(operation.as_strategy())
        def ask(case: Any) -> None:
            answer = case.call(headers=bearer)
            if answer.status_code >= 500:
                broken.append(f"{answer.status_code} {case.as_curl_command()} {answer.text[:300]}")

        ask()
    assert not broken, "\n".join(broken)
