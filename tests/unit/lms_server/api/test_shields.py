"""A page of another site must not act in the name of an admin who has ours open."""

from __future__ import annotations

import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from lms_server.api.shields import MAX_BODY, Shields
from lms_sync import wire

pytestmark = pytest.mark.anyio


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """How many bytes of the body came through."""
    size, more = 0, True
    while more:
        message = await receive()
        size, more = size + len(message.get("body", b"")), message.get("more_body", False)
    await PlainTextResponse(str(size))(scope, receive, send)


async def ask(method: str, path: str = "/api/v1/session", *, content: object = b"", **headers: str) -> httpx.Response:
    app = Shields(echo, public_url="https://lessons.example.org", clock=lambda: 1_795_000_000.5)
    transport = httpx.ASGITransport(app=app)
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    async with httpx.AsyncClient(transport=transport, base_url="http://inside:8500") as client:
        return await client.request(method, path, headers=sent, content=content)  # type: ignore[arg-type]  # any body


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "https://lessons.example.org.evil.example"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example", "Authorization": "Basic eDp5"},
    ],
)
async def test_a_strangers_page_changes_nothing(headers: dict[str, str]) -> None:
    for method in ("POST", "PATCH", "DELETE", "PUT"):
        answer = await ask(method, **headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "foreign-origin")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "https://lessons.example.org"},
        {"Origin": "http://inside:8500"},
        {"Sec-Fetch-Site": "same-origin"},
        {"Origin": "https://player.example", "Authorization": "Bearer darsbox_x"},
    ],
)
async def test_our_own_pages_and_programs_may(headers: dict[str, str]) -> None:
    assert (await ask("POST", **headers)).status_code == 200


async def test_looking_is_free() -> None:
    assert (await ask("GET", Origin="https://evil.example")).status_code == 200


async def test_a_body_that_is_too_long_never_fills_the_memory() -> None:
    async def endless() -> object:
        for _ in range(MAX_BODY // 1000 * 3):
            yield b"x" * 1000

    assert (await ask("POST", content=b"x" * (MAX_BODY + 1))).status_code == 413
    assert int((await ask("POST", content=endless())).text) <= MAX_BODY
    assert (await ask("PATCH", f"{wire.UPLOADS}/x", content=b"x" * (MAX_BODY + 1))).text == str(MAX_BODY + 1)


async def test_every_answer_is_armoured_and_carries_the_time() -> None:
    for answer in (await ask("GET"), await ask("POST", Origin="null")):
        assert answer.headers[wire.TIME_HEADER] == "1795000000.500"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert "strict-transport-security" in answer.headers
