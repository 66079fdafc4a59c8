"""The far end of a line, for tests: a real pseudo terminal, a TCP server, a UDP socket, which answer as they are told.

``reply`` gets what came in and gives what goes out, each piece after its delay in seconds; None cuts the line.
"""

from __future__ import annotations

import asyncio
import os
import tty
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress

Piece = tuple[float, bytes | None]
Reply = Callable[[bytes], Iterable[Piece]]


class FarEnd:
    """heard: everything that was received, in pieces as they came, with their instants."""

    def __init__(self, reply: Reply) -> None:
        self.reply = reply
        self.heard: list[tuple[float, bytes]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._spoken_to = asyncio.Event()

    async def spoken_to(self, seconds: float = 5.0) -> None:
        """Wait until something more was heard."""
        self._spoken_to.clear()
        async with asyncio.timeout(seconds):
            await self._spoken_to.wait()

    @property
    def bytes(self) -> bytes:
        return b"".join(data for _, data in self.heard)

    def take(self, data: bytes, send: Callable[[bytes], object], cut: Callable[[], object]) -> None:
        self.heard.append((asyncio.get_running_loop().time(), data))
        self._spoken_to.set()
        task = asyncio.create_task(self._answer(list(self.reply(data)), send, cut))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, pieces: list[Piece], send: Callable[[bytes], object], cut: Callable[[], object]) -> None:
        for delay, piece in pieces:
            if delay:
                await asyncio.sleep(delay)
            if piece is None:
                cut()
                return
            send(piece)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


class Pty(FarEnd):
    """A serial port at ``path``."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply)
        self.master, slave = os.openpty()
        tty.setraw(slave)
        self.path = os.ttyname(slave)
        self._slave = slave
        self._open = True
        asyncio.get_running_loop().add_reader(self.master, self._read)

    def say(self, data: bytes) -> None:
        if self._open:
            os.write(self.master, data)

    def unplug(self) -> None:
        if self._open:
            self._open = False
            asyncio.get_running_loop().remove_reader(self.master)
            os.close(self.master)
            os.close(self._slave)

    def _read(self) -> None:
        with suppress(OSError):
            self.take(os.read(self.master, 4096), self.say, self.unplug)

    async def close(self) -> None:
        await super().close()
        self.unplug()


@asynccontextmanager
async def pty(reply: Reply) -> AsyncIterator[Pty]:
    far = Pty(reply)
    try:
        yield far
    finally:
        await far.close()


class Server(FarEnd):
    """A device at 127.0.0.1:``port``. greeting: sent on every connection."""

    def __init__(self, reply: Reply, greeting: bytes = b"") -> None:
        super().__init__(reply)
        self.port = 0
        self.connections = 0
        self.greeting = greeting
        self._writers: set[asyncio.StreamWriter] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        try:
            writer.write(self.greeting)
            while data := await reader.read(4096):
                self.take(data, writer.write, writer.close)
        except ConnectionError:
            pass  # that is the test's wish
        finally:
            self._writers.discard(writer)
            writer.close()

    def cut(self) -> None:
        for writer in self._writers:
            writer.close()


@asynccontextmanager
async def tcp(reply: Reply, greeting: bytes = b"") -> AsyncIterator[Server]:
    far = Server(reply, greeting)
    server = await asyncio.start_server(far.serve, "127.0.0.1", 0)
    far.port = server.sockets[0].getsockname()[1]
    try:
        yield far
    finally:
        server.close()
        await far.close()
        far.cut()
        await server.wait_closed()
