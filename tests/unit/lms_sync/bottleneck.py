"""A simulated link with one queue, shared by us and the class. Packets, no threads and no real time."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

PACKET = 1400
HEADERS = 52


@dataclass
class Bottleneck:
    """rate: bytes a second. delay: seconds there and back when nobody waits. buffer: seconds of queue that fit.

    jitter: of each packet, seconds, from its number.
    """

    rate: float
    delay: float
    buffer: float = 1.0
    jitter: Callable[[int], float] = lambda number: 0.0
    now: float = 0.0
    free_at: float = 0.0
    waits: list[tuple[float, float]] = field(default_factory=list)
    """When each packet of the class came, and how long it waited for those before it."""
    arrived: dict[str, int] = field(default_factory=dict)
    """Bytes by flow."""
    _events: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    _numbers: itertools.count[int] = field(default_factory=itertools.count)

    def at(self, when: float, what: Callable[[], None]) -> None:
        heapq.heappush(self._events, (when, next(self._numbers), what))

    def run(self, until: float) -> None:
        while self._events and self._events[0][0] <= until:
            self.now, _, what = heapq.heappop(self._events)
            what()
        self.now = until

    def send(self, flow: str, size: int, answered: Callable[[float], None], lost: Callable[[], None]) -> None:
        """answered: gets the packet's seconds there and back, when its answer comes."""
        waiting = max(0.0, self.free_at - self.now)
        if flow == "class":
            self.waits.append((self.now, waiting))
        if waiting > self.buffer:
            self.at(self.now + waiting + self.delay, lost)
            return
        began = self.now
        self.free_at = max(self.free_at, self.now) + (size + HEADERS) / self.rate
        back = self.free_at + self.delay + self.jitter(next(self._numbers))

        def answer() -> None:
            self.arrived[flow] = self.arrived.get(flow, 0) + size
            answered(self.now - began)

        self.at(back, answer)


class Greedy:
    """TCP of the class that takes what it gets: one packet more each round trip, half after a loss."""

    def __init__(self, link: Bottleneck, begin: float, end: float) -> None:
        self.link, self.end = link, end
        self.window, self.flying, self.held = 2.0, 0, 0.0
        link.at(begin, self._fill)

    def _fill(self) -> None:
        while self.link.now < self.end and self.flying < int(self.window):
            self.flying += 1
            self.link.send("class", PACKET, self._answered, self._lost)

    def _answered(self, seconds: float) -> None:
        self.flying -= 1
        self.window += 1 / self.window
        self._fill()

    def _lost(self) -> None:
        self.flying -= 1
        if self.link.now > self.held:
            self.window, self.held = max(2.0, self.window / 2), self.link.now + self.link.delay + 0.1
        self._fill()


class Call:
    """A call of the class: small packets at an even rate."""

    def __init__(self, link: Bottleneck, rate: float, begin: float, end: float, size: int = 200) -> None:
        self.link, self.rate, self.end, self.size = link, rate, end, size
        link.at(begin, self._tick)

    def _tick(self) -> None:
        if self.link.now < self.end:
            self.link.send("class", self.size, lambda _: None, lambda: None)
            self.link.at(self.link.now + (self.size + HEADERS) / self.rate, self._tick)
