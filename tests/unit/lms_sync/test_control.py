"""An admin's order is done once or never; whatever happens to server, daemon or agent in between."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from appliance.spool import cards, keeping, policy, wanted
from appliance.spool.layout import Spool
from appliance.spool.ledger import Ledger
from lms_sync import deeds, wire, wire_cards, wire_control
from lms_sync.client import Client, SyncError
from lms_sync.control import Control
from lms_sync.deeds import Deeds
from lms_sync.identity import Identity
from lms_sync.roomdoor import RoomDoor
from lms_sync.wire_control import Command, Orders
from lms_sync.wire_policy import Policy
from tests.peers.spool import keep_lesson, lesson_id

pytestmark = pytest.mark.anyio
ID = "01JD4R6YJ3M3W9VZB0Q7RZB6C"
CALENDAR = "BEGIN:VCALENDAR\nVERSION:2.0\nEND:VCALENDAR\n"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def command(verb: str, number: int = 1, *, lesson: str = "", expires: float = 2e9) -> Command:
    facts = {"id": f"{ID}{number}", "verb": verb, "by": "amina", "made": 1.0, "expires": expires, "lesson": lesson}
    return Command.from_json(facts)


class Daemon:
    """The room's API in memory. down: it does not run. mute: it obeys, and its answer is lost."""

    def __init__(self) -> None:
        self.orders: list[str] = []
        self.last: dict[str, Any] | None = None
        self.down = self.mute = False

    def answer(self, request: httpx.Request) -> httpx.Response:
        if self.down:
            raise httpx.ConnectError("refused")
        if request.method == "POST":
            origin = json.loads(request.content)["origin"]
            self.orders.append(origin["command"])
            self.last = {"command": origin["command"]}
            if self.mute:
                raise httpx.ReadError("broken")
        source = {"id": "front", "label": "Tableau", "state": "recording", "problem": None}
        status = {"state": "recording", "lesson": {"title": "Analyse"}, "sources": [source]}
        return httpx.Response(200, json={**status, "disk": {"hours_left": 41.5}, "remote": self.last})


class Central:
    """A server that gives orders, and remembers what it was told."""

    def __init__(self) -> None:
        self.orders = Orders()
        self.heard: list[wire_control.Heartbeat] = []
        self.outcomes: dict[str, str] = {}
        self.polls = self.fetched = 0
        self.cards = ""
        self.deaf = False
        """Outcomes do not get through."""

    def answer(self, request: httpx.Request) -> httpx.Response:
        headers = {wire.TIME_HEADER: f"{time.time():.3f}"}
        path = request.url.path
        if path.endswith("/outcome"):
            if self.deaf:
                raise httpx.ConnectError("cut")
            name = path.split("/")[-2]
            self.outcomes[name] = json.loads(request.content)["code"]
            left = tuple(each for each in self.orders.commands if each.id != name)
            self.orders = Orders(left, self.orders.timetable_etag, self.orders.policy)
            return httpx.Response(204, headers=headers, stream=httpx.ByteStream(b""))
        if path == wire_control.TIMETABLE:
            kind = {"Content-Type": "text/calendar"}
            return httpx.Response(200, headers=headers | kind, stream=httpx.ByteStream(CALENDAR.encode()))
        if path == wire_cards.CARDS:
            self.fetched += 1
            return httpx.Response(200, headers=headers, stream=httpx.ByteStream(self.cards.encode()))
        if path == wire_control.HEARTBEATS:
            self.heard.append(wire_control.Heartbeat.from_json(json.loads(request.content)))
        else:
            self.polls += 1
        body = json.dumps(self.orders.as_json()).encode()
        return httpx.Response(
            200, headers={**headers, "Content-Type": "application/json"}, stream=httpx.ByteStream(body)
        )


class House:
    """A room's spool with one lesson, its daemon, its server; agents come and go."""

    def __init__(self, folder: Path) -> None:
        self.spool = Spool(folder / "spool")
        keep_lesson(self.spool.root, 1, 1000)
        (self.spool.root / "daemon.json").write_text('{"url": "http://127.0.0.1:8400"}')
        self.daemon, self.central = Daemon(), Central()
        self.who = Identity("http://server.example", "room", wire.new_key(), wire.new_key())

    def door(self) -> RoomDoor:
        return RoomDoor(self.spool, httpx.MockTransport(self.daemon.answer))

    def agent(self) -> tuple[Control, Client]:
        transport = httpx.MockTransport(self.central.answer)
        client = Client(self.who.server, self.who.room, self.who.key, transport=transport)
        return Control(self.spool, door=self.door()), client

    async def beat(self) -> None:
        """One heartbeat of an agent that has just started."""
        control, client = self.agent()
        async with client:
            try:
                await control.beat(client)
            finally:
                await control._door.close()
                control._ledger.close()

    def ledger(self) -> Ledger:
        return Ledger(self.spool.ledger_file)


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


async def test_the_server_hears_how_the_room_is(house: House) -> None:
    keeping.keep(house.spool, lesson_id(1))
    await house.beat()
    heard = house.central.heard[0]
    assert (heard.state, heard.title, heard.disk_hours) == ("recording", "Analyse", 41.5)
    assert heard.backlog["master"] == 1000
    assert heard.kept == (lesson_id(1),)
    assert abs(heard.clock_ahead) < 60


async def test_a_room_whose_daemon_is_gone_says_so(house: House) -> None:
    house.daemon.down = True
    await house.beat()
    assert house.central.heard[0].state == "silent"


async def test_an_order_is_done_and_answered(house: House) -> None:
    house.central.orders = Orders((command("start"),))
    await house.beat()
    assert house.daemon.orders == [f"{ID}1"]
    assert house.central.outcomes == {f"{ID}1": "done"}


async def test_an_order_whose_answer_was_lost_is_not_done_again(house: House) -> None:
    house.central.orders = Orders((command("start"),))
    house.central.deaf = True
    with pytest.raises(SyncError):
        await house.beat()
    house.central.deaf = False
    await house.beat()
    assert house.daemon.orders == [f"{ID}1"]
    assert house.central.outcomes == {f"{ID}1": "done"}


async def test_an_agent_killed_between_doing_and_writing_it_down_asks_the_daemon(house: House) -> None:
    house.central.orders = Orders((command("start"),))
    house.daemon.last = {"command": f"{ID}1"}
    with house.ledger() as ledger:
        ledger.note(f"{deeds.COMMAND}{ID}1", json.dumps({"verb": "start"}))
    await house.beat()
    assert house.daemon.orders == []
    assert house.central.outcomes == {f"{ID}1": "done"}


async def test_nobody_claims_to_know_what_nobody_can(house: House) -> None:
    house.central.orders = Orders((command("stop"),))
    with house.ledger() as ledger:
        ledger.note(f"{deeds.COMMAND}{ID}1", json.dumps({"verb": "stop"}))
    await house.beat()
    assert house.daemon.orders == []
    assert house.central.outcomes == {f"{ID}1": "unknown"}


async def test_an_order_that_the_daemon_obeyed_without_a_word_counts_as_done(house: House) -> None:
    house.central.orders = Orders((command("start"),))
    house.daemon.mute = True
    await house.beat()
    assert house.central.outcomes == {f"{ID}1": "done"}


async def test_an_order_waits_for_a_daemon_that_starts(house: House) -> None:
    house.central.orders = Orders((command("start"),))
    house.daemon.down = True
    await house.beat()
    assert house.central.outcomes == {}
    house.daemon.down = False
    await house.beat()
    assert house.daemon.orders == [f"{ID}1"]


async def test_an_order_that_comes_too_late_is_not_done(house: House) -> None:
    house.central.orders = Orders((command("start", expires=1000.0),))
    await house.beat()
    assert house.daemon.orders == []
    assert house.central.outcomes == {f"{ID}1": "expired"}


async def test_a_lesson_that_is_asked_for_goes_first_until_it_has_arrived(house: House) -> None:
    house.central.orders = Orders((command("send-now", lesson=lesson_id(1)),))
    await house.beat()
    with house.ledger() as ledger:
        assert all(row.wish for row in ledger.assets(lesson_id(1)))
        for row in ledger.assets():
            ledger.move(row.lesson, row.path, "receipted")
        deeds.fulfilled(ledger, house.spool)
        assert not any(row.wish for row in ledger.assets())


async def test_a_lesson_that_is_not_here_cannot_be_sent(house: House) -> None:
    house.central.orders = Orders((command("send-now", lesson=lesson_id(9)),))
    await house.beat()
    assert house.central.outcomes == {f"{ID}1": "no-such-lesson"}


async def test_the_timetable_lies_in_the_spool(house: House) -> None:
    house.central.orders = Orders(timetable_etag=wire_control.etag_of(CALENDAR))
    await house.beat()
    assert (house.spool.root / "timetable.ics").read_text() == CALENDAR
    house.central.orders = Orders()
    await house.beat()
    assert not (house.spool.root / "timetable.ics").exists()


async def test_the_teachers_cards_lie_in_the_spool_and_are_fetched_when_the_list_is_another(house: House) -> None:
    control, client = house.agent()
    house.central.cards = wire_cards.line_of("0" * 64, "Dr Sidi")
    house.central.orders = Orders(cards_etag=wire_control.etag_of(house.central.cards))

    async def beat() -> None:
        control._beat_at = 0.0
        await control.beat(client)

    async with client:
        for _ in range(2):
            await beat()
        assert cards.given(house.spool) == house.central.cards
        assert house.central.fetched == 1
        house.central.cards, house.central.orders = "<html>login first</html>", Orders(cards_etag="another")
        for _ in range(3):
            await beat()
        assert "Dr Sidi" in cards.given(house.spool)
        assert house.central.fetched == 2  # what cannot be read is not fetched over and over
        house.central.orders = Orders()
        await beat()
        assert cards.given(house.spool) == ""
    await control._door.close()
    control._ledger.close()


async def test_a_policy_keeps_the_room_from_holding_a_connection(house: House) -> None:
    control, client = house.agent()
    house.central.orders = Orders(policy=Policy(long_poll=False))
    async with client:
        await control.beat(client)
        await control.listen(client)
        assert house.central.polls == 0
        control._beat_at = 0.0
        house.central.orders = Orders()
        await control.beat(client)
        await control.listen(client)
        assert house.central.polls == 1
    await control._door.close()
    control._ledger.close()


async def test_the_institutions_rules_and_the_time_lie_in_the_spool_for_when_the_link_is_down(house: House) -> None:
    """A room that boots without a link must not forget that its link is metered, nor what time it is."""
    house.central.orders = Orders(policy=Policy(sync={"daily_mb": 50}))
    await house.beat()
    assert policy.read(house.spool).daily == 50_000_000
    assert abs(json.loads((house.spool.root / "clock.json").read_text())["server"] - time.time()) < 60
    house.central.orders = Orders()
    await house.beat()
    assert policy.read(house.spool).daily == 0


async def test_the_version_that_the_server_wants_lies_in_the_spool_for_the_updater(house: House) -> None:
    house.central.orders = Orders(version="1.4.0")
    await house.beat()
    assert wanted.read(house.spool) == "1.4.0"
    house.central.orders = Orders(version="../../etc")
    await house.beat()
    assert wanted.read(house.spool) == "1.4.0"
    house.central.orders = Orders()
    await house.beat()
    assert wanted.read(house.spool) == ""


async def test_what_is_remembered_stays_small(house: House) -> None:
    with house.ledger() as ledger:
        for number in range(deeds.REMEMBERED + 20):
            name = f"01JD4R6YJ3M3W9VZB0Q7RZ{number:04d}"
            ledger.note(deeds.COMMAND + name, json.dumps({"verb": "stop", "outcome": "done"}))
            deeds.answered(ledger, name)
        assert len(deeds.remembered(ledger)) <= deeds.REMEMBERED + 1


async def test_only_a_daemon_on_this_machine_is_given_orders(house: House) -> None:
    (house.spool.root / "daemon.json").write_text('{"url": "http://elsewhere.example"}')
    door = house.door()
    with house.ledger() as ledger:
        await Deeds(house.spool, door).do(ledger, command("start"), 1.0)
        assert deeds.remembered(ledger) == {}
    await door.close()
    assert house.daemon.orders == []
