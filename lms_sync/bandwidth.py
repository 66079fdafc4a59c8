"""What the link may carry now, and why not: hours, budgets, a metered line. Pure arithmetic; clocks are passed in.

    allowance(policy, now) ─► how fast, and until when       barred(policy, tier, …) ─► "" or why it has to wait

**Budgets and wrong clocks.** What was sent is counted by day and month (``Account``). After a blackout a room may
believe that it is 1970, or 2036; were its own clock asked, each blackout would be a new day and give a new budget, and
a clock that once ran ahead would lock sending for ten years. So only the server's clock turns an account over: it
comes with every answer, and who can send can be told the time. Until it is known, an account stays as it is. Should
the server's own clock be set back, what was sent counts for the day it has become, so that sending waits a day at most
(a month, for that budget); each of its jumps ahead begins a new day, and so gives a budget too many.

**Hours and wrong clocks.** Hours count by the server's clock as well, in the room's time zone; by the room's until the
server has spoken. A wrong clock can pause sending, but not the question whether the server is there, and its answer
puts the clock right.
"""

from __future__ import annotations

import calendar
import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from appliance.spool.policy import Hours, Policy

HOURS, DAILY, MONTHLY, METERED = "paused-by-hours", "daily-budget", "monthly-budget", "metered"
SENTENCES = {
    HOURS: "The hours that are set for this room pause sending now.",
    DAILY: "Today's budget of the link is used up.",
    MONTHLY: "This month's budget of the link is used up.",
    METERED: "The link is metered, and only small forms go over it.",
}
KBIT = 125.0
"""Bytes a second."""
ALWAYS = "card"
"""The tier that no budget and no meter stops: some 60 KB a lesson."""
ON_THE_WIRE = 1.04
"""Bytes on the line for each of a body: headers of IP, TCP and TLS."""
_MINUTES_OF_DAY, _MINUTES_OF_WEEK = 24 * 60, 7 * 24 * 60

Local = Callable[[float], time.struct_time]


@dataclass(frozen=True, slots=True)
class Allowance:
    """rate: bytes a second, 0 for none, inf for no limit. until: Unix seconds when that changes, inf for never."""

    rate: float
    until: float


def allowance(policy: Policy, now: float, local: Local = time.localtime) -> Allowance:
    """now: Unix seconds. A change of summer time before ``until`` moves it by an hour; ask again then."""
    there = local(now)
    minute = there.tm_wday * _MINUTES_OF_DAY + there.tm_hour * 60 + there.tm_min
    kbit = _kbit(policy, minute)
    ahead = sorted((edge - minute - 1) % _MINUTES_OF_WEEK + 1 for edge in _edges(policy.hours))
    changes = (minutes for minutes in ahead if _kbit(policy, (minute + minutes) % _MINUTES_OF_WEEK) != kbit)
    following = next(changes, None)
    until = math.inf if following is None else now - there.tm_sec - now % 1 + following * 60
    return Allowance(kbit if kbit == math.inf else kbit * KBIT, until)


def _kbit(policy: Policy, minute: int) -> float:
    """minute: of the week, from Monday's first."""
    for hours in policy.hours:
        if any((minute - begin) % _MINUTES_OF_WEEK < length for begin, length in _spans(hours)):
            return hours.kbit
    return policy.kbit or math.inf


def _spans(hours: Hours) -> list[tuple[int, int]]:
    """Begin (minute of the week) and length of each."""
    length = (hours.end - hours.begin) % _MINUTES_OF_DAY or _MINUTES_OF_DAY
    return [(day * _MINUTES_OF_DAY + hours.begin, length) for day in hours.days]


def _edges(hours: tuple[Hours, ...]) -> set[int]:
    spans = [span for row in hours for span in _spans(row)]
    return {(at) % _MINUTES_OF_WEEK for begin, length in spans for at in (begin, begin + length)}


@dataclass(frozen=True, slots=True)
class Account:
    """Bytes that went over the link on one day and in one month. day: "2026-11-28"; "" when none was ever told."""

    day: str = ""
    day_bytes: int = 0
    month_bytes: int = 0

    def turned(self, there: time.struct_time) -> Account:
        """The account on the day that the server says it is, in local time. A day before ours inherits ours."""
        today = time.strftime("%Y-%m-%d", there)
        if today <= self.day or not self.day:
            return replace(self, day=today)
        same_month = today[:7] == self.day[:7]
        return Account(today, 0, self.month_bytes if same_month else 0)

    def spent(self, count: int) -> Account:
        return replace(self, day_bytes=self.day_bytes + count, month_bytes=self.month_bytes + count)

    def with_others(self, others: Account) -> Account:
        """Both together. Each is counted on the day that it has; turn both before."""
        return replace(self.spent(others.month_bytes), day_bytes=self.day_bytes + others.day_bytes)

    def to_text(self) -> str:
        return json.dumps({"day": self.day, "day_bytes": self.day_bytes, "month_bytes": self.month_bytes})


def account_of(text: str | None) -> Account:
    """From ``to_text``; a new one when it cannot be read."""
    try:
        found = json.loads(text or "{}")
        day, *counts = found["day"], found["day_bytes"], found["month_bytes"]
        time.strptime(day or "2000-01-01", "%Y-%m-%d")
    except (ValueError, TypeError, KeyError):
        return Account()
    good = all(isinstance(count, int) and 0 <= count < 2**60 for count in counts)
    return Account(day, *counts) if good else Account()


def barred(policy: Policy, tier: str, *, rate: float, account: Account, metered: bool) -> str:
    """Why nothing of this tier may be sent now; "" when it may. rate: that of the allowance."""
    if rate <= 0:
        return HOURS
    if tier == ALWAYS:
        return ""
    if metered and tier not in policy.metered_tiers:
        return METERED
    if policy.monthly and account.month_bytes >= policy.monthly:
        return MONTHLY
    if policy.daily and account.day_bytes >= policy.daily:
        return DAILY
    return ""


def left(policy: Policy, account: Account) -> float:
    """Bytes until a budget is used up; inf without one."""
    budgets = ((policy.daily, account.day_bytes), (policy.monthly, account.month_bytes))
    return min((max(0.0, float(most - sent)) for most, sent in budgets if most), default=math.inf)


def day_ends(now: float, local: Local = time.localtime) -> float:
    """Unix seconds of the next midnight, but for an hour where summer time begins or ends."""
    there = local(now)
    return now + 86400 - (there.tm_hour * 3600 + there.tm_min * 60 + min(there.tm_sec, 59) + now % 1)


def month_ends(now: float, local: Local = time.localtime) -> float:
    there = local(now)
    left = calendar.monthrange(there.tm_year, there.tm_mon)[1] - there.tm_mday
    return day_ends(now, local) + left * 86400
