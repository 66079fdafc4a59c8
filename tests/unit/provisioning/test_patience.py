"""A demo that dies on stage must be back before anyone notices; one that cannot start must say so, not spin."""

from __future__ import annotations

from provisioning.patience import FAILURES_AT_START, SETTLED, Patience


def test_the_first_death_of_a_working_service_costs_no_waiting() -> None:
    assert Patience().died(lived=5.0, was_ready=True) == 0.0


def test_patience_grows_to_a_limit() -> None:
    patience = Patience()
    delays = [patience.died(lived=5.0, was_ready=True) for _ in range(12)]
    assert delays[:4] == [0.0, 0.5, 1.0, 2.0]
    assert delays[-1] == 10.0


def test_a_long_life_makes_earlier_deaths_forgotten() -> None:
    patience = Patience()
    for _ in range(5):
        patience.died(lived=1.0, was_ready=True)
    assert patience.died(lived=SETTLED, was_ready=True) == 0.0


def test_what_never_starts_is_given_up() -> None:
    patience = Patience()
    delays = [patience.died(lived=0.2, was_ready=False) for _ in range(FAILURES_AT_START)]
    assert delays[-1] is None
    assert None not in delays[:-1]


def test_a_service_that_worked_in_between_starts_counting_anew() -> None:
    patience = Patience()
    for _ in range(FAILURES_AT_START - 1):
        patience.died(lived=0.2, was_ready=False)
    patience.died(lived=5.0, was_ready=True)
    assert patience.died(lived=0.2, was_ready=False) is not None
