"""A bad network between a client and a server, on loopback: late, slow, cut, damaged, silent or not there at all.

``with toxic(port) as link: link.url`` forwards TCP to 127.0.0.1:port. Its properties may be changed at any time from
the test's thread; the proxy lives in a thread of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

_PIECE = 4096


@dataclass
class Toxic:
    """latency: seconds each piece is held. rate: bytes a second each way, 0 for no limit. cut_after: a connection is
    reset once so many bytes went up it, 0 for never. corrupt: chance that a byte sent up is flipped; pieces that begin
    a request are spared when ``corrupt_bodies_only``. blackhole: nothing passes, nothing is refused. down: connections
    are reset at once. answer: bytes given instead of the server's to every request."""

    server_port: int
    port: int = 0
    latency: float = 0.0
    rate: float = 0.0
    cut_after: int = 0
    corrupt: float = 0.0
    corrupt_bodies_only: bool = True
    blackhole: bool = False
    down: bool = False
    answer: bytes = b""
    chance: random.Random = field(default_factory=lambda: random.Random(7))
    up: int = 0
    """Bytes that came from the client."""
    connections: int = 0
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _loop: asyncio.AbstractEventLoop | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def cut(self) -> None:
        """Reset every connection now."""
        assert self._loop is not None
        asyncio.run_coroutine_threadsafe(self._cut(), self._loop).result(5)

    async def _cut(self) -> None:
        for writer in list(self._writers):
            writer.transport.abort()

    async def _serve(self, started: threading.Event, ended: asyncio.Event) -> None:
        server = await asyncio.start_server(self._connection, "127.0.0.1", self.port)
        self.port = server.sockets[0].getsockname()[1]
        started.set()
        await ended.wait()
        server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._cut()
        await asyncio.sleep(0.01)  # the transports close one turn of the loop later

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self._writers.add(writer)
        with contextlib.suppress(asyncio.CancelledError):  # asyncio's own callback stumbles over one that was cancelled
            await self._carry(reader, writer)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.down:
            writer.transport.abort()
            return
        if self.answer:
            await self._answer_instead(reader, writer)
            return
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.server_port)
        except OSError:
            writer.transport.abort()
            return
        pair = {writer, far_writer}
        self._writers.add(far_writer)
        try:
            await asyncio.gather(
                self._pump(reader, far_writer, pair, up=True), self._pump(far_reader, writer, pair, up=False)
            )
        finally:
            for end in pair:  # they stay known: one whose peer reads no more closes only when it is aborted
                end.close()

    async def _answer_instead(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            await reader.readuntil(b"\r\n\r\n")
            for at in range(0, len(self.answer), _PIECE):
                piece = self.answer[at : at + _PIECE]
                if self.rate:
                    for byte in piece:
                        writer.write(bytes([byte]))
                        await writer.drain()
                        await asyncio.sleep(1 / self.rate)
                else:
                    writer.write(piece)
                    await writer.drain()
        writer.close()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, pair: set[asyncio.StreamWriter], *, up: bool
    ) -> None:
        passed, in_body = 0, False
        with contextlib.suppress(OSError, RuntimeError):
            while piece := await reader.read(_PIECE):
                while self.blackhole:  # noqa: ASYNC110 - set from another thread, so no asyncio.Event
                    await asyncio.sleep(0.02)
                pause = self.latency + (len(piece) / self.rate if self.rate else 0.0)
                if pause:
                    await asyncio.sleep(pause)
                if up:
                    self.up += len(piece)
                    in_body = not piece.startswith((b"POST ", b"PATCH ", b"HEAD ", b"GET ", b"OPTIONS ", b"DELETE "))
                    if self.corrupt and (in_body or not self.corrupt_bodies_only):
                        piece = bytes(byte ^ 0x20 if self.chance.random() < self.corrupt else byte for byte in piece)
                passed += len(piece)
                if up and self.cut_after and passed >= self.cut_after:
                    for end in pair:
                        end.transport.abort()
                    return
                writer.write(piece)
                await writer.drain()
            writer.write_eof()


@contextmanager
def toxic(server_port: int) -> Iterator[Toxic]:
    """A link to 127.0.0.1:server_port, harmless until its properties are changed."""
    link = Toxic(server_port)
    started = threading.Event()
    ended: list[asyncio.Event] = []

    async def life() -> None:
        link._loop = asyncio.get_running_loop()
        ended.append(asyncio.Event())
        await link._serve(started, ended[0])

    thread = threading.Thread(target=lambda: asyncio.run(life()), name="toxic", daemon=True)
    thread.start()
    assert started.wait(10), "the bad network did not come up"
    try:
        yield link
    finally:
        assert link._loop is not None
        link._loop.call_soon_threadsafe(ended[0].set)
        thread.join(10)
