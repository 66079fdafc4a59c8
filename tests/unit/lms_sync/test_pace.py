"""Chunks too large lose much at every cut, too small waste the link; waits too equal make a thousand rooms one herd."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from lms_sync.pace import (
    AIM,
    AT_MOST,
    FIRST,
    FORGIVEN,
    LARGEST,
    LARGEST_WHERE_CUT,
    SHRINKS,
    SMALLEST,
    WAITING,
    Backoff,
    Pace,
)


def drive(pace: Pace, rate: float, chunks: int) -> None:
    for _ in range(chunks):
        pace.sent(pace.size, pace.size / rate)


def test_the_first_chunk_is_small_enough_for_an_unknown_link() -> None:
    assert Pace().size == FIRST


def test_a_fast_link_is_filled_within_a_few_chunks() -> None:
    pace = Pace()
    drive(pace, 100e6, 7)
    assert pace.size == LARGEST
    assert pace.at_largest


def test_only_a_very_quick_link_is_begun_less_carefully() -> None:
    """On a shared one whoever was there first would be pushed aside."""
    slow, quick = Pace(), Pace()
    slow.sent(FIRST, 0.3)
    quick.sent(FIRST, 0.2)
    assert (slow.size, quick.size) == (2 * FIRST, 4 * FIRST)


def test_a_slow_link_gets_chunks_of_a_few_seconds() -> None:
    pace = Pace()
    drive(pace, 32_000, 10)
    assert 5 <= pace.size / 32_000 <= AIM


def test_where_answers_are_long_in_coming_chunks_take_longer_up_to_a_limit() -> None:
    pace = Pace()
    pace.answered(0.6)
    drive(pace, 32_000, 20)
    assert 0.9 * 0.6 / WAITING <= pace.size / 32_000 <= 0.6 / WAITING
    pace.answered(30.0)
    drive(pace, 32_000, 20)
    assert pace.size / 32_000 <= AT_MOST


def test_a_link_that_slows_down_is_followed_at_once() -> None:
    pace = Pace()
    drive(pace, 100e6, 10)
    drive(pace, 16_000, 4)
    assert pace.size < LARGEST / 2
    drive(pace, 16_000, 20)
    assert pace.size / 16_000 <= AIM


def test_a_link_cut_every_two_megabytes_does_not_lose_whole_chunks_of_four() -> None:
    pace = Pace()
    for _ in range(10):
        drive(pace, 1e6, 8)
        pace.cut()
    assert pace.size <= FIRST


def test_where_the_server_keeps_what_was_cut_chunks_stay_large() -> None:
    pace = Pace()
    drive(pace, 100e6, 5)
    pace.cut()
    pace.resumed(3 * LARGEST_WHERE_CUT // 4)
    for _ in range(10):
        drive(pace, 100e6, 3)
        pace.cut()
        pace.resumed(16 * 1024)
    assert pace.size == LARGEST_WHERE_CUT
    assert pace.at_largest
    pace.cut()
    pace.resumed(0)  # a proxy came in between
    pace.cut()
    assert pace.size < LARGEST_WHERE_CUT / 2


def test_a_link_that_stays_up_again_is_trusted_again() -> None:
    pace = Pace()
    pace.cut()
    assert pace.size == SMALLEST
    drive(pace, 100e6, 3000)
    assert pace.size > 8 * SMALLEST


def test_a_proxy_that_refuses_a_size_never_sees_it_again() -> None:
    pace = Pace()
    drive(pace, 100e6, 5)
    assert pace.too_large(1_000_000)
    drive(pace, 100e6, 5)
    assert pace.size <= 500_000
    assert not pace.too_large(10_000)


def test_after_a_chunk_that_was_given_up_comes_a_far_smaller_one() -> None:
    pace = Pace()
    drive(pace, 100e6, 20)
    pace.overdue()
    assert pace.size == LARGEST / SHRINKS
    pace.sent(pace.size, 120.0)
    assert pace.size <= LARGEST / SHRINKS / 120 * AIM


def test_a_proxy_that_closes_without_a_word_gets_smaller_chunks_too() -> None:
    pace = Pace()
    for _ in range(12):
        if pace.size <= 50_000:
            break
        pace.cut()
    assert pace.size <= 50_000
    drive(pace, 100e6, FORGIVEN - 1)
    assert pace.size <= 50_000
    drive(pace, 100e6, 1)
    assert pace.size > 50_000


@given(
    st.lists(
        st.tuples(st.sampled_from(["sent", "cut", "overdue", "answered", "large"]), st.floats(1e-4, 100.0)), max_size=60
    )
)
def test_the_size_is_always_one_that_can_be_sent(events: list[tuple[str, float]]) -> None:
    pace = Pace()
    for kind, seconds in events:
        if kind == "sent":
            pace.sent(pace.size, seconds)
        elif kind == "cut":
            pace.cut()
        elif kind == "overdue":
            pace.overdue()
        elif kind == "answered":
            pace.answered(seconds)
        else:
            pace.too_large(pace.size)
        assert 16 * 1024 <= pace.size <= LARGEST
        assert pace.size % (16 * 1024) == 0 or pace.size < SMALLEST


def test_the_first_new_try_is_quick_and_the_last_are_five_minutes_apart_at_most() -> None:
    backoff = Backoff(random.Random(1))
    waits = [backoff.fail() for _ in range(40)]
    assert waits[0] < 0.5
    assert 1.0 <= waits[1] <= 3.0
    assert max(waits) <= Backoff.LONGEST
    assert min(waits[-10:]) >= Backoff.LONGEST / 3.1


def test_after_a_short_outage_the_wait_is_short() -> None:
    backoff = Backoff(random.Random(2))
    away = 0.0
    while away < 60:
        wait = backoff.fail()
        away += wait
    assert wait < 45


def test_two_hundred_rooms_do_not_come_back_together() -> None:
    waits = sorted(Backoff(random.Random(seed)).wait(30) for seed in range(200))
    assert waits[-1] - waits[0] > 150


def test_a_success_makes_the_next_failure_a_first_one() -> None:
    backoff = Backoff(random.Random(1))
    for _ in range(10):
        backoff.fail()
    backoff.reset()
    assert backoff.fail() < 0.5
