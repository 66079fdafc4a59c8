"""The agent: takes what the ledger has waiting, one asset at a time, and brings back a receipt for each.

    look ─► deliver (handover): waiting ─► sending ─► verifying ─► receipted
      ▲        │ LinkError: the server is lost; wait, longer each time, then look again
      └────────┘ RequestError, LocalFileError: this asset waits or is refused; the others go on

It may be killed at any instant. Nothing ends it but its owner: a ledger that is locked or damaged, an identity that is
missing, a server that is gone are waited out, said once when they begin and once when they end.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import Callable

import structlog

from appliance.spool import keeping
from appliance.spool.layout import Spool
from appliance.spool.ledger import TIER_ORDER, AssetRow, IllegalMove, Ledger, LedgerUnreadable
from lms_sync import bandwidth, identity, wire
from lms_sync.client import Client, LinkError, RequestError
from lms_sync.door import LedgerDoor
from lms_sync.governor import Governor
from lms_sync.growing import Growing, Growth
from lms_sync.handover import Handover
from lms_sync.health import Link, Troubles
from lms_sync.localfile import LocalFileError
from lms_sync.pace import Backoff
from lms_sync.pacer import HeldPace
from lms_sync.stages import Event, Passage
from lms_sync.transfer import Transfer

OWNER = "lms-sync"
"""One agent works on a spool at a time (door.only_one), so a killed one's leases are its successor's."""
LOOK = 1.0
"""Seconds between two looks at the ledger."""
LOOK_ANYWAY = 10.0
"""Seconds after which it is read even if it seems unchanged: two writes in one tick of the clock look like one."""
GREET = 300.0
"""Seconds of silence after which an idle agent asks whether the server is there, so that the panel can say so."""
LONGEST_WAIT = 48 * 3600.0
"""A turn further ahead than this was set under a wrong clock, and has come."""
NOTE_EVERY = 5.0
"""Seconds between two writings of the last contact."""
ONCE_FAILURES, ONCE_TRIES, ONCE_WAIT = 4, 6, 30.0
"""`once` gives up after so many failures of the link in a row, or of an asset, and waits for nothing longer."""

Moved = Callable[[AssetRow, int], None]
Key = tuple[str, str]

log = structlog.get_logger("lms_sync.agent")


def due(row: AssetRow, now: float) -> bool:
    """Whether its turn has come. now: time.time()."""
    return row.retry_at <= now or row.retry_at > now + LONGEST_WAIT


def rank(row: AssetRow) -> tuple[bool, int, str, str]:
    """What somebody asked for first, then what is worth most, then what is oldest."""
    tier = TIER_ORDER.index(row.tier) if row.tier in TIER_ORDER else len(TIER_ORDER)
    return not row.wish, tier, row.lesson, row.path


class Agent:
    """moved: told of every asset's progress, for a progress bar. connect, backoff, governor: for tests."""

    def __init__(
        self,
        spool: Spool,
        *,
        moved: Moved | None = None,
        connect: Callable[[identity.Identity], Client] = identity.Identity.client,
        backoff: Backoff | None = None,
        governor: Governor | None = None,
    ) -> None:
        self._spool = spool
        self._connect = connect
        self._moved = moved
        self.troubles = Troubles()
        self._door = LedgerDoor(spool)
        self._backoff = backoff or Backoff()
        self.link = Link(self.troubles, self._backoff)
        self._governor = governor or Governor(spool)
        self._pace = HeldPace(self._governor.pacer)
        self._handover = Handover(spool, self.link, self._backoff, self._pace)
        self._growing = Growing(spool)
        self._who: identity.Identity | None = None
        self._who_stamp: tuple[int, ...] = ()
        self._client: Client | None = None
        self._rows: list[AssetRow] = []
        self._rows_stamp: tuple[int, ...] = ()
        self._known: set[Key] = set()
        self._held: dict[Key, float] = {}
        self._tried: dict[Key, int] | None = None
        self._greet_at = 0.0
        self._noted: dict[str, str] = {}

    @property
    def detail(self) -> str:
        """One sentence: what stands in the way, or did last."""
        waits = next((why for row in self._rows if row.state != "receipted" and (why := self._barred(row))), "")
        return (
            self.troubles.detail
            or (self.link.last.detail if self.link.last else self._handover.trouble)
            or bandwidth.SENTENCES.get(waits, "")
        )

    async def run(self) -> None:
        """Work until cancelled."""
        try:
            while True:
                wait = await self._turn()
                await asyncio.sleep(wait)
        finally:
            await self._close()

    async def once(self) -> list[AssetRow]:
        """Send all that can be sent now, each asset tried at least once whatever its turn; returns what is left.

        Raises LedgerUnreadable.
        """
        self._tried = {}
        try:
            while True:
                wait = await self._turn()
                if self.troubles.code == "ledger-unreadable":
                    raise LedgerUnreadable(self.troubles.detail)
                left = [row for row in self._rows if row.state != "receipted"]
                coming = any(self._worth_waiting(row) for row in left)
                if wait and (not coming or self.link.failures >= ONCE_FAILURES or self.link.wait > ONCE_WAIT):
                    return left
                await asyncio.sleep(wait)
        finally:
            await self._close()

    def _worth_waiting(self, row: AssetRow) -> bool:
        failed = row.attempts - (self._tried or {}).get(_key(row), row.attempts)
        return (
            row.state != "refused"
            and failed < ONCE_TRIES
            and not self._barred(row)
            and due(row, time.time() + ONCE_WAIT)
        )

    def _barred(self, row: AssetRow) -> str:
        """Why it may not go now; "" when it may. A receipt is too small to wait for a budget."""
        why = self._governor.barred(row.tier)
        return why if row.state != "verifying" or why == bandwidth.HOURS else ""

    # -- one look
    # -----------------------------------------------------------------------------------------------------

    async def _turn(self) -> float:
        """Do what is to be done next; returns the seconds until the next look, 0 when there may be more to do."""
        try:
            ledger = self._door.open()
            self._look(ledger)
            self._governor.look(ledger)
            self.troubles.end("ledger")
            wait = await self._work(ledger)
            self._note(ledger)
        except FileNotFoundError:
            return LOOK  # the daemon has not made the ledger yet; it is not ours to make
        except (LedgerUnreadable, sqlite3.Error) as error:
            self.troubles.begin("ledger", "ledger-unreadable", f"The ledger cannot be used: {error}.")
            self._door.close()
            self._rows_stamp = ()
            return LOOK
        except (IllegalMove, KeyError) as error:
            log.warning("ledger.changed", detail=str(error))  # by the daemon, under our hands: look again
            return LOOK
        return wait

    def _look(self, ledger: Ledger) -> None:
        """Read the ledger when it has changed: all assets, in the order of sending."""
        stamp = (*self._door.stamp(), int(time.monotonic() / LOOK_ANYWAY))
        if stamp == self._rows_stamp:
            return
        rows = ledger.assets()
        refused = [row for row in rows if row.state == "refused" and self._wanted(row) and row.retry_at]
        for row in refused:
            self._passage(ledger, row).step(Event.AGAIN)
        if refused:
            rows = ledger.assets()
        rows = [row for row in rows if row.state == "receipted" or not keeping.holds(self._spool, row)]
        self._rows, self._rows_stamp = sorted(rows, key=rank), stamp
        waiting = {_key(row) for row in self._rows if row.state not in {"receipted", "refused"}}
        if waiting - self._known:
            self.link.hurry()
            self._governor.refresh()
        self._known = waiting

    async def _work(self, ledger: Ledger) -> float:
        try:
            who, client = await self._identify()
        except identity.IdentityError as error:
            code = "not-enrolled" if isinstance(error, identity.NotEnrolled) else "bad-identity"
            self.troubles.begin("identity", code, str(error))
            return LOOK
        self.troubles.end("identity")
        if self.link.wait:
            return min(LOOK, self.link.wait)
        row = next((row for row in self._rows if self._ready(row)), None)
        if row is not None:
            await self._deliver(ledger, who, client, row)
            return 0.0
        growth = self._growing.next() if self._tried is None and self._may_grow() else None
        if growth is not None:
            await self._grow(ledger, client, growth)
            return 0.0
        timeless = not self._governor.knows_the_time
        if time.monotonic() >= self._greet_at and (self._tried is None or timeless):
            await self._greet(client)
            if timeless and self._governor.knows_the_time:
                return 0.0  # what had to wait may be due on the day that it is
        return LOOK

    def _wanted(self, row: AssetRow) -> bool:
        untried = self._tried is not None and _key(row) not in self._tried
        return untried or due(row, time.time())

    def _ready(self, row: AssetRow) -> bool:
        free = self._held.get(_key(row), 0.0) <= time.monotonic()
        open_ = row.state not in {"receipted", "refused"} and free and self._wanted(row)
        return open_ and not self._barred(row) and not keeping.holds(self._spool, row)

    def _urgent(self, ledger: Ledger, row: AssetRow) -> bool:
        """Whether something worth more than this asset has come meanwhile, or it shall stay here after all."""
        worth_more = (other for other in ledger.assets() if rank(other) < rank(row))
        return keeping.holds(self._spool, row) or any(self._ready(other) for other in worth_more)

    async def _identify(self) -> tuple[identity.Identity, Client]:
        """Who we are, read again when enrolment has changed it. Raises identity.IdentityError."""
        stamp = identity.stamp(self._spool)
        if self._who is None or self._client is None or stamp != self._who_stamp:
            await self._hang_up()
            self._who = identity.read(self._spool)
            self._client, self._who_stamp = self._connect(self._who), stamp
            self._client.pacer = self._governor.pacer
            self._governor.attend(self._client.clock, self._who.server)
            self._greet_at = 0.0
            self.link.hurry()
        return self._who, self._client

    async def _greet(self, client: Client) -> None:
        """Ask whether the server is there: costs some 300 bytes."""
        self._greet_at = time.monotonic() + GREET
        try:
            await client.request("OPTIONS", wire.UPLOADS, headers={"Tus-Resumable": wire.TUS_VERSION})
        except LinkError as error:
            self._greet_at = 0.0
            self.link.failed(error)
        except RequestError:
            self.link.good()  # it answered, and it is ours
        else:
            self.link.good()

    # -- one asset
    # ----------------------------------------------------------------------------------------------------

    async def _deliver(self, ledger: Ledger, who: identity.Identity, client: Client, row: AssetRow) -> None:
        """Take an asset as far as it goes now. Raises sqlite3.Error, IllegalMove, KeyError."""
        passage = self._passage(ledger, row)
        if not passage.claim():
            self._held[_key(row)] = time.monotonic() + 10 * LOOK
            return
        if self._tried is not None:
            self._tried.setdefault(_key(row), row.attempts)
        self._greet_at = time.monotonic() + GREET
        try:
            if passage.state == "waiting":
                passage.step(Event.BEGIN)
            self._governor.account(ledger, ahead=2 * self._pace.size)
            await self._handover.go(who, client, passage)
        finally:
            passage.release()

    def _may_grow(self) -> bool:
        return self._governor.policy.while_recording and not self._governor.barred("master")

    async def _grow(self, ledger: Ledger, client: Client, growth: Growth) -> None:
        """Let a link with nothing better to carry have what is being recorded. Raises sqlite3.Error."""

        def free() -> bool:
            return self._may_grow() and not any(self._ready(row) for row in ledger.assets())

        self._greet_at = time.monotonic() + GREET
        self._governor.account(ledger, ahead=2 * self._pace.size)
        try:
            await self._growing.send(growth, Transfer(client, self._pace), free, lambda: self._went_on(ledger))
        except LinkError as error:
            self.link.failed(error)
        except (RequestError, LocalFileError) as error:
            log.warning("growing.left", lesson=growth.lesson, source=growth.source, detail=error.detail)

    def _passage(self, ledger: Ledger, row: AssetRow) -> Passage:
        def moved(row: AssetRow, sent: int, grown: bool) -> None:
            if self._moved is not None:
                self._moved(row, sent)
            self._went_on(ledger, grown=grown)

        def urgent(row: AssetRow) -> bool:
            return self._urgent(ledger, row)

        return Passage(ledger, row, OWNER, moved=moved, urgent=urgent, barred=self._barred)

    def _went_on(self, ledger: Ledger, *, grown: bool = True) -> None:
        """The server has said how much it has. grown: more than ever before."""
        if grown:
            self.link.good()
            self._governor.learn(self._pace.rate)
        self._governor.look(ledger)
        self._governor.account(ledger, ahead=2 * self._pace.size)
        self._note(ledger)

    # -- for the panel
    # ------------------------------------------------------------------------------------------------

    def _note(self, ledger: Ledger) -> None:
        """Tell the panel, through the ledger, what has changed."""
        self._governor.foretell(ledger)
        facts = {"sync.server": self._who.server if self._who else "", "sync.problem": self.troubles.code}
        contact = self._client.last_contact if self._client else None
        if contact is not None and abs(contact - float(self._noted.get("sync.last_contact", 0.0))) > NOTE_EVERY:
            facts["sync.last_contact"] = f"{contact:.3f}"
        for key, value in facts.items():
            if self._noted.get(key) != value:
                ledger.note(key, value)
                self._noted[key] = value

    async def _hang_up(self) -> None:
        if self._client is not None:
            await self._client.close()
        self._client = None

    async def _close(self) -> None:
        await self._hang_up()
        with contextlib.suppress(
            FileNotFoundError, LedgerUnreadable, sqlite3.Error
        ):  # then it stands higher than it is
            self._governor.account(self._door.open(), whole=True)
        self._door.close()


def _key(row: AssetRow) -> Key:
    return row.lesson, row.path
