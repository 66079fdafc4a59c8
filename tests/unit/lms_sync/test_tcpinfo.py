"""Reading a real connection. If these fail, the agent is blind to the class's traffic."""

from __future__ import annotations

import asyncio
import socket

import pytest

from lms_sync import tcpinfo, wire
from lms_sync.client import Client
from lms_sync.pacer import PACKET

pytestmark = pytest.mark.anyio


@pytest.fixture
def pair() -> tuple[socket.socket, socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as door:
        near = socket.create_connection(door.getsockname())
        far, _ = door.accept()
    return near, far


def test_what_was_acknowledged_and_how_long_it_took_is_known(pair: tuple[socket.socket, socket.socket]) -> None:
    near, far = pair
    with near, far:
        begin = tcpinfo.read(near)
        near.sendall(bytes(50_000))
        left = 50_000
        while left:
            left -= len(far.recv(left))
        far.sendall(b"!")
        near.recv(1)
        end = tcpinfo.read(near)
    assert begin is not None
    assert end is not None
    assert 0 < end.rtt < 10
    assert end.acked - begin.acked == 50_000
    assert end.answers > begin.answers


def test_a_closed_connection_tells_nothing_and_breaks_nothing(pair: tuple[socket.socket, socket.socket]) -> None:
    near, far = pair
    far.close()
    near.close()
    assert tcpinfo.read(near) is None
    tcpinfo.keep_unsent(near, 1000.0)


def test_the_kernel_holds_little_at_a_low_rate(pair: tuple[socket.socket, socket.socket]) -> None:
    near, far = pair
    with near, far:
        for wish, held in ((10.0, 4096), (50_000.0, 50_000), (1e9, 128 * 1024)):
            tcpinfo.keep_unsent(near, wish)
            assert near.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT) == held


async def test_the_link_is_felt_while_the_first_body_is_still_on_its_way() -> None:
    """Through httpx and httpcore as they are: a new version that hides the connection must not pass unseen."""
    felt: list[bool] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line[16:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length: "))
        await reader.readexactly(length - PACKET)
        felt.append(client.pacer.rate < 1e9)
        await reader.readexactly(PACKET)
        writer.write(b"HTTP/1.1 204 Here\r\nTus-Resumable: 1.0.0\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, Client(f"http://127.0.0.1:{port}") as client:
        client.pacer.yielding.rate = 1e6
        assert client.pacer.rate == float("inf")  # nothing is known of a link that was never used
        await client.request("PATCH", wire.UPLOADS, body=bytes(200_000))
        assert felt == [True]
        client.pacer.yields = False
        assert client.pacer.rate == float("inf")
