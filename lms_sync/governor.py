"""Who decides what goes over the link now: brings policy, clock, budgets and pacer together for the agent."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import structlog

from appliance.spool import policy as policies
from appliance.spool.layout import Spool
from appliance.spool.ledger import TIER_ORDER, Ledger
from appliance.spool.policy import BadPolicy, Policy
from lms_sync import bandwidth, forecast
from lms_sync.bandwidth import Account, Local
from lms_sync.client import ServerClock
from lms_sync.metered import Meter
from lms_sync.pacer import Pacer

ACCOUNT, RATES, FORECAST = "sync.account", "sync.rates", "sync.forecast"
AHEAD = 256 * 1024
"""Bytes written to the account before they are sent, beside the next chunk: a kill costs that much of a budget."""
SELDOM = 30.0
"""Seconds between two writings of an account that no budget holds against anybody."""

FORETELL = 30.0
"""Seconds between two forecasts, unless something begins or ends to stand in the way."""

log = structlog.get_logger("lms_sync.governor")


class Governor:
    """pacer: of every body that goes to the server. meter: whether the link is metered. others: a file with the account
    of what other programs of this room took of the link, which counts in the budgets. The rest are for tests."""

    def __init__(
        self,
        spool: Spool,
        *,
        local: Local = time.localtime,
        wall: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
        meter: Callable[[], bool] | None = None,
        others: Path | None = None,
    ) -> None:
        self.pacer = Pacer()
        self.policy = Policy()
        self._spool = spool
        self._local = local
        self._wall = wall
        self._steady = steady
        self._clock: ServerClock | None = None
        self._meter = meter or Meter()
        self._others = others
        self._others_stamp: tuple[int, ...] = ()
        self._others_account = Account()
        self._near = False
        self.metered = False
        self._stamp: tuple[int, ...] | None = None
        self._account: Account | None = None
        self._counted = 0
        self._written = Account()
        self._written_at = 0.0
        self._rates = forecast.Rates()
        self._learned_at = steady()
        self._foretold_at = -FORETELL
        self._foretold: object = None

    @property
    def now(self) -> float:
        """Unix seconds: the server's, once it has spoken."""
        return self._clock.now() if self._clock else self._wall()

    @property
    def knows_the_time(self) -> bool:
        return self._clock is not None and self._clock.known

    def attend(self, clock: ServerClock, server: str) -> None:
        """Go by this clock from now on. server: its address; no link leads to one on this very machine."""
        self._clock = clock
        self._near = is_near(server)

    def look(self, ledger: Ledger) -> None:
        """Bring everything up to date. Raises sqlite3.Error."""
        self._read_policy()
        if self._account is None:
            notes = ledger.notes()
            self._account = self._written = bandwidth.account_of(notes.get(ACCOUNT))
            self._rates = forecast.Rates(notes.get(RATES))
        asked = self.policy.metered == "auto" and not self._near
        self.metered = self._meter() if asked else self.policy.metered == "yes"
        self.pacer.yields = self.policy.yields and not self._near
        rate = bandwidth.allowance(self.policy, self.now, self._local).rate
        if rate:
            self.pacer.limit = rate  # in a pause the chunk under way goes on as before: at most some seconds

    def barred(self, tier: str) -> str:
        """Why nothing of this tier may go now, as a code of ``bandwidth``; "" when it may."""
        rate = bandwidth.allowance(self.policy, self.now, self._local).rate
        return bandwidth.barred(self.policy, tier, rate=rate, account=self._of_all(), metered=self.metered)

    def account(self, ledger: Ledger, *, ahead: int = 0, whole: bool = False) -> None:
        """Write down what was sent; with a budget what the next chunk will be as well, so that a kill gives nothing
        back. ahead: bytes of that chunk, at most. whole: nothing more will be sent. Raises sqlite3.Error."""
        if self._account is None:
            return
        balance = self._balance()
        self.pacer.left = bandwidth.left(self.policy, self._of_all())
        if (self.policy.daily or self.policy.monthly) and not whole:
            written = self._written
            covers = written.day == balance.day and written.month_bytes >= balance.month_bytes + ahead
            if not covers or written.day_bytes < balance.day_bytes + ahead:
                self._write(ledger, balance.spent(ahead + AHEAD))
        elif whole or self._steady() - self._written_at >= SELDOM:
            self._write(ledger, balance)

    def learn(self, rate: float) -> None:
        """So many bytes a second were acknowledged of late."""
        now = self._steady()
        seconds, self._learned_at = min(now - self._learned_at, 60.0), now
        if rate > 0:
            hour = self._local(self.now).tm_hour
            self._rates.learn(hour, rate * bandwidth.ON_THE_WIRE, seconds, self.pacer.limit)

    def refresh(self) -> None:
        """There is more to send: what was foretold does not hold."""
        self._foretold = None

    def foretell(self, ledger: Ledger) -> None:
        """Write down when what waits will be there, and what it waits for. Raises sqlite3.Error."""
        barred = {tier: self.barred(tier) for tier in TIER_ORDER}
        state = (barred, self.policy, self.metered, self.knows_the_time)
        now = self._steady()
        if now - self._foretold_at < FORETELL and state == self._foretold:
            return
        self._foretold_at, self._foretold = now, state
        found = forecast.forecast(
            forecast.loads([(row.lesson, row.tier, row.bytes - row.sent) for row in ledger.pending()]),
            policy=self.policy,
            account=self._of_all(),
            rates=self._rates,
            metered=self.metered,
            now=self.now,
            local=self._local,
        )
        ledger.note(FORECAST, forecast.to_text(found, barred))
        ledger.note(RATES, self._rates.to_text())

    def _write(self, ledger: Ledger, account: Account) -> None:
        self._written_at = self._steady()
        if account != self._written:
            ledger.note(ACCOUNT, account.to_text())
            self._written = account

    def _balance(self) -> Account:
        """The account as of now. Only the server's clock turns it over."""
        if self._account is None:
            return Account()
        self._account = self._account.spent(self.pacer.carried - self._counted)
        self._counted = self.pacer.carried
        if self.knows_the_time:
            self._account = self._account.turned(self._local(self.now))
        return self._account

    def _of_all(self) -> Account:
        """The account with what others took."""
        if self._others is None:
            return self._balance()
        stamp = _stamp(self._others)
        if stamp != self._others_stamp:
            self._others_stamp = stamp
            self._others_account = bandwidth.account_of(_text(self._others))
        if self.knows_the_time:
            self._others_account = self._others_account.turned(self._local(self.now))
        return self._balance().with_others(self._others_account)

    def _read_policy(self) -> None:
        """Again when its file has changed; one that is broken means the defaults and is said once."""
        stamp = self._stamp_of_file()
        if stamp == self._stamp:
            return
        first, self._stamp = self._stamp is None, stamp
        try:
            self.policy = policies.read(self._spool)
        except (BadPolicy, OSError) as error:
            self.policy = Policy()
            log.warning("policy.broken", detail=f"{error} The defaults hold until the room starts again.")
            return
        if not stamp:
            log.info("policy.default", detail="The room has not said yet what [sync] of room.toml says.")
        elif not first:
            log.info("policy.changed")

    def _stamp_of_file(self) -> tuple[int, ...]:
        return _stamp(policies.file_of(self._spool)) + _stamp(policies.file_given(self._spool))


def _stamp(file: Path) -> tuple[int, ...]:
    try:
        facts = file.stat()
    except FileNotFoundError:
        return ()
    return facts.st_ino, facts.st_size, facts.st_mtime_ns


def _text(file: Path) -> str | None:
    """None when it cannot be read: then nothing is known of others, and nothing is held against the room."""
    try:
        return file.read_text()
    except (OSError, UnicodeDecodeError):
        return None


def is_near(server: str) -> bool:
    """Whether an address is that of this very machine."""
    host = urlsplit(server).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
