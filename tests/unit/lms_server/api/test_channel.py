"""Many rooms at once are each heard as if alone, and who may not speak is refused however full the house is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from lms_server.api.clerk import Clerk, Visit
from lms_server.catalog import Catalog
from lms_server.catalog.schemas import Person
from lms_server.catalog.tables import Room
from lms_server.errors import Forbidden
from lms_server.ingest.callers import Callers
from lms_server.main import Server, build
from lms_server.settings import Settings
from lms_sync import wire, wire_control
from lms_sync.wire_control import Heartbeat
from tests.unit.lms_server.conftest import HandClock

pytestmark = pytest.mark.anyio
KEY = wire.new_key()


class World:
    def __init__(self, server: Server, clock: HandClock) -> None:
        self.server, self.clock = server, clock
        self.catalog = Catalog.over(server.database, clock)

    def room(self, name: str) -> Room:
        public = wire.dump_key(KEY, private=False)
        found = self.catalog.rooms.find(
            self.catalog.rooms.enrol(self.catalog.rooms.make_code(name), name, "ENS", public)
        )
        assert found is not None
        return found

    async def say(self, room: Room, title: str = "", **wrong: Any) -> httpx.Response:
        said = Heartbeat("1", "ready", title).as_json() | wrong
        return await self.ask(room, "POST", wire_control.HEARTBEATS, json.dumps(said).encode())

    async def ask(self, room: Room, method: str, path: str, body: bytes = b"", signed: bytes | None = None) -> Any:
        digest = hashlib.sha256(body if signed is None else signed).hexdigest()
        proof = wire.prove(KEY, room.id, method=method, path=path, body_sha256=digest, now=self.clock())
        transport = httpx.ASGITransport(self.server.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://box.test") as client:
            return await client.request(method, path, content=body, headers={"Authorization": proof})


@pytest.fixture
def world(tmp_path: Path, fresh_database: bytes, hands: HandClock) -> Iterator[World]:
    settings = Settings(data=tmp_path)
    settings.database.write_bytes(fresh_database)  # type: ignore[union-attr]  # a file without an address
    server = build(settings, hands)
    yield World(server, hands)
    server.database.close()


async def test_of_many_at_once_each_is_heard_and_told_its_own(world: World, admin: Person) -> None:
    rooms = [world.room(f"Room {number}") for number in range(30)]
    shut, ordered = rooms[3], rooms[7]
    world.catalog.rooms.revoke(admin, shut.id)
    world.catalog.desks.order(admin, ordered.id, "start", title="Optics")
    answers: dict[str, httpx.Response] = {}

    async def one(number: int, room: Room) -> None:
        more = {"state": "?"} if number == 5 else {}
        answers[room.id] = await world.say(room, f"Lesson {number}", **more)

    async with anyio.create_task_group() as tasks:
        for number, room in enumerate(rooms):
            tasks.start_soon(one, number, room)
    status = [answers[room.id].status_code for room in rooms]
    assert (status[3], status[5]) == (403, 400)
    assert status.count(200) == 28
    assert answers[shut.id].json()["code"] == "room-revoked"
    told = {room.name for room in rooms if answers[room.id].is_success and answers[room.id].json()["commands"]}
    assert told == {"Room 7"}
    titles = {view.name: view.health.title for view in world.catalog.rooms.all(admin) if view.health is not None}
    assert titles == {f"Room {number}": f"Lesson {number}" for number in range(30) if number not in (3, 5)}


async def test_a_room_hears_at_once_what_waits_for_it_and_nobody_waits_for_a_server_that_ends(
    world: World, admin: Person
) -> None:
    room = world.room("First")
    world.catalog.desks.order(admin, room.id, "stop")
    heard = await world.ask(room, "GET", f"{wire_control.COMMANDS}?wait=50")
    assert [each["verb"] for each in heard.json()["commands"]] == ["stop"]
    world.server.bell.close()
    assert (await world.ask(room, "GET", f"{wire_control.COMMANDS}?wait=50")).status_code == 200


async def test_a_room_that_is_shut_out_while_it_waits_is_told_nothing(world: World, admin: Person) -> None:
    room = world.room("Second")
    clerk = Clerk(world.catalog.desks, Callers(world.catalog.rooms, world.catalog.tokens, world.clock))
    path = wire_control.COMMANDS
    proof = wire.prove(KEY, room.id, method="GET", path=path, body_sha256=wire.EMPTY_SHA256, now=world.clock())
    visit = Visit(proof, "GET", path, wire.EMPTY_SHA256)
    assert not await clerk.has_news(visit)
    world.catalog.desks.order(admin, room.id, "start")
    world.catalog.rooms.revoke(admin, room.id)
    with pytest.raises(Forbidden):
        await clerk.orders(visit)


async def test_what_nobody_signed_is_refused_in_a_sentence(world: World) -> None:
    room = world.room("Sense")
    stranger = room.model_copy(update={"id": "01KAF00000000000000000N0NE"})
    for answer, status in (
        (await world.ask(stranger, "GET", wire_control.COMMANDS), 401),
        (await world.ask(room, "POST", wire_control.HEARTBEATS, b"{}", signed=b"[]"), 401),
        (await world.ask(room, "POST", wire_control.HEARTBEATS, b"{"), 400),
        (await world.ask(room, "POST", wire_control.HEARTBEATS, b"x" * 70_000), 413),
        (await world.ask(room, "GET", f"{wire_control.COMMANDS}?wait=600"), 400),
        (await world.ask(room, "GET", f"{wire_control.COMMANDS}?wait=nan"), 400),
    ):
        assert answer.status_code == status, answer.text
        assert answer.json()["detail"].endswith(".")
        assert wire.TIME_HEADER in answer.headers
    world.clock.now += 9000
    late = world.clock.now
    world.clock.now -= 9000
    proof = wire.prove(KEY, room.id, method="GET", path=wire_control.COMMANDS, body_sha256=wire.EMPTY_SHA256, now=late)
    transport = httpx.ASGITransport(world.server.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://box.test") as client:
        skewed = await client.get(wire_control.COMMANDS, headers={"Authorization": proof})
        bare = await client.get(wire_control.COMMANDS)
    assert (skewed.status_code, skewed.json()["code"]) == (401, "clock-skew")
    assert (bare.status_code, bare.json()["code"]) == (401, "not-signed")


async def test_who_leaves_while_waiting_for_their_turn_holds_nobody_up(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its server is told to end, say: the rooms behind it are heard all the same."""
    monkeypatch.setattr("lms_server.api.clerk.MOST", 1)  # the second of them would bring the next batch through
    rooms = [world.room(f"Room {number}") for number in range(3)]
    clerk = Clerk(world.catalog.desks, Callers(world.catalog.rooms, world.catalog.tokens, world.clock))
    heard: list[int] = []
    leaving = anyio.CancelScope()

    async def come(number: int) -> None:
        target, digest = wire_control.COMMANDS, wire.EMPTY_SHA256
        proof = wire.prove(KEY, rooms[number].id, method="GET", path=target, body_sha256=digest, now=world.clock())
        await clerk.orders(Visit(proof, "GET", target, digest))
        heard.append(number)
        leaving.cancel()  # at the very moment in which the second is woken to go on

    async def come_and_leave() -> None:
        with leaving:
            await come(1)

    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            group.start_soon(come, 0)
            group.start_soon(come_and_leave)
            group.start_soon(come, 2)
    assert heard[0] == 0
    assert 2 in heard
