"""A server that dies, forgets or lies: the bytes are right in the end, or we stop asking for a while."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lms_sync import wire
from lms_sync.client import Client, LinkError, NotOurServer, RequestError, ServerClock, SyncError, TooLarge, Unreachable
from lms_sync.localfile import FileRotten, LocalFile
from lms_sync.pace import SMALLEST, Pace
from lms_sync.transfer import LONGEST, Confused, Garbling, Transfer
from tests.unit.lms_sync.fake_server import FakeServer

pytestmark = pytest.mark.anyio
KEY = wire.new_key()
DATA = random.Random(11).randbytes(1_500_000)
ASSET = wire.Asset(
    lesson="01JD0000000000000000000000",
    kind="take",
    source="front",
    path="front/take-001.mp4",
    tier="master",
    bytes=len(DATA),
    sha256=hashlib.sha256(DATA).hexdigest(),
)


class Memory:
    def __init__(self) -> None:
        self.url = ""
        self.sent = 0
        self.stop = False

    def created(self, url: str) -> None:
        self.url = url

    def reached(self, offset: int) -> None:
        self.sent = offset

    def go_on(self) -> bool:
        return not self.stop


@pytest.fixture
def server() -> FakeServer:
    return FakeServer(KEY)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "take-001.mp4"
    file.write_bytes(DATA)
    return file


def quick() -> Pace:
    """Of a link on which the next chunk is read while one is on its way."""
    pace = Pace()
    pace.too_large(512 * 1024)
    assert pace.at_largest
    return pace


async def send(
    server: FakeServer, path: Path, memory: Memory | None = None, pace: Pace | None = None, longest: float = LONGEST
) -> bool:
    """One call, as the agent makes it."""
    memory = memory or Memory()
    clock = ServerClock(lambda: server.now)
    async with Client("http://server.example", "room", KEY, transport=server.transport, clock=clock) as client:
        with LocalFile(path, ASSET.bytes, ASSET.sha256) as file:
            transfer = Transfer(client, pace or Pace(), longest=longest)
            return await transfer.send(ASSET, file, memory, url=memory.url, known=memory.sent)


def whole(server: FakeServer) -> bool:
    return [bytes(upload.data) for upload in server.uploads.values()] == [DATA]


def small_bodies_only(request: httpx.Request) -> httpx.Response | None:
    """A proxy with a limit."""
    large = request.method == "PATCH" and len(request.content) > 60_000
    return httpx.Response(413, headers={"Content-Type": "text/html"}) if large else None


@pytest.mark.parametrize("pace", [Pace, quick])
async def test_it_arrives(server: FakeServer, path: Path, pace: Callable[[], Pace]) -> None:
    assert await send(server, path, pace=pace())
    assert whole(server)
    assert server.received == len(DATA)


async def test_the_location_of_another_host_is_only_a_path(server: FakeServer, path: Path) -> None:
    memory = Memory()
    await send(server, path, memory)
    assert memory.url.startswith(wire.UPLOADS)


async def test_an_upload_already_stored_costs_one_question(server: FakeServer, path: Path) -> None:
    await send(server, path)
    server.requests.clear()
    assert await send(server, path)
    assert [method for method, _, _ in server.requests] == ["POST"]


async def test_what_is_more_urgent_goes_first_and_the_rest_is_not_sent_twice(server: FakeServer, path: Path) -> None:
    memory = Memory()
    memory.stop = True
    assert not await send(server, path, memory)
    memory.stop = False
    assert await send(server, path, memory)
    assert server.received == len(DATA)


async def test_an_answer_that_got_lost_does_not_send_the_chunk_again(server: FakeServer, path: Path) -> None:
    memory = Memory()
    lost: list[int] = []

    def after(request: httpx.Request, response: httpx.Response) -> httpx.Response:
        if request.method == "PATCH" and not lost:
            lost.append(1)
            raise httpx.ReadError("cut")
        return response

    server.after = after
    with pytest.raises(Unreachable):
        await send(server, path, memory)
    assert await send(server, path, memory)
    assert whole(server)
    assert server.received == len(DATA)


async def test_a_chunk_that_a_link_become_slow_would_hold_is_given_up_for_smaller_ones(
    server: FakeServer, path: Path
) -> None:
    """What is more urgent would wait for all of it."""
    server.proves, server.crawls = True, 1
    assert await send(server, path, longest=0.05)
    assert whole(server)
    sizes = [size for method, _, size in server.requests if method == "PATCH"]
    assert sizes[1] == SMALLEST < sizes[0]
    assert server.received == len(DATA) + sizes[0] // 2


async def test_where_a_broken_chunk_is_lost_it_is_waited_for(server: FakeServer, path: Path) -> None:
    server.crawls = 1
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await send(server, path, longest=0.01)
    assert [method for method, _, _ in server.requests] == ["POST", "PATCH"]


async def test_a_server_that_forgot_half_is_sent_that_half(server: FakeServer, path: Path) -> None:
    memory = Memory()
    server.hook = lambda request: httpx.ConnectError("down") if server.received > 600_000 else None
    with pytest.raises(Unreachable):
        await send(server, path, memory)
    server.hook = lambda request: None
    for upload in server.uploads.values():
        del upload.data[100_000:]
    assert await send(server, path, memory)
    assert whole(server)


async def test_a_conflict_is_settled_by_asking(server: FakeServer, path: Path) -> None:
    told: list[int] = []

    def hook(request: httpx.Request) -> httpx.Response | None:
        if request.method == "PATCH" and len(told) < 3:
            told.append(1)
            return server.problem(409, "wrong-offset")
        return None

    server.hook = hook
    assert await send(server, path)
    assert whole(server)


@pytest.mark.parametrize("status", [404, 410])
async def test_an_upload_that_expired_is_created_anew(server: FakeServer, path: Path, status: int) -> None:
    gone: list[int] = []

    def hook(request: httpx.Request) -> httpx.Response | None:
        if request.method == "PATCH" and server.received > 300_000 and not gone:
            gone.append(1)
            server.uploads.clear()
            return server.problem(status, "gone")
        return None

    server.hook = hook
    assert await send(server, path)
    assert whole(server)


async def test_a_server_that_loses_every_upload_is_left_alone(server: FakeServer, path: Path) -> None:
    def hook(request: httpx.Request) -> None:
        if request.method == "PATCH":
            server.uploads.clear()

    server.hook = hook
    with pytest.raises(Confused, match="does not move on"):
        await send(server, path)
    assert server.received < 30 * 300_000


async def test_a_server_that_acknowledges_and_forgets_is_left_alone(server: FakeServer, path: Path) -> None:
    def after(request: httpx.Request, response: httpx.Response) -> httpx.Response:
        for upload in server.uploads.values():
            upload.data.clear()
        return response

    server.after = after
    server.hook = small_bodies_only
    with pytest.raises(Confused):
        await send(server, path)
    assert server.received < 3_000_000


def saying(name: str, value: str) -> object:
    def after(request: httpx.Request, response: httpx.Response) -> httpx.Response:
        if name in response.headers and request.method in {"HEAD", "PATCH", "POST"}:
            response.headers[name] = value
        return response

    return after


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Upload-Offset", "99999999999"),
        ("Upload-Offset", "-1"),
        ("Upload-Offset", "ten"),
        ("Upload-Offset", "9" * 40),
        ("Upload-Offset", "0"),
        ("Upload-Offset", "7"),
        ("Upload-Length", "5"),
        ("Location", "http://elsewhere/nothing"),
        ("Tus-Resumable", "0.2.2"),
    ],
)
async def test_a_server_that_lies_costs_a_few_requests_and_one_sentence(
    server: FakeServer, path: Path, name: str, value: str
) -> None:
    server.after = saying(name, value)  # type: ignore[assignment]  # a plain function with that very signature
    memory = Memory()
    if name == "Upload-Length":
        memory.url = f"{wire.UPLOADS}/{ASSET.sha256[:12]}"
    said = "."
    try:
        await send(server, path, memory)
    except SyncError as error:
        said = error.detail
    else:
        assert whole(server)
    assert said.endswith(".")
    assert len(server.requests) < 60


async def test_a_damaged_chunk_is_sent_again(server: FakeServer, path: Path) -> None:
    times: list[int] = []

    def hook(request: httpx.Request) -> httpx.Response | None:
        if request.method == "PATCH" and len(times) < 2:
            times.append(1)
            return server.problem(460, "checksum-mismatch")
        return None

    server.hook = hook
    assert await send(server, path)
    assert whole(server)


async def test_a_server_that_proves_pieces_needs_no_checksum_of_their_whole(server: FakeServer, path: Path) -> None:
    checksums: list[str] = []
    server.hook = lambda request: checksums.append(request.headers.get("upload-checksum", ""))
    server.proves = True
    assert await send(server, path)
    assert whole(server)
    assert set(checksums) == {""}


async def test_a_link_that_damages_everything_is_waited_out_not_hammered(server: FakeServer, path: Path) -> None:
    def hook(request: httpx.Request) -> httpx.Response | None:
        return server.problem(460, "checksum-mismatch") if request.method == "PATCH" else None

    server.hook = hook
    with pytest.raises(Garbling, match="our own file is whole"):
        await send(server, path)
    assert len(server.requests) < 12


@pytest.mark.parametrize("proves", [False, True])
@pytest.mark.parametrize("pace", [Pace, quick])
async def test_rot_on_our_disk_is_said_and_never_becomes_a_recording(
    server: FakeServer, path: Path, pace: Callable[[], Pace], proves: bool
) -> None:
    server.proves = proves
    path.write_bytes(DATA[:-1] + bytes([DATA[-1] ^ 1]))  # noqa: ASYNC240 - a test's set-up
    with pytest.raises(FileRotten):
        await send(server, path, pace=pace())
    assert all(len(upload.data) < len(DATA) for upload in server.uploads.values())


async def test_a_server_that_rots_the_whole_gets_it_again(server: FakeServer, path: Path) -> None:
    spoilt: list[int] = []

    def hook(request: httpx.Request) -> None:
        if request.method == "PATCH" and server.received > 500_000 and not spoilt:
            spoilt.append(1)
            for upload in server.uploads.values():
                upload.data[0] ^= 1

    server.hook = hook
    assert await send(server, path)
    assert whole(server)


async def test_a_limit_on_bodies_is_found_and_kept(server: FakeServer, path: Path) -> None:
    server.hook = small_bodies_only
    assert await send(server, path)
    assert whole(server)


async def test_an_asset_that_is_too_large_for_the_server_is_refused(server: FakeServer, path: Path) -> None:
    server.hook = lambda request: server.problem(413, "too-large")
    with pytest.raises(TooLarge):
        await send(server, path)


async def test_a_server_without_uploads_is_not_ours(server: FakeServer, path: Path) -> None:
    server.hook = lambda request: server.problem(404, "not-found")
    with pytest.raises(NotOurServer):
        await send(server, path)


FAULTS = ["cut", "lost-answer", "500", "460", "409", "404", "forget", "truncate", "html", "lie"]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from([*FAULTS, "", "", ""]), max_size=40), st.sampled_from([Pace, quick]))
async def test_whatever_happens_on_the_way_the_bytes_are_right(
    path: Path, faults: list[str], pace: Callable[[], Pace]
) -> None:
    server = FakeServer(KEY)
    coming = iter(faults)
    now = [""]

    def hook(request: httpx.Request) -> httpx.Response | Exception | None:
        now[0] = next(coming, "")
        if now[0] == "forget":
            server.uploads.clear()
        if now[0] == "truncate":
            for upload in server.uploads.values():
                del upload.data[len(upload.data) // 2 :]
        answers: dict[str, httpx.Response | Exception] = {
            "cut": httpx.WriteError("cut"),
            "500": httpx.Response(500),
            "460": server.problem(460, "checksum-mismatch"),
            "409": server.problem(409, "wrong-offset"),
            "404": server.problem(404, "no-such-upload"),
            "html": httpx.Response(200, html="<html>"),
        }
        return answers.get(now[0])

    def after(request: httpx.Request, response: httpx.Response) -> httpx.Response:
        if now[0] == "lost-answer":
            raise httpx.ReadError("cut")
        if now[0] == "lie" and "Upload-Offset" in response.headers:
            response.headers["Upload-Offset"] = "12345"
        return response

    server.hook, server.after = hook, after
    memory = Memory()
    for _ in range(len(faults) + 3):
        try:
            if await send(server, path, memory, pace()):
                break
        except (LinkError, RequestError):
            continue
    else:
        raise AssertionError("never delivered")
    assert whole(server)
