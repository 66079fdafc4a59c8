"""Living pictures of the sources, only while somebody watches."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from fastapi import APIRouter
from fastapi.responses import Response
from starlette.types import Receive, Scope, Send

from appliance.api.room import Here, Room
from appliance.errors import NoPicture

BOUNDARY = "darsbox-picture"
Result = TypeVar("Result")

router = APIRouter(prefix="/sources")

_PICTURE: dict[int | str, dict[str, Any]] = {200: {"content": {"image/jpeg": {}}}}
_MOTION: dict[int | str, dict[str, Any]] = {200: {"content": {"multipart/x-mixed-replace": {}}}}


@router.get("/{source}/snapshot.jpg", response_class=Response, responses=_PICTURE)
async def snapshot(room: Here, source: str) -> Response:
    """One small picture. Problems: ``not-found``, ``no-picture``."""

    async def goodbye() -> bytes:
        await room.closing.wait()
        raise NoPicture("The room's program is ending; ask again in a moment.", source=source)

    return Response(await _first_of(lambda: room.preview.snapshot(source), goodbye), media_type="image/jpeg")


@router.get("/{source}/preview.mjpeg", response_class=Response, responses=_MOTION)
async def preview(room: Here, source: str) -> Response:
    """About five small pictures a second, of what is recorded one every two seconds, until the viewer goes away.
    Problem: ``not-found``."""
    with room.preview.watch(source):
        return MotionJpeg(room, source)


class MotionJpeg(Response):
    """multipart/x-mixed-replace; each part ends with the next boundary, for browsers show a part only then."""

    media_type = f"multipart/x-mixed-replace; boundary={BOUNDARY}"

    def __init__(self, room: Room, source: str) -> None:
        super().__init__()
        del self.headers["content-length"]
        self._room = room
        self._source = source

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        if scope["method"] != "HEAD":
            await _first_of(lambda: self._stream(send), lambda: _gone(receive), self._room.closing.wait)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _stream(self, send: Send) -> None:
        async def part(body: bytes) -> None:
            await send({"type": "http.response.body", "body": body, "more_body": True})

        with self._room.preview.watch(self._source) as pictures:
            await part(f"--{BOUNDARY}\r\n".encode())
            while True:
                picture = await pictures.next()
                head = f"Content-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
                await part(head.encode() + picture + f"\r\n--{BOUNDARY}\r\n".encode())


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _first_of(*works: Callable[[], Awaitable[Result]]) -> Result:
    """What the first of them that ends returns; the others are cancelled. Raises what it raised."""
    tasks = [asyncio.ensure_future(work()) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        results = [task.result() for task in done]
        return results[0]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
