"""The control channel: the room says how it is, hears what it shall do, and answers. Always opened by the room.

    beat ──► POST heartbeat ──► orders ──► deeds ──► POST outcome
    listen ► GET commands?wait ──► orders ┘            (long poll, where the policy allows it)

It runs beside the transfer on connections of its own, so bulk never delays it, and it is nobody's burden: a server that
is gone is waited out, said once when lost and once when back, and nothing is kept for it but the outcomes it is owed.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections.abc import Callable
from typing import Any

import structlog

from appliance.spool import cards, keeping, wanted
from appliance.spool import policy as policies
from appliance.spool.clock import Clock
from appliance.spool.layout import Spool, write_atomically
from appliance.spool.ledger import Ledger, LedgerUnreadable
from lms_sync import deeds, facts, identity, wire_cards, wire_control
from lms_sync.client import Client, LinkError, RequestError, ServerClock
from lms_sync.deeds import Deeds
from lms_sync.door import LedgerDoor
from lms_sync.health import Link, Troubles
from lms_sync.pace import Backoff
from lms_sync.roomdoor import DaemonError, RoomDoor
from lms_sync.wire_control import Heartbeat, Orders
from lms_sync.wire_policy import Policy

BEAT = 60.0
"""Seconds between two heartbeats while nothing changes."""
LOOK = 5.0
"""Seconds between two looks at whether something important did."""
WAIT = 50.0
"""Seconds of one long poll."""
PATIENCE = 70.0
LARGEST_ANSWER = max(wire_control.LARGEST_TIMETABLE, cards.LARGEST) + 4096

log = structlog.get_logger("lms_sync.control")


def connect(who: identity.Identity) -> Client:
    return Client(who.server, who.room, who.key, patience=PATIENCE, largest=LARGEST_ANSWER)


class Control:
    """connect, door, backoff, look: for tests."""

    def __init__(
        self,
        spool: Spool,
        *,
        connect: Callable[[identity.Identity], Client] = connect,
        door: RoomDoor | None = None,
        backoff: Backoff | None = None,
        look: float = LOOK,
    ) -> None:
        self._spool = spool
        self._connect = connect
        self._ledger = LedgerDoor(spool)
        self._door = door or RoomDoor(spool)
        self._deeds = Deeds(spool, self._door)
        self._link = Link(Troubles("control"), backoff or Backoff())
        self._look = look
        self._client: Client | None = None
        self._who_stamp: tuple[int, ...] = ()
        self._policy = Policy()
        self._clock = Clock(spool)
        self._obeying = asyncio.Lock()
        self._said: tuple[object, ...] = ()
        self._beat_at = 0.0
        self._asked_cards: str | None = None

    async def run(self) -> None:
        """Until cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._again(self.beat))
                tasks.create_task(self._again(self.listen))
        finally:
            await self._hang_up()
            await self._door.close()
            self._ledger.close()

    async def _again(self, work: Callable[[Client], Any]) -> None:
        """Whatever stands in the way is waited out: it is the transfer's to speak of the ledger and the identity."""
        while True:
            pause = self._look
            try:
                client = await self._identify()
                if client is not None and not self._link.wait:
                    await work(client)
            except LinkError as error:
                self._link.failed(error)
            except RequestError as error:  # a server that knows no control channel yet, or wants none of this
                log.debug("control.refused", code=error.code, detail=error.detail)
                pause = max(pause, BEAT)
            except (LedgerUnreadable, sqlite3.Error, OSError) as error:
                log.debug("control.put-off", detail=str(error))
            await asyncio.sleep(pause)

    async def _identify(self) -> Client | None:
        """A client of the server this room belongs to now; None while it belongs to none."""
        stamp = identity.stamp(self._spool)
        if self._client is None or stamp != self._who_stamp:
            try:
                who = identity.read(self._spool)
            except identity.IdentityError:
                return None
            await self._hang_up()
            self._client, self._who_stamp = self._connect(who), stamp
            self._beat_at = 0.0
        return self._client

    async def _hang_up(self) -> None:
        if self._client is not None:
            await self._client.close()
        self._client = None

    # -- saying how it is
    # ------------------------------------------------------------------------------------------------

    async def beat(self, client: Client) -> None:
        """Say how the room is, if it is time or something important changed. Raises SyncError, sqlite3.Error."""
        ledger = self._ledger.open()
        now = await self._gather(client, ledger)
        gist = _gist(now)
        if gist == self._said and time.monotonic() < self._beat_at:
            return
        answer = await client.request(
            "POST",
            wire_control.HEARTBEATS,
            headers={"Content-Type": "application/json"},
            body=json.dumps(now.as_json()).encode(),
        )
        self._said, self._beat_at = gist, time.monotonic() + BEAT
        self._link.good()
        await self._obey(client, ledger, _orders(answer.json()))
        deeds.fulfilled(ledger, self._spool)

    async def _gather(self, client: Client, ledger: Ledger) -> Heartbeat:
        try:
            status = await self._door.status()
        except DaemonError:
            status = None
        rows = await asyncio.to_thread(ledger.assets)
        kept = [lesson for lesson in self._spool.lesson_ids() if keeping.is_kept(self._spool, lesson)]
        now = client.clock.now()
        ahead = time.time() - now
        return facts.heartbeat(status, rows, ledger.notes(), kept=kept, now=now, clock_ahead=ahead)

    # -- hearing what to do
    # ----------------------------------------------------------------------------------------------

    async def listen(self, client: Client) -> None:
        """Wait at the server for a command. Raises SyncError, sqlite3.Error."""
        if not self._policy.long_poll or not self._beat_at:  # it is the heartbeat that learns the policy
            return
        answer = await client.request("GET", f"{wire_control.COMMANDS}?wait={WAIT:.0f}")
        self._link.good()
        await self._obey(client, self._ledger.open(), _orders(answer.json()))

    async def _obey(self, client: Client, ledger: Ledger, orders: Orders) -> None:
        self._policy = orders.policy
        await asyncio.to_thread(self._keep, orders, client.clock)
        async with self._obeying:
            for command in orders.commands:
                await self._deeds.do(ledger, command, client.clock.now())
            for command_id, memory in deeds.remembered(ledger).items():
                if memory.outcome and not memory.answered:
                    await self._answer(client, ledger, command_id, memory)
        await self._fetch_timetable(client, orders.timetable_etag)
        await self._fetch_cards(client, orders.cards_etag)

    def _keep(self, orders: Orders, clock: ServerClock) -> None:
        """What must be known without a network too: the institution's rules, which version it wants here, and what time
        it is. Raises OSError."""
        try:
            policies.give(self._spool, orders.policy.sync)
        except policies.BadPolicy as error:
            log.warning("policy.refused", detail=str(error))
        try:
            wanted.write(self._spool, orders.version)
        except ValueError as error:
            log.warning("version.refused", detail=str(error))
        if clock.known:
            self._clock.learn(clock.now())

    async def _answer(self, client: Client, ledger: Ledger, command_id: str, memory: deeds.Memory) -> None:
        outcome = wire_control.Outcome(memory.outcome, memory.detail)
        try:
            await client.request(
                "POST",
                f"{wire_control.COMMANDS}/{command_id}/outcome",
                headers={"Content-Type": "application/json"},
                body=json.dumps(outcome.as_json()).encode(),
            )
        except RequestError as error:  # it will not know of it another time either
            log.warning("command.unanswerable", command=command_id, code=error.code, detail=error.detail)
        deeds.answered(ledger, command_id)

    async def _fetch_timetable(self, client: Client, etag: str) -> None:
        """Keep the server's timetable in the spool: it is there without a network. Raises SyncError, OSError."""
        file = self._spool.root / "timetable.ics"
        here = file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""
        if wire_control.etag_of(here) == etag:
            return
        if not etag:
            file.unlink(missing_ok=True)
            return
        answer = await client.request("GET", wire_control.TIMETABLE)
        try:
            wire_control.check_calendar(answer.body.decode())
        except ValueError as error:
            log.warning("timetable.refused", detail=str(error))
            return
        write_atomically(file, answer.body)

    async def _fetch_cards(self, client: Client, etag: str) -> None:
        """Keep the institution's list of teachers' cards in the spool. Raises SyncError, OSError."""
        here = wire_control.etag_of(await asyncio.to_thread(cards.given, self._spool))
        if etag in {here, self._asked_cards}:
            return
        answer = await client.request("GET", wire_cards.CARDS) if etag else None
        try:
            await asyncio.to_thread(cards.give, self._spool, answer.body.decode() if answer is not None else "")
        except ValueError as error:
            log.warning("cards.refused", detail=str(error))
        self._asked_cards = etag  # whatever came: it is fetched again when it is said to be another


def _gist(now: Heartbeat) -> tuple[object, ...]:
    """What is worth a heartbeat of its own when it changes."""
    sources = tuple((each.id, each.state, each.problem) for each in now.sources)
    return now.state, now.title, sources, now.problem, now.kept, now.next_title, now.next_begin, now.finding


def _orders(found: dict[str, Any]) -> Orders:
    """Raises RequestError: a newer server may ask for more than this room understands."""
    try:
        return Orders.from_json(found)
    except ValueError as error:
        raise RequestError(f"The server's orders cannot be understood: {error}", "bad-orders") from error
