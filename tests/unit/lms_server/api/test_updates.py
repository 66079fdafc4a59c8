"""Rooms fetch what their maker signed, from whatever server shows it, and go on in the middle of a wheel."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from lms_server.catalog.migrate import migrate
from lms_server.main import Server, build
from lms_server.settings import Settings
from tests.unit.lms_server.conftest import HandClock

pytestmark = pytest.mark.anyio


@pytest.fixture(name="settings", scope="module")
def _settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(data=tmp_path_factory.mktemp("shown") / "data")


@pytest.fixture(name="server", scope="module")
def _server(settings: Settings) -> Iterator[Server]:
    settings.data.mkdir()
    migrate(settings.database)
    server = build(settings, HandClock())
    yield server
    server.close()


def client(server: Server) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(server.app), base_url="http://box.test")


async def test_the_folder_may_come_later_and_is_shown_with_ranges(server: Server, settings: Settings) -> None:
    wheel, newest = settings.updates / "wheels" / "ab" / "x.whl", settings.updates / "metadata" / "timestamp.json"
    async with client(server) as room:
        assert (await room.get("/updates/metadata/timestamp.json")).status_code == 404
        for file, text in ((wheel, "0123456789"), (newest, "{}")):
            file.parent.mkdir(parents=True)
            file.write_text(text)
        now = await room.get("/updates/metadata/timestamp.json")
        assert (now.text, now.headers["Cache-Control"]) == ("{}", "no-cache")
        rest = await room.get("/updates/wheels/ab/x.whl", headers={"Range": "bytes=4-"})
        assert (rest.status_code, rest.text, rest.headers["Content-Range"]) == (206, "456789", "bytes 4-9/10")
        assert "immutable" in rest.headers["Cache-Control"]


@pytest.mark.parametrize(
    "path", ["../darsbox.sqlite", "%2e%2e/darsbox.sqlite", "..%2fdarsbox.sqlite", "", "metadata", "x%00"]
)
async def test_nothing_beside_the_folder_is_shown(server: Server, settings: Settings, path: str) -> None:
    async with client(server) as stranger:
        answer = await stranger.get(f"/updates/{path}")
    assert answer.status_code in (307, 404), Path(path)
    assert b"SQLite" not in answer.content


async def test_nobody_changes_it_over_http(server: Server) -> None:
    async with client(server) as stranger:
        for method in ("PUT", "POST", "DELETE"):
            assert (await stranger.request(method, "/updates/metadata/timestamp.json")).status_code == 405
