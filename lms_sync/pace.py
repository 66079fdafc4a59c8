"""How much at once, and how long to wait: pure arithmetic, no clock, no I/O.

Every chunk costs a round trip and its headers, so it should be large. Where something on the way keeps a broken chunk
from the server (a proxy that gathers a body before it passes it on), the chunk is what a cut loses, so it must be small
on a poor link.
"""

from __future__ import annotations

import math
import random

KIB = 1024
SMALLEST = 64 * KIB
FIRST = 256 * KIB
LARGEST, LARGEST_WHERE_CUT = 64 * KIB * KIB, 4 * KIB * KIB
"""We hold a chunk in memory, and on so quick a link the next one too. On a link that was cut before, the pieces shall
be small, of which the next cut costs one: the server takes so many of a chunk and no more."""
GROWTH, LEAP, QUICK = 2, 4, 0.25
"""Times as large is the next chunk at most, and after one that took no longer than so many seconds. On a slower link
the beginning shall be careful, so that whoever shares it is felt."""
AIM = 10.0
"""Seconds a chunk should take: long enough to be worth its round trip, short enough to wait for by what is more
urgent."""
SHRINKS = 16
"""Times as small is the chunk after one that was given up."""
WAITING, AT_MOST = 0.03, 30.0
"""Share of a chunk's time that may pass in waiting for its answer, so that on a way by satellite chunks take longer;
and the seconds that one takes at most."""
IN_VAIN = 3
"""Breaks in a row with nothing gained after which the chunk counts as refused: a proxy with a limit may close
the connection before anybody can read why."""
FORGIVEN = 32
"""Chunks after which a limit that was only guessed is tried again."""
HEADERS = 1500
"""Bytes of a request and its answer besides the chunk."""


class Pace:
    """The size of the next chunk. It grows from one chunk to the next, and follows the link down at once.

    On a link that is cut again and again, and where a cut loses the chunk, the best size balances that (half a chunk)
    against what a chunk costs (headers and a round trip): the square root of twice the cost times the bytes between
    cuts.
    """

    def __init__(self) -> None:
        self._size = float(FIRST)
        self._largest = LARGEST
        self._rate = 0.0
        self._delay = 0.0
        self._between: float | None = None
        self._since = 0
        self._broken = self._keeps = False
        self._in_vain = 0
        self._guessed = 0

    @property
    def size(self) -> int:
        """Bytes of the next chunk."""
        size = min(self._size, self._most)
        if self._between is not None and not self._keeps:
            cost = HEADERS + self._rate * self._delay
            size = min(size, math.sqrt(2 * cost * max(self._between, self._since)))
        return max(min(SMALLEST, self._most), int(size) // (16 * KIB) * 16 * KIB)

    @property
    def at_largest(self) -> bool:
        """Whether the link moves the largest chunk there is in time."""
        return self.size >= self._most

    @property
    def _most(self) -> int:
        return self._largest if self._between is None else min(self._largest, LARGEST_WHERE_CUT)

    @property
    def aim(self) -> float:
        """Seconds that a chunk should take."""
        return max(AIM, min(AT_MOST, self._delay / WAITING))

    @property
    def rate(self) -> float:
        """Bytes a second, as of late; 0 while nothing was measured."""
        return self._rate

    def answered(self, seconds: float) -> None:
        """A request without a body took so long: the round trip."""
        self._delay = seconds if not self._delay else 0.7 * self._delay + 0.3 * seconds

    def sent(self, count: int, seconds: float) -> None:
        """A chunk of count bytes was acknowledged after so many seconds."""
        rate = count / max(seconds, 1e-3)
        self._rate = rate if not self._rate else 0.5 * self._rate + 0.5 * rate
        self._since += count
        self._in_vain = 0
        if self._guessed:
            self._guessed -= 1
            if not self._guessed:
                self._largest = LARGEST
        growth = LEAP if seconds < QUICK else GROWTH
        self._size = min(growth * max(self._size, count), rate * self.aim, LARGEST)

    def cut(self) -> None:
        """The link broke in the middle of a chunk."""
        self._in_vain = 0 if self._since else self._in_vain + 1
        if self._in_vain >= IN_VAIN and self.too_large(self.size):
            self._in_vain, self._guessed = 0, FORGIVEN
        self._between = float(self._since) if self._between is None else (self._between + self._since) / 2
        self._since = 0
        self._broken = True
        if not self._keeps:
            self._size = max(SMALLEST, self.size / 2)

    def overdue(self) -> None:
        """A chunk was given up, for the link has become far slower than it was."""
        self._size = max(SMALLEST, self.size / SHRINKS)
        self._rate = 0.0

    def resumed(self, kept: int) -> None:
        """The server has so many bytes more than it had acknowledged: after a break, what came of the broken chunk."""
        if self._broken:
            self._broken, self._keeps = False, kept > 0
            if kept > 0:
                self._in_vain = 0

    def too_large(self, count: int) -> bool:
        """Something on the way refuses a chunk of count bytes (a proxy's body limit): never so large again.

        False when it cannot be made smaller.
        """
        if count <= 16 * KIB:
            return False
        self._largest = max(16 * KIB, count // 2)
        return True


class Backoff:
    """How long to wait after the n-th failure in a row: at once, then 2 s growing to 5 min, each spread over half to
    one and a half of itself, so that a thousand rooms do not come back in the same second.

    The growth is gentle: the wait is about a third of how long the server has been away, so a short outage costs
    little after its end.
    """

    FIRST = 0.3
    START = 2.0
    GROWTH = 1.5
    LONGEST = 300.0

    def __init__(self, chance: random.Random | None = None) -> None:
        self._chance = chance or random.Random()  # noqa: S311 - spreads load, keeps no secret
        self.failures = 0

    def fail(self) -> float:
        """Seconds to wait after one more failure."""
        self.failures += 1
        return self.wait(self.failures)

    def wait(self, failures: int) -> float:
        """Seconds to wait after that many failures in a row, spread by chance."""
        if failures <= 1:
            mean = self.FIRST
        else:
            mean = min(self.LONGEST / 1.5, self.START * self.GROWTH ** min(failures - 2, 60))
        return mean * self._chance.uniform(0.5, 1.5)

    def reset(self) -> None:
        self.failures = 0
