"""Who runs the server sees how it does, strangers do not, and a log line leads to its request."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from lms_server.catalog import Catalog
from lms_server.catalog.migrate import migrate
from lms_server.main import Server, build, chores_of
from lms_server.settings import Settings
from lms_server.store.folder import FolderStore
from lms_server.worker.chores import Chores
from lms_sync import wire_control
from tests.unit.lms_server.conftest import HandClock

pytestmark = pytest.mark.anyio
PASSWORD = "a-long-enough-one"


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory, clock: HandClock) -> Iterator[Server]:
    settings = Settings(data=tmp_path_factory.mktemp("measured") / "data")
    settings.data.mkdir()
    migrate(settings.database)
    server = build(settings, clock)
    yield server
    server.close()


def client(server: Server, address: str = "127.0.0.1", **headers: str) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(server.app, client=(address, 1))
    return httpx.AsyncClient(transport=transport, base_url="http://box.test", headers=headers)


async def test_requests_are_counted_by_route_and_not_by_address(server: Server) -> None:
    async with client(server) as here:
        for number in range(3):
            await here.get(f"/api/v1/lessons/nothing-{number}")
            await here.get(f"/no-such-page-{number}")
        await here.get(wire_control.COMMANDS)
        figures = (await here.get("/metrics")).text
    lesson = 'darsbox_requests_total{method="GET",route="/api/v1/lessons/{lesson_id}",status="401"} 3.0'
    assert lesson in figures
    assert 'darsbox_requests_total{method="GET",route="",status="404"} 3.0' in figures
    assert f'route="{wire_control.COMMANDS}",status="401"' in figures
    assert "nothing-1" not in figures
    assert "darsbox_store_free_bytes" in figures


async def test_figures_are_for_this_machine_and_for_a_token_that_is_meant_for_them(server: Server) -> None:
    catalog = Catalog.over(server.database, HandClock())
    catalog.institutions.add("ENS")
    catalog.people.add("watcher", "service", PASSWORD)
    catalog.people.add("amina", "admin", PASSWORD, "ENS")
    tokens = {
        "right": catalog.tokens.make_for("watcher", ["metrics:read"]),
        "wrong": catalog.tokens.make_for("watcher", ["lessons:read"]),
        "theirs": catalog.tokens.make_for("amina", ["metrics:read"]),
    }
    found = {}
    for name, token in tokens.items():
        async with client(server, "192.0.2.9", Authorization=f"Bearer {token}") as there:
            found[name] = (await there.get("/metrics")).status_code
    assert found == {"right": 200, "wrong": 403, "theirs": 403}
    async with client(server, "192.0.2.9") as there:
        assert (await there.get("/metrics")).status_code == 401
    async with client(server, "127.0.0.1", **{"X-Forwarded-For": "127.0.0.1"}) as proxied:
        assert (await proxied.get("/metrics")).status_code == 401


async def test_health_says_when_a_worker_gave_its_last_sign(
    server: Server, clock: HandClock, tmp_path_factory: pytest.TempPathFactory
) -> None:
    async with client(server, "192.0.2.9") as there:
        assert (await there.get("/healthz")).json()["worker_seconds"] is None
        import threading

        store = FolderStore(tmp_path_factory.mktemp("store"))
        Chores(server.database, clock, chores_of(server.database, store, clock)).once(threading.Event())
        clock.now += 300
        assert (await there.get("/healthz")).json()["worker_seconds"] == 300


async def test_a_request_has_a_name_that_a_proxy_may_give_and_nobody_can_forge_a_log_with(server: Server) -> None:
    async with client(server) as here:
        given = await here.get("/healthz", headers={"X-Request-ID": "proxy-12345678"})
        forged = await here.get("/healthz", headers={"X-Request-ID": 'x" event="stored'})
    assert given.headers["x-request-id"] == "proxy-12345678"
    assert forged.headers["x-request-id"].isalnum()
