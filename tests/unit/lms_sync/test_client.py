"""Every answer a room may meet on a school's network, and what it must make of it."""

from __future__ import annotations

import json

import httpx
import pytest

from lms_sync import wire
from lms_sync.client import (
    LARGEST_ANSWER,
    Busy,
    Client,
    Conflict,
    Garbled,
    Gone,
    NotAdmitted,
    NotOurServer,
    Refused,
    Revoked,
    ServerClock,
    SyncError,
    TooLarge,
    Unreachable,
)
from tests.unit.lms_sync.fake_server import FakeServer

pytestmark = pytest.mark.anyio
KEY = wire.new_key()
OURS = {"Content-Type": "application/problem+json"}


@pytest.fixture
def server() -> FakeServer:
    return FakeServer(KEY)


def client_of(server: FakeServer, wall: float | None = None) -> Client:
    clock = ServerClock(lambda: server.now if wall is None else wall)
    return Client("http://server.example", "room", KEY, transport=server.transport, clock=clock)


async def test_a_signed_request_is_answered(server: FakeServer) -> None:
    async with client_of(server) as client:
        answer = await client.request("OPTIONS", wire.UPLOADS)
        assert answer.status == 204
        assert client.last_contact is not None


@pytest.mark.parametrize("wrong_by", [-20 * 365 * 86400.0, -3600.0, 10 * 365 * 86400.0])
async def test_a_wrong_clock_costs_one_request_and_no_lesson(server: FakeServer, wrong_by: float) -> None:
    async with client_of(server, wall=server.now + wrong_by) as client:
        await client.request("OPTIONS", wire.UPLOADS)
        assert len(server.requests) == 2
        await client.request("OPTIONS", wire.UPLOADS)
        assert len(server.requests) == 3


async def test_a_server_without_any_clock_is_given_up_not_asked_for_ever(server: FakeServer) -> None:
    times = iter([1e9, 1.5e9, 1.1e9, 1.6e9, 1.2e9])

    def hook(request: httpx.Request) -> httpx.Response:
        server.now = next(times)
        return server.problem(401, "clock-skew")

    server.hook = hook
    async with client_of(server, wall=1.3e9) as client:
        with pytest.raises(NotAdmitted):
            await client.request("OPTIONS", wire.UPLOADS)
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("status", "headers", "error"),
    [
        (404, OURS, Gone),
        (410, OURS, Gone),
        (409, OURS, Conflict),
        (460, OURS, Garbled),
        (413, {}, TooLarge),
        (422, OURS, Refused),
        (412, OURS, Refused),
        (429, {}, Busy),
        (500, {}, Busy),
        (503, {"Content-Type": "text/html"}, Busy),
        (507, OURS, Busy),
        (200, {"Content-Type": "text/html"}, NotOurServer),
        (204, {}, NotOurServer),
        (302, {"Location": "http://login.example"}, NotOurServer),
        (511, {}, Busy),
        (404, {"Content-Type": "text/html"}, NotOurServer),
        (403, {"Content-Type": "text/html"}, NotOurServer),
        (407, {}, NotOurServer),
        (401, OURS, NotAdmitted),
        (200, {"Tus-Resumable": "1.0.0", "Content-Encoding": "gzip"}, NotOurServer),
    ],
)
async def test_each_answer_means_one_thing(
    server: FakeServer, status: int, headers: dict[str, str], error: type[SyncError]
) -> None:
    server.hook = lambda request: httpx.Response(status, headers=headers)
    async with client_of(server) as client:
        with pytest.raises(error) as caught:
            await client.request("GET", wire.UPLOADS)
    assert type(caught.value) is error
    assert caught.value.detail.endswith(".")


async def test_a_revoked_room_is_told_so_even_where_a_head_has_no_words(server: FakeServer) -> None:
    def hook(request: httpx.Request) -> httpx.Response:
        answer = server.problem(403, "room-revoked")
        return httpx.Response(403, headers=answer.headers) if request.method == "HEAD" else answer

    server.hook = hook
    async with client_of(server) as client:
        with pytest.raises(Revoked):
            await client.request("HEAD", f"{wire.UPLOADS}/x")


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("30", 30.0),
        ("0", 0.0),
        ("-5", 0.0),
        ("999999999", 3600.0),
        ("Wed, 21 Oct 2026 07:28:30 GMT", 30.0),
        ("soon", None),
        ("nan", None),
        ("", None),
    ],
)
async def test_retry_after_is_obeyed_within_reason(server: FakeServer, value: str, seconds: float | None) -> None:
    date = "Wed, 21 Oct 2026 07:28:00 GMT"
    server.hook = lambda request: httpx.Response(503, headers={"Retry-After": value, "Date": date})
    async with client_of(server) as client:
        with pytest.raises(Busy) as caught:
            await client.request("GET", wire.UPLOADS)
    assert caught.value.retry_after == seconds


async def test_an_endless_answer_is_not_read_to_its_end(server: FakeServer) -> None:
    read = 0

    class Endless(httpx.AsyncByteStream):
        async def __aiter__(self):  # type: ignore[no-untyped-def]  # httpx declares it on the base
            nonlocal read
            while True:
                read += 10_000
                yield b"x" * 10_000

    server.hook = lambda request: httpx.Response(200, headers={"Tus-Resumable": "1.0.0"}, stream=Endless())
    async with client_of(server) as client:
        with pytest.raises(NotOurServer):
            await client.request("GET", wire.UPLOADS)
    assert read <= LARGEST_ANSWER + 20_000


@pytest.mark.parametrize(
    "failure", [httpx.ConnectError("refused"), httpx.ReadTimeout(""), httpx.RemoteProtocolError("garbage")]
)
async def test_a_broken_connection_is_unreachable(server: FakeServer, failure: Exception) -> None:
    server.hook = lambda request: failure
    async with client_of(server) as client:
        with pytest.raises(Unreachable):
            await client.request("GET", wire.UPLOADS)
        assert client.last_contact is None


async def test_a_foreign_certificate_is_not_taken_for_ours(server: FakeServer) -> None:
    server.hook = lambda request: httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed certificate")
    async with client_of(server) as client:
        with pytest.raises(NotOurServer) as caught:
            await client.request("GET", wire.UPLOADS)
    assert caught.value.code == "bad-certificate"


@pytest.mark.parametrize("body", [b"[1]", b"\xff", b"", b"{", b"null"])
async def test_json_of_another_form_is_not_our_server(server: FakeServer, body: bytes) -> None:
    server.hook = lambda request: httpx.Response(200, headers={wire.TIME_HEADER: "1"}, content=body)
    async with client_of(server) as client:
        answer = await client.request("GET", wire.UPLOADS)
        with pytest.raises(NotOurServer):
            answer.json()


async def test_a_code_that_is_no_code_does_not_reach_the_ledger(server: FakeServer) -> None:
    body = json.dumps({"code": "<script>" * 9, "detail": ["?"]}).encode()
    server.hook = lambda request: httpx.Response(422, headers=OURS, content=body)
    async with client_of(server) as client:
        with pytest.raises(Refused) as caught:
            await client.request("GET", wire.UPLOADS)
    assert caught.value.code == "refused"


@pytest.mark.parametrize(
    ("location", "path"),
    [
        ("/api/v1/uploads/1", "/api/v1/uploads/1"),
        ("https://other.example:99/api/v1/uploads/1?x=2", "/api/v1/uploads/1?x=2"),
        ("1", "/api/v1/1"),
    ],
)
def test_a_location_in_any_form_stays_on_our_server(location: str, path: str) -> None:
    client = Client("http://server.example", transport=httpx.MockTransport(lambda request: httpx.Response(200)))
    assert client.path_of(location) == path


@pytest.mark.parametrize("location", ["http://[", "/" + "x" * 5000, "http://a:b:c/"])
def test_an_unusable_location_is_refused(location: str) -> None:
    client = Client("http://server.example", transport=httpx.MockTransport(lambda request: httpx.Response(200)))
    with pytest.raises(NotOurServer):
        client.path_of(location)
