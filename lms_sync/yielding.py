"""Staying behind whoever else wants the link: the rate follows the delay that packets gather in queues. Pure.

After RFC 6817 (LEDBAT), with the slow start and the quick back-off of draft-irtf-iccrg-ledbat-plus-plus, as a rate
instead of a window: the time of a packet there and back, less the least of the last ten minutes, is what queues add.
Below ``TARGET`` the link has room and the rate grows; above, someone else wants it (or we filled it), and the rate
falls at once. Never below ``FLOOR``, so that a link which is never idle does not starve lessons for ever.

Losses are left to TCP below us, which halves its own window then. What is measured is the way of our own connection:
a proxy that answers for the server on this side of the bottleneck hides the queue from us.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

TARGET = 0.07
"""Seconds of queueing delay that we add at most. RFC 6817 allows 0.1; a telephone call bears it."""
CROWDED = 3 * 1400
"""Bytes that wait where a link is shared: so much of a queue is never held against those who wait in it."""
FORGOTTEN = 600.0
"""Seconds in which what a link once gave fades to a third, unless it gives it again."""
FLOOR = 1000.0
"""Bytes a second (8 kbit/s)."""
START = 16_000.0
"""Bytes a second (128 kbit/s) before anything is known: what the poorest link has."""
MOST = 250e6
"""Bytes a second; nothing is learnt above that."""
GAIN = 0.05
"""Share of the rate at which the queue first began that is won back in a second of an empty queue."""
USED = 0.9
"""Share of the rate that must have arrived before a higher one is tried."""
SURPLUS = 1.1
"""Times what arrives, for headers and chance: what is more than that of a rate never was one."""
SLOPE, BACK_OFF = 0.2, 0.25
"""Share of the rate that is given up in a step when the queue is twice the target, and at most."""
STEP = 0.05
"""Seconds between two steps, at least."""
CALM, KNOWN, HASTE = 5.0, 0.75, 4.0
"""Seconds without any queue after which the rate, below that share of what the link once gave, grows so many times as
fast: whoever was there has gone."""
LEARNT, DRAINING = 0.9, 3.0
"""Share of what the link was found to have at which we go on, and the seconds that the queue which it took to find that
has for draining, before it counts as somebody else's."""
FALLING = 0.9
"""A queue that is shorter by this since the last step is draining already."""
PROOF = 8 * 1400
"""Bytes that must have arrived at a rate before the first growth doubles it."""
PATIENT = 3.0
"""Usual round trips between two steps, at least: what a step did is not seen sooner."""
SETTLING = 8
"""Answers at the beginning of a connection that tell of its small first packets, not of ours."""
FILTER = 4
"""Answers of which the quickest counts: one that was late by chance is no queue (RFC 6817: CURRENT_FILTER)."""
MEMORY = 10
"""Minutes for which the least delay is remembered (RFC 6817: BASE_HISTORY)."""
REST = 10.0
"""Seconds without sending after which the link may be another one."""
_WEIGHT = 7 / 8
"""Of the past in the kernel's smoothed time (RFC 6298)."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What the kernel knows of a connection. rtt: seconds, smoothed by RFC 6298; acked: bytes; answers: segments that
    were acknowledged."""

    rtt: float
    acked: int
    answers: int


class Base:
    """The least delay of the last minutes, kept as one figure a minute."""

    def __init__(self) -> None:
        self._minutes: deque[tuple[int, float]] = deque(maxlen=MEMORY)

    def add(self, now: float, delay: float) -> None:
        minute = int(now // 60)
        if self._minutes and self._minutes[-1][0] == minute:
            self._minutes[-1] = (minute, min(self._minutes[-1][1], delay))
        else:
            self._minutes.append((minute, delay))

    def least(self, now: float) -> float:
        """inf when nothing is known."""
        oldest = int(now // 60) - MEMORY
        return min((delay for minute, delay in self._minutes if minute > oldest), default=math.inf)


class Yielding:
    """The rate at which we may send, in bytes a second; times are those of any steady clock."""

    def __init__(self) -> None:
        self.rate = START
        self.queue = 0.0
        """Seconds of queueing delay, as of late."""
        self._base = Base()
        self._starting = True
        self._full = START
        self._calm = 0.0
        self._last = 0.0
        self._before: Reading | None = None
        self._from: tuple[float, int] | None = None
        self._recent: deque[float] = deque(maxlen=FILTER)
        self._seen_at = -math.inf
        self._drains_until = -math.inf

    def connected(self) -> None:
        """Another connection: its counters begin anew. What was learnt of the link stays."""
        self._before = self._from = None

    def body(self) -> None:
        """A body begins; what happened before it, waiting for an answer, tells nothing of the link."""
        self._from = None

    def feel(self, now: float, reading: Reading) -> None:
        """To be called at every few packets."""
        if now - self._seen_at > REST and self._seen_at > -math.inf:
            self.rate, self._starting = max(min(self.rate, START), self.rate / 2), True
            self._from = None
            self._recent.clear()
        self._seen_at = now
        before, self._before = self._before, reading
        if reading.answers < SETTLING or before is None:
            return
        fresh = reading.answers - before.answers
        if fresh > 0:
            self._base.add(now, reading.rtt)
            self._recent.append(_unsmoothed(before.rtt, reading.rtt, fresh))
            self.queue = max(0.0, min(self._recent) - self._base.least(now))
        if self._from is None:
            self._from = now, reading.acked
            return
        elapsed, acked = now - self._from[0], reading.acked - self._from[1]
        usual = min(reading.rtt, self._base.least(now) + TARGET)
        if elapsed < max(STEP, PATIENT * usual) or not fresh:
            return
        if self._drains_until > now and self.queue > TARGET:
            return
        if self._starting and self.queue < TARGET / 2 and acked < PROOF:
            return
        if self._starting and self.queue > TARGET:
            self._found(acked / elapsed)
            self._drains_until = now + DRAINING
        else:
            self._drains_until = -math.inf
            self._step(elapsed, acked / elapsed)
        self._from = now, reading.acked

    def _found(self, real: float) -> None:
        """The first growth has filled the link, so what arrives is all that it has; the queue that it took to learn
        that drains now."""
        self._starting, self._full = False, max(FLOOR, min(self.rate, real))
        self.rate = max(FLOOR, self._full * LEARNT)

    def _target(self) -> float:
        """Seconds of queue that are borne. At much less than the link once gave, the queue is not ours alone: whoever
        is there, and may have only begun, gets the more room the less we have."""
        return min(TARGET, max(CROWDED / self._full, TARGET * self.rate / (KNOWN * self._full)))

    def _step(self, elapsed: float, real: float) -> None:
        """real: bytes a second that arrived."""
        over = self.queue / self._target() - 1
        self._calm = self._calm + elapsed if over < -0.75 else 0.0
        last, self._last = self._last, self.queue
        if self.rate < KNOWN * self._full:
            self._full *= 1 - elapsed / FORGOTTEN
        if over > 0:
            if self.queue < FALLING * last:
                return
            self.rate = max(FLOOR, min(self.rate, real * SURPLUS) * (1 - min(BACK_OFF, SLOPE * over)))
        elif real < USED * self.rate:
            pass  # more than the rate is not the question
        elif self._starting and over < -0.5:
            self.rate = min(MOST, 2 * self.rate)
        else:
            if self._starting:
                self._starting, self._full = False, real
            self._full = max(self._full, real)
            gain = GAIN * (HASTE if self._calm > CALM and self.rate < KNOWN * self._full else 1)
            self.rate = min(MOST, self.rate + gain * elapsed * self._full * -over)


def _unsmoothed(before: float, after: float, answers: int) -> float:
    """What the answers between two readings said on average, undoing the kernel's smoothing (RFC 6298)."""
    share = 1 - _WEIGHT ** min(answers, 64)
    return max(0.0, before + (after - before) / share)
