"""If these fail, a camera whose crystal is wrong falls out of step with the sound, or a good one is bent."""

from __future__ import annotations

import random

import pytest

from media.drift import Arrivals, Clock

FRAGMENT = 0.48
EPOCH = 5000.0


def recorded(seconds: float, ppm: float, *, seed: int = 1, stalls: float = 0.0, early: float = 0.0) -> Clock:
    """A take whose clock is fast by so many millionths. Arrivals stray by milliseconds; a share of them (stalls) waits
    for up to two seconds in the network, another (early) carries a stamp that is 30 ms late."""
    chance, arrivals = random.Random(seed), Arrivals()
    end = FRAGMENT
    while end < seconds:
        late = abs(chance.gauss(0.0, 0.003)) + (2 * chance.random() if chance.random() < stalls else 0.0)
        late -= 0.03 if chance.random() < early else 0.0
        arrivals.add(end, EPOCH + end / (1 + ppm / 1e6) + late)
        end += FRAGMENT
    return arrivals.clock(0.0)


@pytest.mark.parametrize("ppm", [200.0, -200.0, 35.0, 1000.0])
@pytest.mark.parametrize(("stalls", "early"), [(0.0, 0.0), (0.3, 0.0), (0.1, 0.1)])
def test_the_whole_lesson_is_in_step_whatever_the_crystal(ppm: float, stalls: float, early: float) -> None:
    seconds = 1800.0
    clock = recorded(seconds, ppm, stalls=stalls, early=early)
    for media in (0.0, seconds / 2, seconds):
        assert clock.epoch + media * clock.pace == pytest.approx(EPOCH + media / (1 + ppm / 1e6), abs=0.012)


@pytest.mark.parametrize("seed", range(5))
def test_a_right_clock_is_left_alone(seed: int) -> None:
    assert recorded(1800, 0.0, seed=seed, stalls=0.2).pace == 1.0


def test_a_short_take_is_left_alone() -> None:
    assert recorded(100, 300.0).pace == 1.0


def test_a_clock_that_leaps_bends_nothing_else() -> None:
    """A camera that sets its clock in mid-lesson: no slope explains that."""
    arrivals = Arrivals()
    for number in range(4000):
        end = FRAGMENT * number
        arrivals.add(end, EPOCH + end + (3.0 if number > 3000 else 0.0))
    assert arrivals.clock(0.0) == Clock(EPOCH)


def test_a_clock_that_is_none_is_not_followed() -> None:
    assert recorded(600, 200_000.0).pace == 1.0


def test_the_promptest_of_a_few_tells_when_it_began_and_nothing_tells_nothing() -> None:
    arrivals = Arrivals()
    assert (arrivals.epoch(7.0), arrivals.clock(7.0)) == (7.0, Clock(7.0))
    for end, late in ((0.25, 0.9), (0.5, 0.03), (0.75, 0.4)):
        arrivals.add(end, 50.0 + end + late)
    assert arrivals.epoch(0.0) == pytest.approx(50.03)


def test_a_day_of_fragments_is_judged_at_once() -> None:
    """The pairs of points grow with the square: a keeper must not still be counting when its room is switched off."""
    assert recorded(24 * 3600, 100.0).pace == pytest.approx(1 - 100e-6, abs=2e-6)
