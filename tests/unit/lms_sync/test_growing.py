"""Recordings that are sent while they grow. If these fail, the server gets what a power cut takes back, or a line that
somebody needs."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from appliance.spool import keeping
from appliance.spool.layout import Spool
from lms_sync import wire
from lms_sync.client import Client, Refused, Unreachable
from lms_sync.growing import LEAST, LOOK, REST, Growing, GrowingFile, Growth
from lms_sync.localfile import FileMissing, FileUnreadable
from lms_sync.pace import Pace
from lms_sync.transfer import Transfer
from media.lesson import State
from tests.peers.spool import describe, lesson_id, record
from tests.unit.lms_sync.fake_server import FakeServer

LESSON = lesson_id(7)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    describe(tmp_path, 7, "recording")
    return Spool(tmp_path)


@pytest.fixture
def growing(spool: Spool, clock: Clock) -> Growing:
    return Growing(spool, steady=clock)


def test_the_newest_fragment_is_not_sent_for_it_may_not_be_durable(spool: Spool, growing: Growing) -> None:
    file = record(spool.root, 7, "front", LEAST, 50_000)
    assert growing.next() == Growth(LESSON, "front", file, 1000 + LEAST)


def test_sound_goes_before_pictures(spool: Spool, growing: Growing) -> None:
    record(spool.root, 7, "front", 9 * LEAST, 1)
    record(spool.root, 7, "lectern", LEAST, 1)
    found = growing.next()
    assert found is not None
    assert found.source == "lectern"
    assert (found.asset.path, found.asset.sha256) == ("lectern/take-001.mp4", "")


def test_little_is_not_worth_a_request_and_not_worth_a_look(spool: Spool, growing: Growing, clock: Clock) -> None:
    record(spool.root, 7, "front", LEAST // 2, 1)
    assert growing.next() is None
    record(spool.root, 7, "front", LEAST, 1)
    assert growing.next() is None
    clock.now += LOOK
    assert growing.next() is not None


@pytest.mark.parametrize("state", ["stopping", "kept"])
def test_a_lesson_that_has_ended_is_left_to_the_ledger(spool: Spool, growing: Growing, state: State) -> None:
    record(spool.root, 7, "front", LEAST, 1)
    describe(spool.root, 7, state)
    assert growing.next() is None


def test_a_lesson_that_shall_stay_here_stays(spool: Spool, growing: Growing) -> None:
    record(spool.root, 7, "front", LEAST, 1)
    keeping.keep(spool, LESSON)
    assert growing.next() is None


@pytest.mark.parametrize("text", ["", "{", "nonsense\n"])
def test_a_lesson_or_a_journal_that_cannot_be_read_is_no_end(spool: Spool, growing: Growing, text: str) -> None:
    file = record(spool.root, 7, "front", LEAST, 1)
    file.with_suffix(".journal").write_text(text)
    assert growing.next() is None
    spool.lesson_file(LESSON).write_text(text)
    assert growing.next() is None


@pytest.mark.anyio
async def test_a_file_that_is_shorter_than_its_journal_or_gone_is_told(spool: Spool) -> None:
    file = record(spool.root, 7, "front", 5000, 1)
    room = memoryview(bytearray(b"x" * 6000))
    await GrowingFile(file).fill(room[:5000], 1000)
    assert room == bytes(5000) + b"x" * 1000
    with pytest.raises(FileMissing):
        await GrowingFile(file).fill(room, 1000)
    with pytest.raises(FileUnreadable):
        await GrowingFile(file.with_name("take-002.mp4")).fill(room[:1], 0)


@pytest.mark.anyio
async def test_it_goes_on_where_the_server_stands_and_rests_only_when_it_is_refused(
    spool: Spool, growing: Growing, clock: Clock
) -> None:
    key = wire.new_key()
    server = FakeServer(key)
    told: list[int] = []

    def moved() -> None:
        told.append(server.received)

    async with Client("http://server.example", "room", key, transport=server.transport) as client:
        transfer = Transfer(client, Pace())

        async def send() -> None:
            found = growing.next()
            assert found is not None
            await growing.send(found, transfer, lambda: True, moved)

        record(spool.root, 7, "front", LEAST, 1)
        await send()
        assert server.received == 1000 + LEAST == told[-1]
        clock.now += LOOK
        assert growing.next() is None
        record(spool.root, 7, "front", LEAST, LEAST, 1)

        server.hook = lambda _: httpx.ConnectError("the line is cut")
        clock.now += LOOK
        with pytest.raises(Unreachable):
            await send()
        server.hook = lambda _: None
        await send()
        assert server.received == 1000 + 2 * LEAST

        record(spool.root, 7, "front", LEAST, LEAST, LEAST, 1)
        server.hook = lambda _: server.problem(400, "bad-header")
        clock.now += LOOK
        with pytest.raises(Refused):
            await send()
        server.hook = lambda _: None
        clock.now += REST - 1
        assert growing.next() is None
        clock.now += LOOK + 1
        await send()
        assert server.received == 1000 + 3 * LEAST
    assert len(server.uploads) == 1


@pytest.mark.anyio
async def test_what_is_more_urgent_stops_it(spool: Spool, growing: Growing) -> None:
    key = wire.new_key()
    server = FakeServer(key)
    record(spool.root, 7, "front", 5 * LEAST, 1)
    async with Client("http://server.example", "room", key, transport=server.transport) as client:
        found = growing.next()
        assert found is not None
        await growing.send(found, Transfer(client, Pace()), lambda: server.received == 0, lambda: None)
    assert 0 < server.received < 5 * LEAST
