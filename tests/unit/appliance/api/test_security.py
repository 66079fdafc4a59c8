"""No other web page, and no other name for this machine, may press Start or look into the room."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute
from starlette.routing import Route, WebSocketRoute

from appliance.api.app import build, create_app
from appliance.api.room import Room
from appliance.api.security import MAX_BODY, hosts_of
from tests.unit.appliance.api.obedient_room import BASE, PORT, ObedientRecorder, client_of, make_room

FOREIGN_HOSTS = ["evil.example", "evil.example:8400", "127.0.0.1", "127.0.0.1:80", "0.0.0.0:8400", "[::1]:8400", "["]
FOREIGN_ORIGINS = ["http://evil.example", "null", "https://127.0.0.1:8400", "http://127.0.0.1:8500", "http://localhost"]


@pytest.fixture
def room(tmp_path: Path) -> tuple[Room, ObedientRecorder]:
    return make_room(tmp_path)


def routes(room: Room) -> list[tuple[str, str]]:
    """Every method and path of the API, and the panel's page."""
    found = [("GET", "/"), ("GET", "/nothing/here")]
    schema = build(room).openapi()
    for path, methods in schema["paths"].items():
        filled = path.replace("{source}", "front").replace("{lesson}", "01JD4R6YJ3M3W9VZB0Q7RZB6C5")
        found += [(method.upper(), filled) for method in methods]
    return found


def test_the_list_of_routes_is_the_contract(room: tuple[Room, ObedientRecorder]) -> None:
    listed = set(routes(room[0]))
    orders = {("POST", f"/api/v1/lesson/{order}") for order in ("start", "pause", "resume", "stop", "mark")}
    assert orders <= listed
    assert ("GET", "/api/v1/status") in listed
    assert ("GET", "/healthz") in listed
    assert ("GET", "/metrics") in listed


@pytest.mark.anyio
@pytest.mark.parametrize("host", FOREIGN_HOSTS)
async def test_another_name_is_refused_on_every_route(room: tuple[Room, ObedientRecorder], host: str) -> None:
    async with client_of(room[0]) as client:
        for method, path in routes(room[0]):
            answer = await client.request(method, path, headers={"Host": host})
            assert (answer.status_code, answer.json()["code"]) == (403, "foreign-origin"), (method, path)
    assert room[1].heard == []


@pytest.mark.anyio
@pytest.mark.parametrize("origin", FOREIGN_ORIGINS)
async def test_another_page_is_refused_on_every_route(room: tuple[Room, ObedientRecorder], origin: str) -> None:
    async with client_of(room[0]) as client:
        for method, path in routes(room[0]):
            answer = await client.request(method, path, headers={"Origin": origin})
            assert (answer.status_code, answer.json()["code"]) == (403, "foreign-origin"), (method, path)
            assert "access-control-allow-origin" not in answer.headers
    assert room[1].heard == []


@pytest.mark.anyio
@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
async def test_what_a_form_can_send_is_no_order(room: tuple[Room, ObedientRecorder], kind: str) -> None:
    async with client_of(room[0]) as client:
        for method, path in routes(room[0]):
            if method == "POST":
                answer = await client.post(path, content='{"title": "x"}', headers={"Content-Type": kind})
                assert (answer.status_code, answer.json()["code"]) == (403, "foreign-origin"), path
    assert room[1].heard == []


@pytest.mark.anyio
async def test_another_page_cannot_show_the_pictures_of_the_room(room: tuple[Room, ObedientRecorder]) -> None:
    async with client_of(room[0]) as client:
        for site in ("cross-site", "same-site"):
            headers = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}
            answer = await client.get("/api/v1/sources/front/snapshot.jpg", headers=headers)
            assert answer.status_code == 403


@pytest.mark.anyio
async def test_a_link_to_the_panel_works(room: tuple[Room, ObedientRecorder]) -> None:
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    async with client_of(room[0]) as client:
        answer = await client.get("/", headers=headers)
    assert answer.status_code == 200
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.anyio
async def test_the_panel_itself_is_served(room: tuple[Room, ObedientRecorder]) -> None:
    async with client_of(room[0]) as client:
        for origin in (BASE, f"http://localhost:{PORT}"):
            headers = {"Origin": origin, "Host": origin.removeprefix("http://"), "Sec-Fetch-Site": "same-origin"}
            answer = await client.get("/api/v1/status", headers=headers)
            assert answer.status_code == 200


@pytest.mark.anyio
async def test_a_foreign_page_gets_no_websocket(room: tuple[Room, ObedientRecorder]) -> None:
    for headers in (
        [(b"host", f"127.0.0.1:{PORT}".encode()), (b"origin", b"http://evil.example")],
        [(b"host", b"evil.example:8400")],
        [(b"host", f"127.0.0.1:{PORT}".encode()), (b"host", b"evil.example")],
        [],
    ):
        assert await _knock(room[0], headers) == ["websocket.close"]
        answered = await _knock(room[0], headers, {"websocket.http.response": {}})
        assert answered[0] == "websocket.http.response.start"


async def _knock(room: Room, headers: list[tuple[bytes, bytes]], extensions: dict[str, Any] | None = None) -> list[str]:
    """Asks for the WebSocket; returns what was answered."""
    said: list[str] = []
    scope = {"type": "websocket", "path": "/api/v1/events", "headers": headers, "extensions": extensions or {}}

    async def receive() -> dict[str, str]:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        said.append(message["type"])

    await create_app(room, host="127.0.0.1", port=PORT)(scope, receive, send)
    return said


@pytest.mark.anyio
async def test_a_huge_body_is_refused_before_it_is_read(room: tuple[Room, ObedientRecorder]) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(1000):
            yield b" " * 1024

    async with client_of(room[0]) as client:
        for content in (b" " * (MAX_BODY + 1), endless()):
            headers = {"Content-Type": "application/json"}
            answer = await client.post("/api/v1/lesson/start", content=content, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (413, "too-large")
    assert room[1].heard == []


@pytest.mark.anyio
async def test_a_body_just_small_enough_is_read(room: tuple[Room, ObedientRecorder]) -> None:
    body = b'{"title": "x"' + b" " * (MAX_BODY - 14) + b"}"
    async with client_of(room[0]) as client:
        headers = {"Content-Type": "application/json; charset=utf-8"}
        answer: httpx.Response = await client.post("/api/v1/lesson/start", content=body, headers=headers)
    assert answer.status_code == 200


def test_every_route_of_the_application_is_in_its_description(room: tuple[Room, ObedientRecorder]) -> None:
    described = set(build(room[0]).openapi()["paths"])
    hidden = {"/openapi.json", "/"}
    for route in build(room[0]).routes:
        if isinstance(route, (APIRoute, Route)) and not isinstance(route, WebSocketRoute):
            assert route.path in described | hidden, route.path


def test_names_of_this_machine() -> None:
    assert hosts_of("127.0.0.1", 8400) == {"127.0.0.1:8400", "localhost:8400"}
    assert hosts_of("::1", 8400) == {"[::1]:8400", "localhost:8400"}
    assert "127.0.0.1" in hosts_of("127.0.0.1", 80)
