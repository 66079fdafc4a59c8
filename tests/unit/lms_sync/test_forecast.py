"""When lessons will be there. If these fail, a teacher is told of a time that has passed, or of a miracle."""

from __future__ import annotations

import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.spool.policy import Hours, Policy
from lms_sync.bandwidth import KBIT, ON_THE_WIRE, Account
from lms_sync.forecast import HORIZON, Forecast, Load, Rates, forecast, latest, loads, of_text, to_text
from lms_sync.pace import HEADERS

MONDAY = 1_795_996_800.0  # 2026-11-30 00:00 UTC
HOUR, DAY = 3600.0, 86400.0
NIGHTS = tuple(range(7))


def body(line: float) -> int:
    """Bytes of a body which take so many on the line."""
    return round((line - HEADERS) / ON_THE_WIRE)


def known(rate: float) -> Rates:
    rates = Rates()
    rates.learn(0, rate, 60)
    return rates


def tell(
    *backlog: Load, policy: Policy | None = None, rate: float = 1000.0, sent: int = 0, metered: bool = False
) -> Forecast:
    account = Account("2026-11-30", sent, sent)
    return forecast(
        backlog,
        policy=policy or Policy(),
        account=account,
        rates=known(rate) if rate else Rates(),
        metered=metered,
        now=MONDAY,
        local=time.gmtime,
    )


def test_on_an_even_link_it_is_bytes_through_rate() -> None:
    found = tell(Load("A", "card", body(10_000)), Load("B", "card", body(20_000)), Load("A", "master", body(1e6)))
    assert found.lessons["A"]["card"] == pytest.approx(MONDAY + 10, abs=1)
    assert found.tiers["card"] == found.lessons["B"]["card"] == pytest.approx(MONDAY + 30, abs=1)
    assert found.all == found.lessons["A"]["master"] == pytest.approx(MONDAY + 1030, abs=1)


def test_nothing_to_send_is_done_now() -> None:
    assert tell().all == MONDAY


def test_a_pause_is_waited_out() -> None:
    policy = Policy(hours=(Hours(NIGHTS, 0, 6 * 60, 0),))
    assert tell(Load("A", "master", body(1000)), policy=policy).all == pytest.approx(MONDAY + 6 * HOUR + 1, abs=1)


def test_a_pause_for_ever_has_no_end() -> None:
    policy = Policy(hours=(Hours(NIGHTS, 0, 1440, 0),))
    assert tell(Load("A", "card", 1), policy=policy).all is None


def test_hours_slow_the_link_down_and_never_up() -> None:
    policy = Policy(hours=(Hours(NIGHTS, 0, 60, 8),))
    assert tell(Load("A", "master", body(3600 * 1000)), policy=policy, rate=8000).all == pytest.approx(
        MONDAY + HOUR, abs=2
    )
    assert tell(Load("A", "master", body(3600 * 500)), policy=policy, rate=500).all == pytest.approx(
        MONDAY + HOUR, abs=2
    )


def test_a_days_budget_is_spread_over_days_and_cards_go_at_once() -> None:
    policy = Policy(daily=1_000_000)
    found = tell(Load("A", "card", body(5000)), Load("A", "master", body(2_500_000)), policy=policy, sent=1_000_000)
    assert found.tiers["card"] == pytest.approx(MONDAY + 5, abs=1)
    assert found.all == pytest.approx(MONDAY + 3 * DAY + 500, abs=10)


def test_a_months_budget_waits_for_the_month() -> None:
    policy = Policy(monthly=1_000_000)
    found = tell(Load("A", "slidecast", body(500_000)), policy=policy, sent=1_000_000)
    assert found.all == pytest.approx(MONDAY + DAY + 500, abs=2)  # the first of December


def test_what_a_metered_link_does_not_carry_has_no_time() -> None:
    found = tell(Load("A", "slidecast", 1000), Load("A", "master", 1000), metered=True)
    assert found.tiers["slidecast"] is not None
    assert (found.tiers["master"], found.all) == (None, None)


def test_a_link_that_was_never_used_has_shown_nothing() -> None:
    assert tell(Load("A", "card", 1), rate=0).all is None


def test_what_takes_a_season_is_not_foretold() -> None:
    assert tell(Load("A", "master", round(1000 * HORIZON * 1.1))).all is None


# -- properties

LOADS = st.lists(
    st.builds(
        Load,
        st.sampled_from("ABC"),
        st.sampled_from(["card", "slidecast", "proxy", "master"]),
        st.integers(0, 30_000_000),
    ),
    max_size=6,
    unique_by=lambda load: (load.lesson, load.tier),
)
POLICIES = st.builds(
    Policy,
    kbit=st.sampled_from([0, 32, 256]),
    hours=st.lists(
        st.builds(
            Hours,
            st.lists(st.integers(0, 6), unique=True).map(tuple),
            st.integers(0, 1440),
            st.integers(0, 1440),
            st.sampled_from([0, 16, 512]),
        ),
        max_size=2,
    ).map(tuple),
    daily=st.sampled_from([0, 5_000_000]),
    monthly=st.sampled_from([0, 40_000_000]),
)
RATES = st.lists(st.sampled_from([0, 2000, 16_000]), min_size=24, max_size=24).map(lambda rates: Rates(str(rates)))


@given(LOADS, POLICIES, RATES, st.booleans(), st.data())
def test_never_in_the_past_and_in_the_order_of_sending(
    backlog: list[Load], policy: Policy, rates: Rates, metered: bool, data: st.DataObject
) -> None:
    now, sent = data.draw(st.floats(MONDAY, MONDAY + 400 * DAY)), data.draw(st.integers(0, 50_000_000))
    account = Account("", sent, sent)
    found = forecast(backlog, policy=policy, account=account, rates=rates, metered=metered, now=now, local=time.gmtime)
    times = [at for lesson in found.lessons.values() for at in lesson.values()]
    assert all(at is None or at >= now for at in times)
    assert found.all == (latest(times) if times else now)
    for tier, at in found.tiers.items():
        assert at == latest(lesson[tier] for lesson in found.lessons.values() if tier in lesson)


@given(LOADS.filter(bool), POLICIES, RATES, st.data())
def test_more_to_send_is_never_there_sooner(
    backlog: list[Load], policy: Policy, rates: Rates, data: st.DataObject
) -> None:
    which = data.draw(st.integers(0, len(backlog) - 1))
    old = backlog[which]
    heavier = [*backlog]
    heavier[which] = Load(old.lesson, old.tier, old.bytes + data.draw(st.integers(1, 20_000_000)))

    def told(loads: list[Load]) -> Forecast:
        return forecast(
            loads, policy=policy, account=Account(), rates=rates, metered=False, now=MONDAY, local=time.gmtime
        )

    light, heavy = told(backlog), told(heavier)
    for lesson, tiers in light.lessons.items():
        for tier, at in tiers.items():
            later = heavy.lessons[lesson][tier]
            assert later is None or (at is not None and later >= at - 0.01)


# -- what the link has shown


def test_an_hour_has_its_own_rate_and_others_lend_theirs() -> None:
    rates = Rates()
    assert rates.at(9) is None
    rates.learn(9, 1000, 10)
    rates.learn(22, 9000, 10)
    assert (rates.at(9), rates.at(22), rates.at(3)) == (1000, 9000, 5000)
    for _ in range(100):
        rates.learn(9, 3000, 60)
    assert rates.at(9) == pytest.approx(3000, rel=0.01)
    assert Rates(rates.to_text()).at(22) == 9000


def test_a_rate_that_was_held_on_purpose_says_little_of_the_link() -> None:
    rates = Rates()
    rates.learn(9, 16_000, 10)
    for _ in range(100):
        rates.learn(9, 7900, 60, limit=64 * KBIT)
    assert rates.at(9) == 16_000
    for _ in range(100):
        rates.learn(9, 4000, 60, limit=64 * KBIT)
    assert rates.at(9) == pytest.approx(4000, rel=0.01)


@pytest.mark.parametrize("text", [None, "", "{", "5", "[1]", str([-1] * 24), '["a"]', str([True] * 24).lower()])
def test_spoilt_rates_are_none(text: str | None) -> None:
    assert Rates(text).at(0) is None


def test_a_forecast_survives_being_written() -> None:
    found = Forecast(None, {"card": 5.0, "master": None}, {"A": {"card": 5.0, "master": None}})
    assert of_text(to_text(found, {"master": "metered", "card": ""})) == (found, {"master": "metered"})
    for text in (None, "", "[]", "{", '{"tiers": 5, "lessons": {}, "barred": {}}', '{"tiers": {}, "lessons": []}'):
        assert of_text(text) == (Forecast(None, {}, {}), {})


def test_assets_of_one_tier_are_one_load() -> None:
    assert loads([("A", "card", 5), ("A", "card", 6), ("B", "card", 1)]) == [
        Load("A", "card", 11),
        Load("B", "card", 1),
    ]
    assert math.isclose(known(5.0).at(0) or 0, 5.0)
