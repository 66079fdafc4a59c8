"""A film arrives byte for byte, whole or in part, and a reader who goes in the middle leaves the server to others."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import httpx
import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from lms_server.sendfile import STRETCH, FileResponse, SendingProtocol

pytestmark = pytest.mark.anyio
SIZE = STRETCH + 12_345


CONTENT = os.urandom(SIZE)


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

    config = uvicorn.Config(app, port=0, http=SendingProtocol, lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    listener = config.bind_socket()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(server.serve, [listener])
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True


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
