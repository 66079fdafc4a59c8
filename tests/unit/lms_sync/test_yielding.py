"""Stepping back. If these fail, a lesson on its way makes a call in the school impossible, or a night is wasted."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lms_sync.bandwidth import KBIT
from lms_sync.pacer import Pacer
from lms_sync.yielding import FLOOR, START, TARGET, Base, Reading, Yielding
from tests.unit.lms_sync.bottleneck import Bottleneck, Call, Greedy


class Us:
    """The agent's side: pieces as the pacer cuts them, the kernel's smoothed time, a body after another."""

    def __init__(self, link: Bottleneck, yielding: Yielding, body: int = 7, answer: float = 0.05) -> None:
        """body: seconds of the rate in each. answer: seconds the server takes."""
        self.link, self.yielding, self.body, self.answer = link, yielding, body, answer
        self.pacer = Pacer()
        self.left, self.flying = 0, 0
        self.smooth, self.acked, self.answers = 0.0, 0, 0
        self.rates: list[tuple[float, float]] = []
        yielding.connected()
        link.at(0.0, self._begin)

    def _begin(self) -> None:
        self.left = int(self.yielding.rate * self.body)
        self.yielding.body()
        self._send()

    def _send(self) -> None:
        if self.answers:
            self.yielding.feel(self.link.now, Reading(self.smooth, self.acked, self.answers))
        self.rates.append((self.link.now, self.yielding.rate))
        self.pacer.limit = self.yielding.rate
        size = min(self.pacer.piece(1 << 20), self.left)
        self.left -= size
        for at in range(0, size, 1400):
            part = min(1400, size - at)
            self.flying += part
            self.link.send("us", part, lambda seconds, part=part: self._answered(seconds, part), self._lost(part))
        if self.left:
            self.link.at(self.link.now + size * 1.04 / self.yielding.rate, self._send)

    def _lost(self, part: int) -> Callable[[], None]:
        def again() -> None:
            self.link.send("us", part, lambda seconds: self._answered(seconds, part), self._lost(part))

        return again

    def _answered(self, seconds: float, part: int) -> None:
        self.smooth = seconds if not self.answers else self.smooth * 7 / 8 + seconds / 8
        self.answers += 1
        self.acked += part
        self.flying -= part
        if not self.left and not self.flying:
            self.link.at(self.link.now + self.answer, self._begin)


LINKS = [(128, 0.06), (256, 0.04), (512, 0.3), (512, 0.02), (2000, 0.05)]
"""kbit/s, and seconds there and back."""
LINE = 1.037
"""Bytes of a packet for each of its body."""


def joined(kbit: float, delay: float, **more: float) -> tuple[Bottleneck, Us]:
    link = Bottleneck(kbit * KBIT, delay, **more)
    return link, Us(link, Yielding())


@pytest.mark.parametrize(("kbit", "delay"), LINKS)
def test_an_idle_link_is_filled_and_its_queue_is_not(kbit: int, delay: float) -> None:
    link, us = joined(kbit, delay)
    link.run(30)
    before = link.arrived["us"]
    link.run(130)
    assert (link.arrived["us"] - before) * LINE / 100 >= 0.9 * link.rate
    assert us.smooth <= delay + 0.3


@pytest.mark.parametrize(("kbit", "delay"), [(256, 0.04), (2000, 0.001), (2000, 0.05)])
def test_the_beginning_on_an_idle_link_costs_little(kbit: int, delay: float) -> None:
    """Lines that come and go are known anew each time."""
    link, _ = joined(kbit, delay)
    link.run(48)
    assert link.arrived["us"] * LINE / 48 >= 0.9 * link.rate


def test_an_idle_link_whose_delay_jumps_about_is_used_all_the_same() -> None:
    """A mobile network is like that."""
    link, _ = joined(512, 0.08)
    link.jitter = lambda number: 0.04 * (number * 7919 % 101) / 101
    link.run(30)
    before = link.arrived["us"]
    link.run(130)
    assert (link.arrived["us"] - before) * LINE / 100 >= 0.8 * link.rate


@pytest.mark.parametrize(("kbit", "delay"), LINKS)
def test_an_upload_of_the_class_keeps_its_share_and_afterwards_we_come_back(kbit: int, delay: float) -> None:
    link, _ = joined(kbit, delay, buffer=0.5)
    Greedy(link, 40, 120)
    link.run(50)
    before = dict(link.arrived)
    link.run(120)
    ours, theirs = (link.arrived[flow] - before.get(flow, 0) for flow in ("us", "class"))
    assert theirs >= 0.85 * (ours + theirs)
    assert ours > 0
    link.run(150)
    again = link.arrived["us"]
    link.run(190)
    assert (link.arrived["us"] - again) * LINE / 40 >= 0.85 * link.rate


@pytest.mark.parametrize(("kbit", "delay"), LINKS)
def test_a_call_waits_a_tenth_of_a_second_at_most_and_we_take_what_it_leaves(kbit: int, delay: float) -> None:
    link, _ = joined(kbit, delay)
    Call(link, 0.6 * link.rate, 40, 140)
    link.run(50)
    before = link.arrived["us"]
    link.run(140)
    waits = [wait for when, wait in link.waits if when > 50]
    assert sum(waits) / len(waits) <= 0.1
    assert (link.arrived["us"] - before) * LINE / 90 >= 0.75 * 0.4 * link.rate


def test_it_never_starves_whatever_it_feels() -> None:
    yielding = Yielding()
    for second in range(1, 2000):
        yielding.feel(second / 10, Reading(0.05 if second < 20 else 3.0, 140 * second, second))
    assert yielding.rate == FLOOR


def test_a_new_connection_does_not_make_it_forget_the_link() -> None:
    yielding = Yielding()
    for second in range(1, 300):
        yielding.feel(second / 10, Reading(0.05 if second < 20 else 0.6, 140 * second, second))
    low = yielding.rate
    yielding.connected()
    for second in range(1, 7):  # the small packets of its beginning are quick
        yielding.feel(30 + second / 10, Reading(0.01, 100 * second, second))
    assert yielding.rate == low


def test_after_a_rest_it_begins_anew_and_gently() -> None:
    link, us = joined(2000, 0.05)
    link.run(60)
    known = us.yielding.rate
    assert known > 8 * START
    us.yielding.feel(4000.0, Reading(0.05, us.acked, us.answers))
    assert us.yielding.rate <= known / 2


def test_the_least_delay_is_forgotten_after_ten_minutes() -> None:
    base = Base()
    base.add(0.0, 0.02)
    for second in range(1, 1200, 10):
        base.add(float(second), 0.5)
        assert base.least(float(second)) == (0.02 if second < 600 else 0.5)
    assert TARGET < 0.1
