"""Ten thousand rooms in one process of their own: each says how it is once a minute and waits at the server all the
time. ``python -m benchmarks.crowd PORT ROOMS WARM SECONDS``, room ids on standard input; one JSON line at the end.

Every room keeps its waiting connection; heartbeats go over some that are kept for all. Nothing is measured while the
crowd gathers: the rooms come evenly over the first wait, as they do in a country where they were switched on long ago.
"""

from __future__ import annotations

import asyncio
import base64
import gc
import hashlib
import json
import random
import sys
import time
from collections.abc import Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lms_sync import wire, wire_control

BEAT, WAIT = 60.0, 50.0
"""Seconds, as the agent has them."""
LINES = 64
"""Connections for heartbeats."""


def key_of(number: int) -> Ed25519PrivateKey:
    """The key of one room; the bench enrols the same."""
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"room %d" % number).digest())


def public_jwk(number: int) -> str:
    point = key_of(number).public_key().public_bytes_raw()
    return json.dumps({"crv": "Ed25519", "kty": "OKP", "x": base64.urlsafe_b64encode(point).decode().rstrip("=")})


def _proof(key: Ed25519PrivateKey, room: str, method: str, path: str, body: bytes) -> str:
    claims = {"htm": method, "htu": path, "bsha": hashlib.sha256(body).hexdigest(), "iat": time.time()}
    head = {"typ": wire.PROOF_TYPE, "alg": "Ed25519", "kid": room}
    text = b".".join(
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=")
        for part in (head, {**claims, "jti": random.randbytes(8).hex()})
    )
    return f"{wire.SCHEME} {(text + b'.' + base64.urlsafe_b64encode(key.sign(text)).rstrip(b'=')).decode()}"


class Line(asyncio.Protocol):
    """One kept connection, one request at a time."""

    def __init__(self) -> None:
        self._seen = bytearray()
        self._done: asyncio.Future[int] | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._seen += data
        head, end, body = self._seen.partition(b"\r\n\r\n")
        if not end or self._done is None:
            return
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        if len(body) >= length and not self._done.done():
            self._done.set_result(int(head[9:12]))
            self._seen.clear()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._done is not None and not self._done.done():
            self._done.set_result(0)

    async def ask(self, request: bytes) -> int:
        """The status; 0 when the connection broke."""
        assert self._transport is not None
        self._done = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._done


class Crowd:
    def __init__(self, port: int, rooms: Sequence[str], begin: float) -> None:
        """begin: the instant from which on everything counts, by the loop's clock."""
        self._port = port
        self._rooms = rooms
        self._begin = begin
        self._keys = [key_of(number) for number in range(len(rooms))]
        self.beats: list[float] = []
        self.polls: list[float] = []
        self.broken = 0

    async def listen(self, number: int, first: float) -> None:
        """One room that waits at the server, again and again."""
        loop = asyncio.get_running_loop()
        await asyncio.sleep(first)
        line = await self._line()
        path = f"{wire_control.COMMANDS}?wait={WAIT:.0f}"
        while True:
            began = loop.time()
            status = await line.ask(self._request(number, "GET", path, b""))
            self._count(status, began, loop.time(), self.polls, WAIT)
            if not status:
                line = await self._line()

    async def beat(self, lines: asyncio.Queue[Line]) -> None:
        """All rooms' heartbeats, each when it is due, whether those before were answered or not."""
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as tasks:
            due, number = loop.time(), 0
            while True:
                due += BEAT / len(self._rooms)
                await asyncio.sleep(max(0.0, due - loop.time()))
                tasks.create_task(self._beat(number % len(self._rooms), lines))
                number += 1

    async def _beat(self, number: int, lines: asyncio.Queue[Line]) -> None:
        loop = asyncio.get_running_loop()
        request = self._request(number, "POST", wire_control.HEARTBEATS, _BODY)
        began = loop.time()
        line = await lines.get()
        status = await line.ask(request)
        self._count(status, began, loop.time(), self.beats)
        lines.put_nowait(line if status else await self._line())

    def _count(self, status: int, began: float, ended: float, taken: list[float], wait: float = 0.0) -> None:
        if ended >= self._begin:
            taken.append(ended - began - wait)
            self.broken += status != 200

    def _request(self, number: int, method: str, path: str, body: bytes) -> bytes:
        proof = _proof(self._keys[number], self._rooms[number], method, path, body)
        kind = "Content-Type: application/json\r\n" if body else ""
        head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {proof}\r\n{kind}"
        return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body

    async def _line(self) -> Line:
        _, line = await asyncio.get_running_loop().create_connection(Line, "127.0.0.1", self._port)
        return line

    async def gather(self, until: float) -> None:
        lines: asyncio.Queue[Line] = asyncio.Queue()
        for _ in range(LINES):
            lines.put_nowait(await self._line())
        count = len(self._rooms)
        tasks = [asyncio.create_task(self.listen(number, WAIT * number / count)) for number in range(count)]
        tasks.append(asyncio.create_task(self.beat(lines)))
        await asyncio.sleep(until - asyncio.get_running_loop().time())
        for task in tasks:
            task.cancel()


_BODY = json.dumps(
    wire_control.Heartbeat(
        "0.4.0",
        "ready",
        sources=tuple(wire_control.SourceHealth(name, name, "idle") for name in ("front", "board", "lectern")),
        disk_hours=41.0,
        backlog={"card": 0, "master": 1_234_567_890},
        forecast=5400.0,
    ).as_json()
).encode()


async def main() -> None:
    gc.disable()  # else ours would be measured with theirs
    port, count, warm, seconds = (int(word) for word in sys.argv[1:])
    rooms = sys.stdin.read().split()[:count]
    began = asyncio.get_running_loop().time()
    crowd = Crowd(port, rooms, began + warm)
    await crowd.gather(began + warm + seconds)
    print(json.dumps({"beats": crowd.beats, "polls": crowd.polls, "broken": crowd.broken}))


if __name__ == "__main__":
    asyncio.run(main())
