"""Our uploads against a tus server that is not ours, over a bad link: what must arrive is every byte, once."""

from __future__ import annotations

import hashlib
import random
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from lms_sync import wire
from lms_sync.client import Client, LinkError, NotOurServer, Unreachable
from lms_sync.localfile import FileRotten, LocalFile
from lms_sync.pace import Pace
from lms_sync.transfer import Transfer
from tests.peers.program import wait_until
from tests.peers.toxic import Toxic, toxic
from tests.peers.tus_server import TusServer, tus_server

pytestmark = pytest.mark.anyio
LESSON = "01JD0000000000000000000000"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[TusServer]:
    with tus_server(tmp_path / "server") as running:
        yield running


@pytest.fixture
def link(server: TusServer) -> Iterator[Toxic]:
    with toxic(server.port) as network:
        yield network


class Memory:
    """What a ledger would remember. stop_at: say stop once so many bytes are there."""

    def __init__(self) -> None:
        self.url = ""
        self.sent = 0
        self.created_times = 0
        self.went_back = 0
        self.stop_at: int | None = None

    def created(self, url: str) -> None:
        self.created_times += 1
        self.url = url

    def reached(self, offset: int) -> None:
        self.went_back += offset < self.sent
        self.sent = offset

    def go_on(self) -> bool:
        return self.stop_at is None or self.sent < self.stop_at


def asset_in(folder: Path, size: int, seed: int = 1) -> tuple[wire.Asset, Path, bytes]:
    data = random.Random(seed).randbytes(size)
    path = folder / "take-001.mp4"
    path.write_bytes(data)
    asset = wire.Asset(
        lesson=LESSON,
        kind="take",
        source="front",
        path="front/take-001.mp4",
        tier="master",
        bytes=size,
        sha256=hashlib.sha256(data).hexdigest(),
    )
    return asset, path, data


async def deliver(url: str, asset: wire.Asset, path: Path, memory: Memory, *, tries: int = 200) -> int:
    """Again and again, as the agent would; returns the number of tries."""
    pace = Pace()
    for attempt in range(1, tries + 1):
        async with Client(url, "room", wire.new_key(), patience=5.0) as client:
            with LocalFile(path, asset.bytes, asset.sha256) as file:
                try:
                    if await Transfer(client, pace).send(asset, file, memory, url=memory.url, known=memory.sent):
                        return attempt
                except LinkError:
                    continue
    raise AssertionError(f"not delivered in {tries} tries; {memory.sent} of {asset.bytes} bytes are there")


async def test_a_take_arrives_to_the_byte(server: TusServer, link: Toxic, tmp_path: Path) -> None:
    asset, path, data = asset_in(tmp_path, 5_000_003)
    memory = Memory()
    assert await deliver(link.url, asset, path, memory) == 1
    assert server.files() == [data]
    assert memory.sent == asset.bytes
    assert link.up < asset.bytes * 1.02


async def test_an_empty_file_arrives_too(server: TusServer, link: Toxic, tmp_path: Path) -> None:
    asset, path, _ = asset_in(tmp_path, 0)
    assert await deliver(link.url, asset, path, Memory()) == 1


async def test_cuts_cost_little_and_nothing_is_damaged_or_doubled(
    server: TusServer, link: Toxic, tmp_path: Path
) -> None:
    asset, path, data = asset_in(tmp_path, 20_000_000)
    memory = Memory()
    chance = random.Random(3)
    link.rate = 8_000_000
    pace = Pace()
    cuts = 0
    while True:
        link.cut_after = chance.randrange(100_000, 3_000_000)
        async with Client(link.url, "room", wire.new_key(), patience=5.0) as client:
            with LocalFile(path, asset.bytes, asset.sha256) as file:
                try:
                    await Transfer(client, pace).send(asset, file, memory, url=memory.url, known=memory.sent)
                    break
                except LinkError:
                    cuts += 1
                    assert cuts < 100
    assert cuts >= 5
    assert server.files() == [data]
    assert memory.created_times == 1
    # This server throws away a chunk that was cut, so up to a chunk a cut is sent again.
    assert link.up < asset.bytes * 1.25, f"{link.up} bytes for {asset.bytes} with {cuts} cuts"


async def test_damaged_bytes_are_sent_again_until_they_are_right(
    server: TusServer, link: Toxic, tmp_path: Path
) -> None:
    asset, path, data = asset_in(tmp_path, 3_000_000)
    link.corrupt = 1e-6
    await deliver(link.url, asset, path, Memory())
    assert server.files() == [data]


async def test_a_server_that_dies_and_comes_back_gets_the_rest(tmp_path: Path) -> None:
    asset, path, data = asset_in(tmp_path, 3_000_000)
    memory = Memory()
    memory.stop_at = 1_000_000
    with tus_server(tmp_path / "server") as first:
        port = first.port
        async with Client(first.url) as client:
            with LocalFile(path, asset.bytes, asset.sha256) as file:
                assert not await Transfer(client, Pace()).send(asset, file, memory)
    there = memory.sent
    assert 1_000_000 <= there < asset.bytes
    memory.stop_at = None
    async with Client(first.url) as client:
        with LocalFile(path, asset.bytes, asset.sha256) as file, pytest.raises(Unreachable):
            await Transfer(client, Pace()).send(asset, file, memory, url=memory.url, known=there)
    with tus_server(tmp_path / "server", port=port) as second, toxic(port) as link:
        await deliver(link.url, asset, path, memory)
        assert second.files() == [data]
        assert link.up < (asset.bytes - there) * 1.02 + 5000


async def test_a_proxy_that_takes_only_small_bodies_gets_small_chunks(tmp_path: Path) -> None:
    asset, path, data = asset_in(tmp_path, 1_000_000)
    with tus_server(tmp_path / "server", "--max-chunk-size", "50000") as server:
        await deliver(server.url, asset, path, Memory())
        assert server.files() == [data]


async def test_an_upload_the_server_forgot_is_created_anew(server: TusServer, tmp_path: Path) -> None:
    asset, path, data = asset_in(tmp_path, 1_000_000)
    memory = Memory()
    memory.stop_at = 500_000
    async with Client(server.url) as client:
        with LocalFile(path, asset.bytes, asset.sha256) as file:
            await Transfer(client, Pace()).send(asset, file, memory)
        await client.request("DELETE", memory.url, headers={"Tus-Resumable": "1.0.0"})
    memory.stop_at = None
    await deliver(server.url, asset, path, memory)
    assert server.files() == [data]
    assert memory.created_times == 2


async def test_a_file_that_rotted_on_our_disk_never_becomes_whole_on_the_server(
    server: TusServer, tmp_path: Path
) -> None:
    asset, path, data = asset_in(tmp_path, 1_000_000)
    path.write_bytes(data[:500_000] + bytes([data[500_000] ^ 1]) + data[500_001:])
    with LocalFile(path, asset.bytes, asset.sha256) as file:
        async with Client(server.url) as client:
            with pytest.raises(FileRotten, match="has changed on the disk"):
                await Transfer(client, Pace()).send(asset, file, Memory())
    assert all(len(found) < asset.bytes for found in server.files())


PORTAL = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 28\r\n\r\n<html>Please log in.</html>\n"
ELSEWHERE = b"HTTP/1.1 302 Found\r\nLocation: http://login.example/\r\nContent-Length: 0\r\n\r\n"
ENDLESS = b"HTTP/1.1 200 OK\r\nTus-Resumable: 1.0.0\r\n\r\n" + b"x" * 200_000
GARBAGE = b"\x00\xff\x13garbage\r\n\r\n\r\n"


@pytest.mark.parametrize(
    ("answer", "error"),
    [(PORTAL, NotOurServer), (ELSEWHERE, NotOurServer), (ENDLESS, NotOurServer), (GARBAGE, Unreachable)],
    ids=["html", "redirect", "endless", "garbage"],
)
async def test_what_is_not_our_server_is_recognised(
    link: Toxic, tmp_path: Path, answer: bytes, error: type[LinkError]
) -> None:
    asset, path, _ = asset_in(tmp_path, 100_000)
    link.answer = answer
    memory = Memory()
    async with Client(link.url, patience=5.0) as client:
        with LocalFile(path, asset.bytes, asset.sha256) as file, pytest.raises(error):
            await Transfer(client, Pace()).send(asset, file, memory)
    assert memory.url == ""


async def test_a_server_of_one_byte_a_second_does_not_hold_us(link: Toxic, tmp_path: Path) -> None:
    link.answer, link.rate = PORTAL, 1.0
    async with Client(link.url, patience=1.0) as client:
        with pytest.raises(Unreachable, match="in time"):
            await client.request("OPTIONS", wire.UPLOADS)


async def test_a_black_hole_does_not_hold_us_and_is_survived(server: TusServer, link: Toxic, tmp_path: Path) -> None:
    asset, path, data = asset_in(tmp_path, 2_000_000)
    memory = Memory()
    link.rate = 2_000_000

    def swallow() -> None:
        wait_until(lambda: memory.sent > 0, 10, "the first chunk")
        link.blackhole = True

    swallower = threading.Thread(target=swallow)
    swallower.start()
    async with Client(link.url, patience=1.0) as client:
        with LocalFile(path, asset.bytes, asset.sha256) as file, pytest.raises(Unreachable):
            await Transfer(client, Pace()).send(asset, file, memory)
    swallower.join()
    link.blackhole = False
    link.cut()
    await deliver(link.url, asset, path, memory)
    assert server.files() == [data]
