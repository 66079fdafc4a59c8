"""Power cuts of a real room with three sources. If these fail, a teacher loses seconds, or a whole lesson."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.system.powercut import results
from tests.system.powercut.crashdisk import possible
from tests.system.powercut.laboratory import Laboratory, Outcome
from tests.system.powercut.witness import PLANTS

pytestmark = [
    pytest.mark.timeout(0),
    pytest.mark.skipif(not possible(), reason="only root can mount the disk whose power is cut, where there is FUSE"),
]


def faults(outcomes: Sequence[Outcome]) -> list[str]:
    return [f"cut {outcome.number}: {fault}" for outcome in outcomes for fault in outcome.faults]


def told(outcomes: Sequence[Outcome], capsys: pytest.CaptureFixture[str]) -> results.Figures:
    figures = results.Figures.of(outcomes)
    with capsys.disabled():
        results.say(figures)
    return figures


@pytest.mark.quiet
def test_twenty_cuts_cost_at_most_a_second_each_and_the_lesson_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lab = Laboratory(tmp_path, seed=20)
    lab.record(20)
    outcomes = lab.follow_all()
    assert faults(outcomes) == []
    figures = told(outcomes, capsys)
    assert figures.lost_max <= 1.0
    assert figures.back_max <= 10.0
    assert statistics.mean(outcome.unflushed > 0 for outcome in outcomes) > 0.2  # else the disk was cut at rest only


def test_a_cut_during_a_touch_leaves_the_lesson_before_it_or_after_it(tmp_path: Path) -> None:
    lab = Laboratory(tmp_path, seed=4)
    lab.touches(1)
    assert faults(lab.follow_all()) == []


@pytest.mark.parametrize("plant", PLANTS)
def test_the_laboratory_catches_a_planted_bug(tmp_path: Path, plant: str) -> None:
    lab = Laboratory(tmp_path, plant=plant)
    if plant == "lesson-not-synced":
        lab.touches(1)
    else:
        lab.record(3)
    assert faults(lab.inspect_all()) != []


def test_the_laboratory_finds_nothing_where_nothing_is_wrong(tmp_path: Path) -> None:
    lab = Laboratory(tmp_path)
    lab.touches(1)
    assert faults(lab.inspect_all()) == []


@pytest.mark.soak
def test_a_hundred_cuts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    outcomes: list[Outcome] = []
    for lesson in range(5):
        place = tmp_path / str(lesson)
        place.mkdir()
        lab = Laboratory(place, seed=100 + lesson)
        lab.record(20)
        outcomes += lab.follow_all()
    results.write(results.Figures.of(outcomes), "make soak")
    told(outcomes, capsys)
    assert faults(outcomes) == []


@pytest.mark.soak
def test_twenty_cuts_during_touches(tmp_path: Path) -> None:
    lab = Laboratory(tmp_path, seed=7)
    lab.touches(3)
    assert faults(lab.follow_all()) == []
