"""How fast a camera's clock runs, told from when its pictures arrive. Standard library only: the keeper uses it.

A network camera stamps its pictures by a crystal of its own (RFC 3550, 5.1), and the room only sees when they come:
each so much later than its stamp says, the same from picture to picture but for what the network holds up, and now and
then a little less where the camera was late with the stamp itself. So of ten seconds the lower quartile of these delays
counts, and through such points goes the line whose slope is the median of the slopes between all pairs of them (Theil
and Sen): a quarter of the points may be wrong by any amount. See decision 0015.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

BUCKET = 10.0
"""Seconds of media that make a point."""
MOST_POINTS = 200
"""Of more, only every second, third … counts: the pairs grow with the square."""
SHORTEST = 120.0
"""Seconds of a take below which nothing is corrected: 200 ppm are 24 ms then, as much as a delay may stray."""
SMALLEST = 0.01
"""Seconds of drift over the whole take that are left as they are: nobody sees them, and pictures keep their times."""
LARGEST = 0.05
"""Of the pace. A clock that is further off is none, and its times are taken as they are."""

Point = tuple[float, float]
"""Media time, and how much later on the monotonic clock it arrived (which includes the epoch); seconds."""


@dataclass(frozen=True, slots=True)
class Clock:
    """epoch: the monotonic instant of media time zero; pace: monotonic seconds to a second of media."""

    epoch: float
    pace: float = 1.0


class Arrivals:
    """When the fragments of one take came, in their order."""

    def __init__(self) -> None:
        self._points: list[Point] = []
        self._delays: list[float] = []  # of the ten seconds that are not yet full
        self._begins = self._ends = 0.0

    def add(self, end: float, arrived: float) -> None:
        """end: media time at which a fragment ends; arrived: monotonic instant at which it was there. Seconds."""
        if self._delays and end - self._begins >= BUCKET:
            self._points.append(self._last())
            self._delays.clear()
        if not self._delays:
            self._begins = end
        self._ends = end
        self._delays.append(arrived - end)

    def epoch(self, default: float) -> float:
        """When media time zero was, if the clocks agree. default: if nothing has come."""
        return _lower_quartile([late for _, late in self._all()], default)

    def clock(self, default: float) -> Clock:
        """The same, and how the clocks disagree."""
        points = self._all()
        slope = _slope(points)
        return Clock(_lower_quartile([late - slope * at for at, late in points], default), 1.0 + slope)

    def _all(self) -> list[Point]:
        return [*self._points, self._last()] if self._delays else self._points

    def _last(self) -> Point:
        return (self._begins + self._ends) / 2, _lower_quartile(self._delays, 0.0)


def _lower_quartile(values: Sequence[float], default: float) -> float:
    return sorted(values)[len(values) // 4] if values else default


def _slope(points: Sequence[Point]) -> float:
    """Seconds of delay more, a second; 0 where it cannot be told or does not matter."""
    length = points[-1][0] - points[0][0] if points else 0.0
    if length < SHORTEST:
        return 0.0
    joined = points[:: -(-len(points) // MOST_POINTS)]
    slopes = sorted((b - a) / (y - x) for (x, a), (y, b) in combinations(joined, 2) if y > x)
    slope = slopes[len(slopes) // 2]  # not statistics.median, whose module takes longer to load than a keeper may
    return slope if SMALLEST / length <= abs(slope) <= LARGEST else 0.0
