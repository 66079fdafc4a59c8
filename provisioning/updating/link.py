"""What the room's link may carry of an update: by the same hours, rates, budgets and meter as lessons.

    ROOT/updates/account.json    what updates took of it, by day and month; the sync agent reads it (``lms-sync run
                                 --others``), and so both together keep the budgets

The agent's own account stands in the ledger. Only the server's clock turns an account over, as in
``lms_sync.bandwidth``. What is fetched to prove a version, some ten kilobytes, is not counted and does not wait.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from appliance.spool import policy as policies
from appliance.spool.clock import Clock
from appliance.spool.layout import Spool, write_atomically
from appliance.spool.ledger import LedgerUnreadable, read_notes
from appliance.spool.policy import Policy
from lms_sync import bandwidth
from lms_sync.bandwidth import Account, Local, account_of
from lms_sync.governor import ACCOUNT, is_near
from lms_sync.metered import Meter
from provisioning.updating.errors import NotNow

FILE = "account.json"
AS = "master"
"""The tier whose rules hold: what a metered link may carry of lessons as a whole, it may carry of updates."""
AHEAD = 1 << 20
"""Bytes written to the account before they have come, so that a kill gives nothing back."""
LOOK = 10.0
"""Seconds between two looks at what the agent has sent."""
WHY = {
    bandwidth.HOURS: "The hours that are set for this room pause fetching",
    bandwidth.DAILY: "Today's budget of the link is used up",
    bandwidth.MONTHLY: "This month's budget of the link is used up",
    bandwidth.METERED: "The link is metered, and [sync] metered_tiers does not name master",
}


class Link(Protocol):
    def ask(self) -> None:
        """Raises NotNow when nothing may come now."""
        ...

    def carried(self, count: int) -> None:
        """So many bytes have come. Returns when the next may."""
        ...

    def end(self) -> None:
        """Nothing more comes now. Raises OSError."""
        ...


class Free:
    """A stick: no link at all."""

    def ask(self) -> None:
        pass

    def carried(self, count: int) -> None:
        pass

    def end(self) -> None:
        pass


class RoomLink:
    """spool: of the room. folder: of the updates. server: its address. The others are for tests."""

    def __init__(
        self,
        spool: Spool,
        folder: Path,
        server: str,
        *,
        clock: Clock | None = None,
        local: Local = time.localtime,
        meter: Callable[[], bool] | None = None,
        steady: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._spool = spool
        self._file = folder / FILE
        self._near = is_near(server)
        self._clock = clock or Clock(spool)
        self._local = local
        self._meter = meter or Meter()
        self._steady = steady
        self._sleep = sleep
        self._own = account_of(_text(self._file))
        self._written = self._own
        self._agents = Account()
        self._looked_at = -math.inf

    def ask(self) -> None:
        rules = self._rules()
        metered = rules.metered == "yes" or (rules.metered == "auto" and not self._near and self._meter())
        why = bandwidth.barred(rules, AS, rate=self._rate(rules), account=self._balance(rules), metered=metered)
        if why:
            raise NotNow(f"{WHY[why]}; the update goes on later.")

    def carried(self, count: int) -> None:
        self._own = self._own.spent(round(count * bandwidth.ON_THE_WIRE))
        if self._own.month_bytes > self._written.month_bytes or self._own.day != self._written.day:
            self._write(self._own.spent(AHEAD))
        rate = self._rate(self._rules())
        if 0 < rate < math.inf:
            self._sleep(count / rate)

    def end(self) -> None:
        if self._written != self._own:
            self._write(self._own)

    def _rules(self) -> Policy:
        try:
            return policies.read(self._spool)
        except (policies.BadPolicy, OSError):
            return Policy()  # as the agent, which says so in its log

    def _rate(self, rules: Policy) -> float:
        return bandwidth.allowance(rules, self._clock.now() or time.time(), self._local).rate

    def _balance(self, rules: Policy) -> Account:
        """What updates and lessons took together. Raises NotNow when there is a budget, and nobody can say."""
        if not (rules.daily or rules.monthly):
            return Account()
        if self._steady() - self._looked_at >= LOOK:
            try:
                self._agents = account_of(read_notes(self._spool.ledger_file).get(ACCOUNT))
            except LedgerUnreadable as error:
                raise NotNow(
                    f"Whether the link's budget is used up cannot be read ({error}); it goes on later."
                ) from error
            self._looked_at = self._steady()
        self._own, agents = self._turned(self._own), self._turned(self._agents)
        return self._own.with_others(agents)

    def _turned(self, account: Account) -> Account:
        now = self._clock.now()
        return account.turned(self._local(now)) if self._clock.sure() and now is not None else account

    def _write(self, account: Account) -> None:
        """Raises OSError."""
        write_atomically(self._file, account.to_text().encode())
        self._written = account


def _text(file: Path) -> str | None:
    try:
        return file.read_text()
    except (OSError, UnicodeDecodeError):
        return None
