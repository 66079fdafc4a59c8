"""How long to wait before a service that died is started again. Pure: times are passed in."""

from __future__ import annotations

from dataclasses import dataclass

FAILURES_AT_START = 5
"""In a row; then starting it again helps nobody."""
SETTLED = 30.0
"""Seconds a service must have lived for its earlier deaths to be forgotten."""
_FIRST, _LONGEST = 0.25, 10.0


@dataclass
class Patience:
    """The memory of one service's deaths."""

    deaths: int = 0
    failures: int = 0

    def died(self, lived: float, was_ready: bool) -> float | None:
        """Seconds until the next start: none for the first death of a service that worked, then doubling from 0.25
        to 10. None: it failed at start FAILURES_AT_START times in a row, give up. lived: seconds since its start."""
        if was_ready:
            self.failures = 0
            if lived >= SETTLED:
                self.deaths = 0
        else:
            self.failures += 1
            if self.failures >= FAILURES_AT_START:
                return None
        self.deaths += 1
        if self.deaths == 1 and was_ready:
            return 0.0
        return min(_LONGEST, _FIRST * 2.0 ** min(self.deaths - 1, 10))
