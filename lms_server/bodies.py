"""Large bodies, without needless copies.

Files go from the disk's cache to the socket without a way through this program: sendfile(2), by asyncio. ASGI servers
may offer that as an extension; uvicorn does not yet. So its protocol offers it here, under a name of ours, and a
response asks whether it is there: behind another server, or in a test, it reads and sends.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator
from typing import BinaryIO, Protocol, cast

from starlette.concurrency import iterate_in_threadpool
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

EXTENSION = "darsbox.sendfile"
STRETCH = 4 * 1024 * 1024
"""Bytes that are asked of the disk ahead: what is not in memory would hold up everybody else while it is read."""
READ_BYTES, MUCH = 1024 * 1024, 64 * 1024
"""At most at once from the socket of whoever has sent so much at once before; a quarter of it is asyncio's habit."""
SendFile = Callable[[BinaryIO, int, int], Awaitable[None]]


class _Reads(Protocol):
    """asyncio's transport of a plain socket."""

    max_size: int


class LargeBodies(HttpToolsProtocol):
    """uvicorn's, with the extension."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        extensions = self.scope.setdefault("extensions", {})
        extensions[EXTENSION] = {"send": self._send_file}

    def on_body(self, body: bytes) -> None:
        """A large one is read in larger pieces, and what came whole is handed on as it is: uvicorn gathers what comes
        in a bytearray, which is two more copies of every byte."""
        if len(body) >= MUCH:
            cast("_Reads", self.transport).max_size = READ_BYTES
        if not self.cycle.body:
            self.cycle.body = cast("bytearray", b"")
        super().on_body(body)

    async def _send_file(self, file: BinaryIO, start: int, length: int) -> None:
        """Part of the body of the answer that was begun, with a length. Raises OSError when the connection breaks."""
        cycle, loop = self.cycle, asyncio.get_running_loop()
        os.posix_fadvise(file.fileno(), start, STRETCH, os.POSIX_FADV_WILLNEED)
        end = start + length
        while start < end:
            os.posix_fadvise(file.fileno(), start + STRETCH, STRETCH, os.POSIX_FADV_WILLNEED)
            count = min(STRETCH, end - start)
            if cycle.disconnected or await loop.sendfile(self.transport, file, start, count) < count:
                raise ConnectionResetError
            start += count
        cycle.expected_content_length -= length


class FileResponse(Response):
    """A stretch of an open file, which is closed in the end. headers must have its Content-Length."""

    def __init__(
        self, file: BinaryIO, stretch: tuple[int, int], status: int, headers: dict[str, str], kind: str
    ) -> None:
        """stretch: its first byte, and its length."""
        super().__init__(None, status, headers, kind)
        self._file, (self._start, self._length) = file, stretch

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._file:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            extension = scope.get("extensions", {}).get(EXTENSION)
            if extension is not None:
                try:
                    await cast("SendFile", extension["send"])(self._file, self._start, self._length)
                except (ConnectionError, RuntimeError):
                    return  # whoever asked has gone, which asyncio says in either way
            else:
                async for piece in iterate_in_threadpool(self._pieces()):
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b""})

    def _pieces(self) -> Iterator[bytes]:
        self._file.seek(self._start)
        left = self._length
        while left and (piece := self._file.read(min(left, STRETCH // 16))):
            left -= len(piece)
            yield piece
