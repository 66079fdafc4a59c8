"""Films and uploads arrive byte for byte, and a reader who goes in the middle leaves the server to others."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import httpx
import pytest
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from lms_server.bodies import STRETCH, FileResponse, LargeBodies

pytestmark = pytest.mark.anyio
SIZE = STRETCH + 12_345


CONTENT = os.urandom(SIZE)


@asynccontextmanager
async def serving(app: ASGIApp) -> AsyncIterator[str]:
    """The address of it."""
    config = uvicorn.Config(app, port=0, http=LargeBodies, lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    listener = config.bind_socket()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(server.serve, [listener])
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True


@pytest.fixture
def film(tmp_path: Path) -> Path:
    file = tmp_path / "film.mp4"
    file.write_bytes(CONTENT)
    return file


@pytest.fixture
async def url(film: Path) -> AsyncIterator[str]:
    """A server of any stretch of the film: /FIRST/LENGTH."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        start, length = (int(part) for part in scope["path"].strip("/").split("/"))
        headers = {"Content-Length": str(length)}
        await FileResponse(film.open("rb", buffering=0), (start, length), 200, headers, "video/mp4")(
            scope, receive, send
        )

    async with serving(app) as address:
        yield address


async def test_every_stretch_arrives_over_one_connection(url: str) -> None:
    async with httpx.AsyncClient(base_url=url) as client:
        for start, length in ((0, SIZE), (SIZE - 7, 7), (1000, 0), (3, STRETCH + 1)):
            answer = await client.get(f"/{start}/{length}")
            assert answer.content == CONTENT[start : start + length], (start, length)


async def test_a_reader_who_goes_and_a_file_that_was_cut_off_harm_nobody_else(url: str) -> None:
    async with httpx.AsyncClient(base_url=url) as client:
        async with client.stream("GET", f"/0/{SIZE}") as answer:
            await anext(answer.aiter_raw())
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get(f"/0/{SIZE + 1}")
        assert (await client.get("/0/10")).content == CONTENT[:10]


async def test_behind_another_server_it_is_read_and_sent(film: Path) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        response = FileResponse(film.open("rb", buffering=0), (5, SIZE - 5), 200, {}, "video/mp4")
        await response(scope, receive, send)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://box.test") as client:
        assert (await client.get("/")).content == CONTENT[5:]


async def test_a_body_arrives_as_it_was_sent_however_it_is_cut_and_however_late_it_is_read() -> None:
    heard: list[bytes] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        more = True
        while more:
            await anyio.lowlevel.checkpoint()
            message = await receive()
            heard.append(message.get("body", b""))
            more = message.get("more_body", False)
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def pieces() -> AsyncIterator[bytes]:
        for at in range(0, SIZE, 300_007):
            yield CONTENT[at : at + 300_007]

    async with serving(app) as url, httpx.AsyncClient(base_url=url) as client:
        for body in (CONTENT, pieces(), b"", CONTENT[:1]):
            heard.clear()
            assert (await client.put("/", content=body)).status_code == 204
            assert b"".join(heard) == (CONTENT if not isinstance(body, bytes) else body)
