"""Hours and budgets. If these fail, lessons eat a school's credit, or wait for ever behind a clock that was wrong."""

from __future__ import annotations

import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.spool.policy import Hours, Policy
from lms_sync.bandwidth import (
    DAILY,
    HOURS,
    KBIT,
    METERED,
    MONTHLY,
    Account,
    account_of,
    allowance,
    barred,
    day_ends,
    month_ends,
)

MONDAY = 1_795_996_800.0  # 2026-11-30 00:00 UTC
HOUR, DAY = 3600.0, 86400.0
SCHOOL = Hours((0, 1, 2, 3, 4), 7 * 60 + 30, 18 * 60, 64)
NIGHT = Hours((4,), 22 * 60, 6 * 60, 0)


def at(when: float, *hours: Hours, kbit: int = 0) -> tuple[float, float]:
    found = allowance(Policy(kbit=kbit, hours=hours), when, time.gmtime)
    return found.rate / KBIT, found.until - when


def test_the_monday_of_these_tests_is_one() -> None:
    assert (*time.gmtime(MONDAY)[:5], time.gmtime(MONDAY).tm_wday) == (2026, 11, 30, 0, 0, 0)


def test_without_hours_the_limit_never_changes() -> None:
    assert at(MONDAY) == (math.inf, math.inf)
    assert at(MONDAY, kbit=256) == (256, math.inf)


def test_hours_have_their_own_rate_and_it_is_known_when_it_changes() -> None:
    assert at(MONDAY, SCHOOL, kbit=256) == (256, 7.5 * HOUR)
    assert at(MONDAY + 7.5 * HOUR, SCHOOL, kbit=256) == (64, 10.5 * HOUR)
    assert at(MONDAY + 18 * HOUR - 1.25, SCHOOL, kbit=256) == (64, 1.25)
    assert at(MONDAY + 18 * HOUR, SCHOOL, kbit=256) == (256, 13.5 * HOUR)
    friday_evening = MONDAY + 4 * DAY + 20 * HOUR
    assert at(friday_evening, SCHOOL, kbit=256) == (256, 2 * DAY + 11.5 * HOUR)


def test_a_night_belongs_to_the_day_on_which_it_begins() -> None:
    saturday = MONDAY + 5 * DAY
    assert at(saturday + 5 * HOUR, NIGHT)[0] == 0
    assert at(saturday + 6 * HOUR, NIGHT)[0] == math.inf
    assert at(saturday + 23 * HOUR, NIGHT)[0] == math.inf
    sunday_night = Hours((6,), 22 * 60, 6 * 60, 0)  # reaches over the end of the week
    assert at(MONDAY + 5 * HOUR, sunday_night) == (0, HOUR)


def test_the_first_hours_that_fit_count() -> None:
    whole_week = Hours((0, 1, 2, 3, 4, 5, 6), 0, 24 * 60, 32)
    assert at(MONDAY + 8 * HOUR, SCHOOL, whole_week)[0] == 64
    assert at(MONDAY + 8 * HOUR, whole_week, SCHOOL) == (32, math.inf)


HOURS_OF = st.builds(
    Hours,
    st.lists(st.integers(0, 6), unique=True).map(tuple),
    st.integers(0, 1440),
    st.integers(0, 1440),
    st.sampled_from([0, 64, 128]),
)


@given(st.lists(HOURS_OF, max_size=3).map(tuple), st.floats(0, 4e9), st.floats(0, 1))
def test_until_then_nothing_changes(hours: tuple[Hours, ...], when: float, part: float) -> None:
    policy = Policy(hours=hours)
    now = allowance(policy, when, time.gmtime)
    assert now.until > when
    if now.until < math.inf:
        before = when + part * (now.until - when) * 0.999
        assert allowance(policy, before, time.gmtime).rate == now.rate
        assert allowance(policy, now.until + 0.001, time.gmtime).rate != now.rate


# -- why not


def test_only_the_hours_stop_a_card() -> None:
    policy = Policy(daily=10, monthly=10, metered_tiers=())
    full = Account("2026-11-30", 99, 99)
    assert barred(policy, "card", rate=0, account=Account(), metered=False) == HOURS
    assert barred(policy, "card", rate=1, account=full, metered=True) == ""


@pytest.mark.parametrize(
    ("day", "month", "metered", "tier", "why"),
    [
        (0, 0, False, "master", ""),
        (9, 99, False, "master", ""),
        (10, 10, False, "slidecast", DAILY),
        (10, 100, False, "slidecast", MONTHLY),
        (0, 0, True, "slidecast", ""),
        (0, 0, True, "proxy", METERED),
        (10, 100, True, "master", METERED),
    ],
)
def test_what_waits_is_told_what_will_last_longest(day: int, month: int, metered: bool, tier: str, why: str) -> None:
    policy = Policy(daily=10, monthly=100)
    account = Account("2026-11-30", day, month)
    assert barred(policy, tier, rate=math.inf, account=account, metered=metered) == why


# -- accounts and clocks


def local(text: str) -> time.struct_time:
    return time.strptime(text, "%Y-%m-%d")


def test_a_new_day_and_a_new_month_begin_with_nothing_sent() -> None:
    spent = Account().turned(local("2026-11-29")).spent(100)
    assert spent.turned(local("2026-11-29")) == spent
    assert spent.turned(local("2026-11-30")) == Account("2026-11-30", 0, 100)
    assert spent.turned(local("2026-12-01")) == Account("2026-12-01", 0, 0)


def test_a_clock_set_back_gives_no_second_budget_and_locks_nothing() -> None:
    spent = Account("2036-01-01", 100, 500).turned(local("2026-11-29"))
    assert spent == Account("2026-11-29", 100, 500)
    assert spent.turned(local("2026-11-30")).day_bytes == 0
    assert spent.turned(local("2026-12-01")).month_bytes == 0


def test_what_was_sent_before_the_time_was_known_counts() -> None:
    assert Account().spent(70).turned(local("2026-11-29")) == Account("2026-11-29", 70, 70)


@given(st.lists(st.tuples(st.dates().map(str), st.integers(0, 1000)), max_size=20))
def test_whatever_the_clock_does_a_budget_is_free_again_a_day_later(steps: list[tuple[str, int]]) -> None:
    account = Account()
    for day, count in steps:
        if day >= "1900":  # strftime pads no older year
            account = account.turned(local(day)).spent(count)
    later = account.turned(local("9999-12-31"))
    assert later.day_bytes <= account.day_bytes
    if account.day < "9999-12-31":
        assert later.day_bytes == 0


def test_an_account_survives_being_written_and_nonsense_is_none() -> None:
    account = Account("2026-11-29", 5, 7)
    assert account_of(account.to_text()) == account
    assert account_of(Account().spent(3).to_text()) == Account("", 3, 3)
    for text in (None, "", "[]", "5", '{"day": 5}', '{"day": "soon", "day_bytes": 0, "month_bytes": 0}', "{"):
        assert account_of(text) == Account()
    assert account_of('{"day": "2026-11-29", "day_bytes": -5, "month_bytes": 0}') == Account()


def test_days_and_months_end() -> None:
    assert day_ends(MONDAY + 5.5, time.gmtime) == MONDAY + DAY
    assert month_ends(MONDAY + 5.5, time.gmtime) == MONDAY + DAY
    assert month_ends(MONDAY - 3 * DAY, time.gmtime) == MONDAY + DAY
