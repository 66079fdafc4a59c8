"""When what waits will be there: the backlog in its order, through hours, budgets and what the link has shown. Pure.

Walks ahead from now in steps within which nothing changes: an hour's usual rate, the hours of room.toml, a day's
budget. What it cannot know is left out: failures of the link, new lessons, more traffic of the class than on earlier
days.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from appliance.spool.ledger import TIER_ORDER
from appliance.spool.policy import Policy
from lms_sync import bandwidth
from lms_sync.bandwidth import ALWAYS, ON_THE_WIRE, Account, Local
from lms_sync.pace import HEADERS

HORIZON = 90 * 86400.0
"""Seconds ahead within which anything is said."""
MEMORY = 900.0
"""Seconds of sending after which an hour's rate follows what is measured now for two thirds."""
NEAR_LIMIT = 0.85
"""Of a rate that was held on purpose; above this the link could do more, nobody knows how much."""


@dataclass(frozen=True, slots=True)
class Load:
    """What is left of one tier of one lesson. bytes: those that the server does not have."""

    lesson: str
    tier: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Forecast:
    """Unix seconds; None where it cannot be said. all: of everything that waits. tiers, lessons: of those that wait."""

    all: float | None
    tiers: Mapping[str, float | None]
    lessons: Mapping[str, Mapping[str, float | None]]


class Rates:
    """Bytes a second on the line in each hour of the day, as of late; an hour never seen is as all others are."""

    def __init__(self, text: str | None = None) -> None:
        """text: from ``to_text``; one that cannot be read is as none."""
        try:
            found = json.loads(text or "[]")
        except ValueError:
            found = []
        good = isinstance(found, list) and len(found) == 24 and all(_is_rate(rate) for rate in found)
        self._hours: list[float] = [float(rate) for rate in found] if good else [0.0] * 24

    def learn(self, hour: int, rate: float, seconds: float, limit: float = math.inf) -> None:
        """So it went for some seconds. limit: the rate that was held meanwhile."""
        before = self._hours[hour]
        if rate >= NEAR_LIMIT * limit and before:
            rate = max(rate, before)
        share = 1.0 if not before else 1 - math.exp(-seconds / MEMORY)
        self._hours[hour] = before + share * (rate - before)

    def at(self, hour: int) -> float | None:
        known = [rate for rate in self._hours if rate]
        return self._hours[hour] or (sum(known) / len(known) if known else None)

    def to_text(self) -> str:
        return json.dumps([round(rate) for rate in self._hours])


def _is_rate(found: object) -> bool:
    return isinstance(found, int | float) and not isinstance(found, bool) and 0 <= found < 1e12


@dataclass(slots=True)
class _Walk:
    """Where the walk ahead stands."""

    policy: Policy
    rates: Rates
    local: Local
    now: float
    day_bytes: float
    month_bytes: float
    t: float = field(init=False)
    day_end: float = field(init=False)
    month_end: float = field(init=False)

    def __post_init__(self) -> None:
        self.t = self.now
        self.day_end = bandwidth.day_ends(self.t, self.local)
        self.month_end = bandwidth.month_ends(self.t, self.local)

    def send(self, tier: str, count: float) -> float | None:
        """When so many bytes will have gone; None when that is too far ahead, or cannot be said."""
        while count > 0:
            if self.t - self.now > HORIZON:
                return None
            allowed = bandwidth.allowance(self.policy, self.t, self.local)
            there = self.local(self.t)
            rate = self.rates.at(there.tm_hour)
            if rate is None:
                return None
            hour_end = self.t + 3600 - (there.tm_min * 60 + min(there.tm_sec, 59) + self.t % 1)
            until = min(allowed.until, hour_end, self.day_end)
            rate = min(rate, allowed.rate)
            room = math.inf if tier == ALWAYS else self._room()
            if rate <= 0 or room <= 0:
                self._pass(until)
                continue
            step = min(count, room, rate * (until - self.t))
            self.day_bytes += step
            self.month_bytes += step
            count -= step
            if step < room and count > 0:
                self._pass(until)
            else:
                self._pass(min(until, self.t + step / rate))
        return self.t

    def _room(self) -> float:
        day = self.policy.daily - self.day_bytes if self.policy.daily else math.inf
        month = self.policy.monthly - self.month_bytes if self.policy.monthly else math.inf
        return min(day, month)

    def _pass(self, t: float) -> None:
        self.t = max(t, math.nextafter(self.t, math.inf))
        if self.t >= self.month_end:
            self.month_bytes, self.month_end = 0.0, bandwidth.month_ends(self.t, self.local)
        if self.t >= self.day_end:
            self.day_bytes, self.day_end = 0.0, bandwidth.day_ends(self.t, self.local)


def forecast(
    backlog: Iterable[Load],
    *,
    policy: Policy,
    account: Account,
    rates: Rates,
    metered: bool,
    now: float,
    local: Local = time.localtime,
) -> Forecast:
    """now: Unix seconds. A metered link is taken to stay one."""
    walk = _Walk(policy, rates, local, now, account.day_bytes, account.month_bytes)
    tiers: dict[str, float | None] = {}
    lessons: dict[str, dict[str, float | None]] = {}
    for load in sorted(backlog, key=lambda load: (_rank(load.tier), load.lesson)):
        carried = not metered or load.tier == ALWAYS or load.tier in policy.metered_tiers
        done = walk.send(load.tier, load.bytes * ON_THE_WIRE + HEADERS) if carried else None
        lessons.setdefault(load.lesson, {})[load.tier] = done
        tiers[load.tier] = latest((tiers[load.tier], done)) if load.tier in tiers else done
    return Forecast(latest(tiers.values()) if tiers else now, tiers, lessons)


def latest(times: Iterable[float | None]) -> float | None:
    """None when any of them cannot be said, or there is none."""
    found = list(times)
    known = [at for at in found if at is not None]
    return max(known) if known and len(known) == len(found) else None


def to_text(found: Forecast, barred: Mapping[str, str]) -> str:
    """For the ledger's notes. barred: why each tier has to wait now, "" or absent where it need not."""
    return json.dumps(
        {
            "all": _whole(found.all),
            "tiers": {tier: _whole(at) for tier, at in found.tiers.items()},
            "lessons": {
                lesson: {tier: _whole(at) for tier, at in tiers.items()} for lesson, tiers in found.lessons.items()
            },
            "barred": {tier: why for tier, why in barred.items() if why},
        }
    )


def of_text(text: str | None) -> tuple[Forecast, Mapping[str, str]]:
    """From ``to_text``; an empty one when it cannot be read."""
    nothing: tuple[Forecast, Mapping[str, str]] = Forecast(None, {}, {}), {}
    try:
        found = json.loads(text or "{}")
        tiers, lessons, barred = found["tiers"], found["lessons"], found["barred"]
        good = all(isinstance(part, dict) for part in (tiers, lessons, barred, *lessons.values()))
        times = [found["all"], *tiers.values(), *(at for lesson in lessons.values() for at in lesson.values())]
    except (ValueError, TypeError, KeyError, AttributeError):
        return nothing
    if not good or not all(at is None or isinstance(at, int | float) for at in times):
        return nothing
    return Forecast(found["all"], tiers, lessons), barred


def loads(rows: Sequence[tuple[str, str, int]]) -> list[Load]:
    """Lesson, tier and bytes left of each asset, put together."""
    found: dict[tuple[str, str], int] = {}
    for lesson, tier, count in rows:
        found[lesson, tier] = found.get((lesson, tier), 0) + count
    return [Load(lesson, tier, count) for (lesson, tier), count in found.items()]


def _rank(tier: str) -> int:
    return TIER_ORDER.index(tier) if tier in TIER_ORDER else len(TIER_ORDER)


def _whole(at: float | None) -> int | None:
    return None if at is None else math.ceil(at)
