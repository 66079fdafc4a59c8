"""The agent never takes a word for a receipt, and one bad asset or hour never holds up the rest."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from appliance.spool import keeping
from appliance.spool import policy as policies
from appliance.spool.layout import Spool
from appliance.spool.ledger import WISH, AssetRow, Ledger
from appliance.spool.receipts import Notary
from lms_sync import identity, wire
from lms_sync.agent import LONGEST_WAIT, Agent, due, rank
from lms_sync.client import Client, ServerClock
from lms_sync.governor import Governor
from lms_sync.growing import LEAST
from lms_sync.pace import Backoff
from tests.peers.spool import describe, keep_lesson, lesson_id, record
from tests.unit.lms_sync.fake_server import FakeServer

pytestmark = pytest.mark.anyio
KEY = wire.new_key()


@pytest.fixture
def server() -> FakeServer:
    return FakeServer(KEY)


@pytest.fixture
def spool(tmp_path: Path, server: FakeServer) -> Spool:
    """Enrolled, with two lessons."""
    place = Spool(tmp_path / "spool")
    keep_lesson(place.root, 1, 300_000, 200_000)
    keep_lesson(place.root, 2, 100_000)
    identity.key_file(place).write_text(wire.dump_key(KEY, private=True))
    facts = {"server": "http://server.example", "room_id": "room", "server_key": server.key.as_dict(private=False)}
    identity.server_file(place).write_text(json.dumps(facts))
    return place


class Hasty(Backoff):
    """The same, a hundred times faster."""

    def wait(self, failures: int) -> float:
        return super().wait(failures) / 100


def agent_of(spool: Spool, server: FakeServer) -> Agent:
    def connect(who: identity.Identity) -> Client:
        clock = ServerClock(lambda: server.now)
        return Client(who.server, who.room, who.key, transport=server.transport, clock=clock)

    governor = Governor(spool, meter=lambda: False)
    return Agent(spool, connect=connect, backoff=Hasty(random.Random(1)), governor=governor)


def rows_of(spool: Spool) -> dict[str, AssetRow]:
    with Ledger(spool.ledger_file) as ledger:
        return {f"{row.lesson[-1]}/{row.path}": row for row in ledger.assets()}


def notes_of(spool: Spool) -> dict[str, str]:
    with Ledger(spool.ledger_file) as ledger:
        return ledger.notes()


async def test_everything_is_sent_and_every_receipt_is_kept(spool: Spool, server: FakeServer) -> None:
    assert await agent_of(spool, server).once() == []
    for row in rows_of(spool).values():
        assert row.state == "receipted"
        receipt = spool.receipt_file(row.lesson, row.path, row.sha256).read_text()
        assert wire._verify(receipt, server.key, wire.RECEIPT_TYPE)["sha256"] == row.sha256
    assert server.received == sum(row.bytes for row in rows_of(spool).values())
    assert notes_of(spool)["sync.server"] == "http://server.example"
    assert notes_of(spool)["sync.problem"] == ""
    assert abs(float(notes_of(spool)["sync.last_contact"]) - time.time()) < 60


async def test_takes_that_are_alike_to_the_byte_each_keep_a_receipt_of_their_own(
    spool: Spool, server: FakeServer
) -> None:
    keep_lesson(spool.root, 3, 4000, 4000, alike=True)
    assert await agent_of(spool, server).once() == []
    notary = Notary.of(spool)
    twins = [row for name, row in rows_of(spool).items() if name.startswith("3/front/")]
    assert len({row.sha256 for row in twins}) == 1
    assert [notary.signed_at(spool, row) for row in twins] == [server.now] * 2


async def test_cards_of_all_lessons_come_first_then_the_oldest_lesson(spool: Spool, server: FakeServer) -> None:
    order: list[str] = []
    agent = agent_of(spool, server)
    agent._moved = lambda row, sent: order.append(f"{row.lesson[-1]}/{row.path}")
    await agent.once()
    assert list(dict.fromkeys(order)) == [
        "1/lesson.json",
        "2/lesson.json",
        "1/front/take-001.mp4",
        "1/front/take-002.mp4",
        "2/front/take-001.mp4",
    ]


async def test_a_forged_receipt_is_none(spool: Spool, server: FakeServer) -> None:
    honest, server.key = server.key, wire.new_key()
    left = await agent_of(spool, server).once()
    assert len(left) == 5
    assert not any(row.state == "receipted" for row in rows_of(spool).values())
    assert rows_of(spool)["1/lesson.json"].problem == "bad-receipt"
    assert not list(spool.root.rglob("*.jws"))
    server.key = honest
    assert await agent_of(spool, server).once() == []


async def test_a_server_still_hashing_is_asked_again(spool: Spool, server: FakeServer) -> None:
    server.verifying = 3
    assert await agent_of(spool, server).once() == []


async def test_a_server_that_lost_all_between_the_last_byte_and_the_receipt_gets_it_again(
    spool: Spool, server: FakeServer
) -> None:
    lost: list[int] = []

    def hook(request: httpx.Request) -> None:
        if request.url.path.endswith("/receipt") and not lost:
            lost.append(1)
            server.uploads.clear()

    server.hook = hook
    assert await agent_of(spool, server).once() == []


async def test_one_file_that_rotted_does_not_hold_up_the_others(spool: Spool, server: FakeServer) -> None:
    rotten = spool.lesson_dir(lesson_id(1)) / "front/take-001.mp4"
    data = bytearray(rotten.read_bytes())
    data[1000] ^= 1
    rotten.write_bytes(data)
    left = await agent_of(spool, server).once()
    assert [row.path for row in left] == ["front/take-001.mp4"]
    row = rows_of(spool)["1/front/take-001.mp4"]
    assert (row.state, row.problem) == ("refused", "local-file-rotten")


async def test_one_asset_the_server_stumbles_over_does_not_hold_up_the_others(spool: Spool, server: FakeServer) -> None:
    poison = rows_of(spool)["1/front/take-001.mp4"].sha256[:12]

    def hook(request: httpx.Request) -> httpx.Response | None:
        return httpx.Response(500) if request.method == "PATCH" and poison in request.url.path else None

    server.hook = hook
    left = await agent_of(spool, server).once()
    assert [row.path for row in left if row.state != "receipted"] == ["front/take-001.mp4"]
    assert left[0].problem == "server-busy"


async def test_what_is_refused_for_good_is_said_and_tried_again_when_asked(spool: Spool, server: FakeServer) -> None:
    def hook(request: httpx.Request) -> httpx.Response | None:
        return server.problem(422, "no-thanks") if request.method == "POST" else None

    server.hook = hook
    agent = agent_of(spool, server)
    left = await agent.once()
    assert {(row.state, row.problem) for row in left} == {("refused", "no-thanks")}
    assert agent.detail == "It is no-thanks."
    server.hook = lambda request: None
    assert await agent_of(spool, server).once() == []


async def test_a_lesson_that_was_deleted_on_the_server_is_not_offered_again(spool: Spool, server: FakeServer) -> None:
    def hook(request: httpx.Request) -> httpx.Response | None:
        return server.problem(400, "lesson-deleted") if request.method == "POST" else None

    server.hook = hook
    left = await agent_of(spool, server).once()
    assert {(row.state, row.problem) for row in left} == {("refused", "lesson-deleted")}
    asked = len(server.requests)
    assert len(await agent_of(spool, server).once()) == len(left)
    assert [method for method, _, _ in server.requests[asked:] if method == "POST"] == []
    assert all((spool.lesson_dir(row.lesson) / row.path).is_file() for row in left)


async def test_a_server_that_is_away_is_not_hammered(spool: Spool, server: FakeServer) -> None:
    server.hook = lambda request: httpx.ConnectError("away")
    agent = agent_of(spool, server)
    left = await agent.once()
    assert len(left) == 5
    assert len(server.requests) < 8
    assert agent.troubles.code == "server-unreachable"
    assert notes_of(spool)["sync.problem"] == "server-unreachable"


async def run_until(agent: Agent, condition: Callable[[], bool], seconds: float = 20.0) -> None:
    task = asyncio.ensure_future(agent.run())
    try:
        async with asyncio.timeout(seconds):
            while not condition():
                await asyncio.sleep(0.02)
                assert not task.done(), task.exception()
    finally:
        task.cancel()
        await asyncio.wait({task})


def all_receipted(spool: Spool) -> bool:
    return all(row.state == "receipted" for row in rows_of(spool).values())


async def test_a_lesson_kept_while_the_agent_runs_is_sent_soon(spool: Spool, server: FakeServer) -> None:
    agent = agent_of(spool, server)
    await run_until(agent, lambda: all_receipted(spool))
    keep_lesson(spool.root, 3, 50_000)
    assert not all_receipted(spool)
    began = time.monotonic()
    await run_until(agent_of(spool, server), lambda: all_receipted(spool))
    assert time.monotonic() - began < 10


async def test_an_agent_started_before_enrolment_begins_when_it_is_there(spool: Spool, server: FakeServer) -> None:
    facts = identity.server_file(spool).read_bytes()
    identity.server_file(spool).unlink()
    agent = agent_of(spool, server)
    await run_until(agent, lambda: notes_of(spool).get("sync.problem") == "not-enrolled")
    identity.server_file(spool).write_bytes(facts)
    await run_until(agent_of(spool, server), lambda: all_receipted(spool) and not notes_of(spool)["sync.problem"])


async def test_a_damaged_ledger_is_waited_out_until_the_daemon_has_made_a_new_one(
    spool: Spool, server: FakeServer
) -> None:
    good = spool.ledger_file.read_bytes()
    spool.ledger_file.with_name("ledger.sqlite-wal").unlink(missing_ok=True)
    spool.ledger_file.write_bytes(b"not a ledger at all, however long" * 100)
    agent = agent_of(spool, server)
    await run_until(agent, lambda: agent.troubles.code == "ledger-unreadable")
    fresh = spool.ledger_file.with_name("new")
    fresh.write_bytes(good)
    fresh.replace(spool.ledger_file)
    await run_until(agent_of(spool, server), lambda: all_receipted(spool))


def test_a_turn_set_under_a_wrong_clock_has_come() -> None:
    row = AssetRow("l", "p", "take", "s", "master", 1, "0", retry_at=2e9)
    assert due(row, 1.7e9)
    assert not due(row, 2e9 - 60)
    assert due(row, 2e9)
    assert not due(row, 2e9 - LONGEST_WAIT + 1)


def test_a_tier_of_a_newer_program_waits_for_the_ones_we_know() -> None:
    strange = AssetRow("a", "p", "take", "s", "hologram", 1, "0")
    known = AssetRow("b", "p", "take", "s", "master", 1, "0")
    assert sorted([strange, known], key=rank) == [known, strange]


# -- hours and budgets
# -----------------------------------------------------------------------------------------------------


async def test_a_pause_is_kept_and_said_and_costs_nothing(spool: Spool, server: FakeServer) -> None:
    policies.write(spool, {"hours": [{"max_kbit": 0}]})
    agent = agent_of(spool, server)
    assert len(await agent.once()) == 5
    assert agent.detail == "The hours that are set for this room pause sending now."
    assert server.received == 0
    policies.write(spool, {})
    assert await agent_of(spool, server).once() == []


async def test_a_budget_lets_cards_through_and_stops_in_the_middle_of_a_file(spool: Spool, server: FakeServer) -> None:
    """Or a month's credit is gone after one lesson."""
    keep_lesson(spool.root, 3, 5_000_000)
    policies.write(spool, {"daily_mb": 1})
    left = await agent_of(spool, server).once()
    states = rows_of(spool)
    assert {row.state for row in states.values() if row.tier == "card"} == {"receipted"}
    assert any(row.state == "sending" and row.sent for row in left)
    assert 900_000 <= server.received <= 1_050_000
    received = server.received
    assert await agent_of(spool, server).once() != []  # killed and started again: no new budget
    assert server.received == received
    server.now += 86400
    assert await agent_of(spool, server).once() != []
    assert server.received > received


async def test_a_metered_link_carries_small_forms_only(spool: Spool, server: FakeServer) -> None:
    policies.write(spool, {"metered": "yes", "metered_tiers": ["card"]})
    left = await agent_of(spool, server).once()
    assert {row.tier for row in left} == {"master"}
    policies.write(spool, {"metered": "no"})
    assert await agent_of(spool, server).once() == []


async def test_what_is_being_recorded_goes_only_where_that_is_wanted(spool: Spool, server: FakeServer) -> None:
    """Or a room keeps sending through a class whose link somebody wanted to be left alone."""
    describe(spool.root, 7, "recording")
    record(spool.root, 7, "front", LEAST, 1)
    policies.write(spool, {"while_recording": False})
    assert await agent_of(spool, server).once() == []
    kept = server.received
    agent = agent_of(spool, server)
    await agent._turn()  # hears what time it is
    assert await agent._turn() > 0, "it has found something more to send"
    assert server.received == kept
    policies.write(spool, {})
    await run_until(agent_of(spool, server), lambda: server.received == kept + 1000 + LEAST)


async def test_a_lesson_that_is_asked_for_goes_before_all_others(spool: Spool, server: FakeServer) -> None:
    with Ledger(spool.ledger_file) as ledger:
        ledger.note(WISH + lesson_id(2), "1")
    order: list[str] = []
    agent = agent_of(spool, server)
    agent._moved = lambda row, sent: order.append(row.lesson)
    await agent.once()
    assert list(dict.fromkeys(order)) == [lesson_id(2), lesson_id(1)]


async def test_a_lesson_that_a_teacher_keeps_here_is_not_sent_until_that_is_undone(
    spool: Spool, server: FakeServer
) -> None:
    keeping.keep(spool, lesson_id(1))
    assert await agent_of(spool, server).once() == []
    states = {name: row.state for name, row in rows_of(spool).items()}
    assert states["1/lesson.json"] == states["2/front/take-001.mp4"] == "receipted"
    assert states["1/front/take-001.mp4"] == states["1/front/take-002.mp4"] == "waiting"
    keeping.release(spool, lesson_id(1))
    assert await agent_of(spool, server).once() == []
    assert {row.state for row in rows_of(spool).values()} == {"receipted"}
