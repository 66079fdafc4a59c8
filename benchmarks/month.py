"""Thirty days of a room with four lessons a day behind 128 kbit/s: what has arrived when. Computed, not waited for: the
order is the agent's own (``rank``), hours are those of ``[sync]``, and the link gives what ``sync.shaped`` has shown.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import gmtime

from appliance.spool.ledger import AssetRow
from appliance.spool.policy import Hours, Policy
from benchmarks.harness import Figure, note
from lms_sync.agent import rank
from lms_sync.bandwidth import allowance

DAYS = 30
HOUR, DAY = 3600.0, 86400.0
STARTS = (8.0, 10.0, 14.0, 16.0)
"""Hours of the day at which a lesson of 90 minutes begins."""
LASTS = 1.5 * HOUR
LINK = 128 * 125 * 0.9
"""Bytes a second of assets that a link of 128 kbit/s carries."""
FORMS = {"card": (60_000, 0.0), "slidecast": (20_300_000, 300.0), "proxy": (42_700_000, 1200.0), "master": (2.8e9, 0.0)}
"""Bytes of each tier, and the seconds after Stop at which it is made."""
BEGIN = 1_793_577_600.0
"""Monday, 2 November 2026, 00:00 UTC."""
POLICIES = {
    "at any hour": Policy(),
    "never in school hours": Policy(hours=(Hours((0, 1, 2, 3, 4, 5), 7 * 60, 18 * 60, 0),)),
}


@dataclass
class Backlog:
    """What waits, by the agent's order, and when each has arrived."""

    policy: Policy
    now: float = BEGIN
    waiting: list[AssetRow] = field(default_factory=list)
    arrived: dict[tuple[str, str], float] = field(default_factory=dict)

    def until(self, then: float) -> None:
        """Send until then, the most urgent first."""
        while self.now < then:
            allowed = allowance(self.policy, self.now, gmtime)
            end = min(then, allowed.until)
            rate = min(LINK, allowed.rate)
            if not rate or not self.waiting:
                self.now = end
                continue
            self.waiting.sort(key=rank)
            row = self.waiting[0]
            needed = (row.bytes - row.sent) / rate
            if needed > end - self.now:
                self.waiting[0] = replace(row, sent=row.sent + int((end - self.now) * rate))
                self.now = end
            else:
                self.now += needed
                self.waiting.pop(0)
                self.arrived[row.lesson, row.tier] = self.now


def month(_folder: Path) -> Iterator[Figure]:
    """Hours from Stop to arrival, by tier: the median and the latest; and how many masters are there at the end."""
    for name, policy in POLICIES.items():
        stops = [BEGIN + day * DAY + start * HOUR + LASTS for day in range(DAYS) for start in STARTS]
        made = sorted(
            (stop + after, f"{number:04d}", tier, int(size))
            for number, stop in enumerate(stops)
            for tier, (size, after) in FORMS.items()
        )
        room = Backlog(policy)
        for at, lesson, tier, size in made:
            room.until(at)
            room.waiting.append(AssetRow(lesson, tier, tier, "", tier, size, ""))
        room.until(BEGIN + DAYS * DAY)
        for tier in FORMS:
            hours = [
                (room.arrived.get((f"{number:04d}", tier), math.inf) - stop) / HOUR for number, stop in enumerate(stops)
            ]
            there = sum(hour < math.inf for hour in hours)
            latest = max((hour for hour in hours if hour < math.inf), default=math.inf)
            note(
                f"sync.month, {name}: {tier}: {there} of {len(stops)} there, median {statistics.median(hours):.2f} h, "
                f"latest {latest:.2f} h"
            )
            if tier != "master":
                yield Figure(f"sync.month.{tier}", statistics.median(hours), f"h after Stop, sending {name}")
            else:
                yield Figure("sync.month.master", there, f"of {len(stops)} lessons in {DAYS} days, sending {name}")
