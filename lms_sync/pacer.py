"""Holding a rate: pieces of a body go evenly, and small ones at low rates, so that nobody's packet waits behind ours.

A token bucket whose bucket holds a tenth of a second: what was not used for longer is lost. The rate is the lower of
what is allowed and what ``yielding`` finds the link to have left.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable

from lms_sync import tcpinfo
from lms_sync.bandwidth import ON_THE_WIRE
from lms_sync.pace import KIB, Pace
from lms_sync.yielding import Yielding

SAVED = 0.1
"""Seconds of the rate that may be caught up: timers are late at times."""
PACKET = 1400
"""Bytes of a body that fit into one packet of any link."""
SMALLEST, LARGEST = 256, 1024 * 1024
SHORT, LONG = 0.06, 0.025
"""Seconds of the rate in a piece smaller, and larger, than a packet: so long the next in line waits for it."""
UNSENT = 0.1
"""Seconds of the rate that the kernel may hold."""
_GRAIN = 16 * KIB


class Pacer:
    """limit: bytes a second on the line, inf for none. yields: step back behind others. steady, sleep: for tests."""

    def __init__(
        self,
        *,
        steady: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.limit = math.inf
        self.yields = True
        self.yielding = Yielding()
        self.left = math.inf
        """Bytes until a budget is used up, as of the last chunk."""
        self.carried = 0
        """Bytes on the line so far, as far as they can be known here: bodies and what goes around them."""
        self._steady = steady
        self._sleep = sleep
        self._free_at = 0.0
        self._connection: tcpinfo.Options | None = None
        self._feels = False
        self._unsent = 0.0

    @property
    def rate(self) -> float:
        """Bytes a second; inf for as fast as it goes."""
        return min(self.limit, self.yielding.rate) if self.yields and self._feels else self.limit

    def connected(self, connection: tcpinfo.Options | None) -> None:
        """Bodies go over this connection from now on. None: one that tells nothing."""
        self._connection = connection
        self._unsent = 0.0
        self._feels = False
        self.yielding.connected()

    def _feel(self) -> None:
        """Ask the kernel how the link is."""
        found = tcpinfo.read(self._connection) if self._connection is not None else None
        self._feels = found is not None
        if self._connection is None or found is None:
            return
        self.yielding.feel(self._steady(), found)
        wanted = self.rate * UNSENT
        if not self._unsent / 2 <= wanted <= self._unsent * 2:
            tcpinfo.keep_unsent(self._connection, wanted)
            self._unsent = wanted

    async def pieces(self, body: bytes | memoryview, moved: Callable[[], None]) -> AsyncIterator[bytes]:
        """The body in order, each piece when it may go. moved: told before each, and at the end."""
        view, at = memoryview(body), 0
        self.yielding.body()
        while at < len(body):
            self._feel()
            piece = view[at : at + self.piece(len(body))]
            await self.take(len(piece))
            moved()
            yield bytes(piece)
            at += len(piece)
        moved()

    def piece(self, length: int) -> int:
        """Bytes of a body of this length to hand over at once. Where no rate is held: so small that the slowest
        link worth using moves one in time."""
        rate, plenty = self.rate, min(LARGEST, max(16 * 1024, length // 16))
        if rate * SHORT < PACKET:
            return max(SMALLEST, int(rate * SHORT))
        return min(plenty, max(PACKET, int(rate * LONG))) if rate < math.inf else plenty

    async def take(self, count: int) -> None:
        """Wait until so many bytes of a body may go, and count them."""
        cost = count * ON_THE_WIRE
        self.carried += int(cost)
        rate = self.rate
        if rate == math.inf:
            return
        now = self._steady()
        begin = max(self._free_at, now - SAVED)
        self._free_at = begin + cost / rate
        if begin > now:
            await self._sleep(begin - now)

    def spend(self, count: int) -> None:
        """Count bytes that go without waiting: requests and answers."""
        self.carried += count


class HeldPace(Pace):
    """Chunks that are no longer on their way than they should be at the rate that is held just now, and that do not
    exceed a budget by more than a trifle."""

    def __init__(self, pacer: Pacer) -> None:
        super().__init__()
        self._pacer = pacer

    @property
    def size(self) -> int:
        most = min(self._pacer.rate * self.aim, self._pacer.left)
        wanted = super().size
        return wanted if most >= wanted else min(wanted, max(_GRAIN, int(most) // _GRAIN * _GRAIN))
