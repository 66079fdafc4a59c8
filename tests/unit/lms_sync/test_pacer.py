"""A rate that is held. If these fail, a telephone call in the school breaks up while a lesson is sent."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lms_sync.bandwidth import KBIT, ON_THE_WIRE
from lms_sync.pace import KIB, LARGEST
from lms_sync.pacer import PACKET, SAVED, HeldPace, Pacer

pytestmark = pytest.mark.anyio


class Clock:
    """Time that passes only while somebody waits for it, and always a little longer than asked."""

    def __init__(self, late: float = 0.0) -> None:
        self.now = 1000.0
        self.late = late

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds + self.late


def pacer_of(kbit: float, clock: Clock) -> Pacer:
    pacer = Pacer(steady=clock, sleep=clock.sleep)
    pacer.limit = kbit * KBIT
    return pacer


async def sent(pacer: Pacer, clock: Clock, length: int) -> list[tuple[float, int]]:
    return [(clock(), len(piece)) async for piece in pacer.pieces(bytes(length), lambda: None)]


@pytest.mark.parametrize("kbit", [8, 64, 128, 512, 100_000])
@pytest.mark.parametrize("late", [0.0, 0.004])
async def test_the_rate_is_held_though_timers_are_late(kbit: int, late: float) -> None:
    clock = Clock(late)
    pacer = pacer_of(kbit, clock)
    length = int(kbit * KBIT * 20)
    begin = clock()
    await sent(pacer, clock, length)
    rate = length * ON_THE_WIRE / (clock() - begin) / KBIT
    assert 0.97 * kbit <= rate <= 1.01 * kbit


@pytest.mark.parametrize("kbit", [64, 128, 512, 10_000])
async def test_there_is_no_burst_after_a_rest(kbit: int) -> None:
    clock = Clock()
    pacer = pacer_of(kbit, clock)
    await sent(pacer, clock, int(kbit * KBIT))
    clock.now += 3600
    went = await sent(pacer, clock, int(kbit * KBIT * 2))
    first = went[0][0]
    early = sum(size for when, size in went if when - first < 0.01)
    assert early <= 0.25 * kbit * KBIT


@given(st.floats(1000, 1e9), st.integers(1, 5_000_000))
def test_pieces_fit_the_rate(rate: float, length: int) -> None:
    """A whole packet at most, or a quarter of a second: more would stand in the way of the class."""
    pacer = Pacer()
    pacer.limit = rate
    assert 1 <= pacer.piece(length) <= max(PACKET, (0.25 - SAVED) * rate)


async def test_the_body_arrives_in_order_and_whole_whatever_the_rate() -> None:
    body = bytes(range(256)) * 40
    for kbit in (8, 64, math.inf):
        clock = Clock()
        pieces = [piece async for piece in pacer_of(kbit, clock).pieces(body, lambda: None)]
        assert b"".join(pieces) == body


async def test_a_rate_that_changes_in_mid_body_holds_from_the_next_piece() -> None:
    clock = Clock()
    pacer = pacer_of(64, clock)
    begin = clock()
    async for _ in pacer.pieces(bytes(80_000), lambda: None):
        if clock() - begin >= 5:
            pacer.limit = 640 * KBIT
    assert 5 <= clock() - begin <= 6


async def test_what_went_over_the_line_is_counted_with_its_headers() -> None:
    clock = Clock()
    pacer = pacer_of(64, clock)
    await sent(pacer, clock, 100_000)
    pacer.spend(1500)
    assert 1.03 * 100_000 <= pacer.carried <= 1.05 * 100_000 + 1500


def test_chunks_shrink_with_the_rate_so_that_a_cut_costs_little() -> None:
    pacer = Pacer()
    pace = HeldPace(pacer)
    for _ in range(10):
        pace.sent(pace.size, 0.1)
    assert pace.size == LARGEST
    for kbit, size in ((512, 624), (64, 64), (8, 16)):
        pacer.limit = kbit * KBIT
        assert pace.size == size * KIB
    pacer.limit = math.inf
    assert pace.size == LARGEST
    for left, size in ((1_000_000, 976), (5000, 16), (0, 16)):
        pacer.left = left
        assert pace.size == size * KIB
