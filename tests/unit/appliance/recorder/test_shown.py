"""If these fail, the panel promises hours that the disk has not, or shows a state that is not true."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from appliance.recorder.evidence import Evidence
from appliance.recorder.plan import RecorderPolicy, SourcePlan
from appliance.recorder.shown import Disk, View
from media.lesson import Lesson, Source, Span
from tests.unit.appliance.recorder.test_evidence import PLAN, fragment

GIGABYTE = 10**9
DISK = Disk(free=20 * GIGABYTE, total=100 * GIGABYTE, reserve=2 * GIGABYTE, freeable=0)


def view(*plans: SourcePlan) -> View:
    return View(plans, RecorderPolicy(), Evidence(plans))


def lesson() -> Lesson:
    return Lesson("L", "", "", "", "en", "recording", [Source("front", "camera", "video")], [Span("b", 100.0, 1e9)])


def test_before_anything_was_measured_the_forecast_takes_what_the_sources_usually_give() -> None:
    assert view(PLAN).status(None, DISK, ready=True).hours_left == pytest.approx(18 * GIGABYTE / 500_000 / 3600)


def test_a_lesson_that_runs_is_measured_by_its_own_rate() -> None:
    here = view(PLAN)
    source = here.evidence.sources["front"]
    source.ask(100.0)
    source.hear(fragment(200, 150.0))  # 200 kB in 50 s
    assert here.status(lesson(), DISK, ready=True).hours_left == pytest.approx(18 * GIGABYTE / 4000 / 3600)


def test_what_may_go_is_room_and_the_reserve_is_none() -> None:
    assert replace(DISK, freeable=5 * GIGABYTE).usable == 23 * GIGABYTE
    assert replace(DISK, free=GIGABYTE).usable == 0


@pytest.mark.parametrize(
    ("plans", "ready", "state"),
    [([PLAN], True, "ready"), ([PLAN], False, "starting"), ([replace(PLAN, capture=None)], True, "cannot-record")],
)
def test_a_room_without_a_lesson(plans: list[SourcePlan], ready: bool, state: str) -> None:
    assert view(*plans).status(None, DISK, ready=ready).state == state


def test_a_lesson_is_recorded_when_something_of_it_reaches_the_disk_and_not_before() -> None:
    here = view(PLAN)
    source = here.evidence.sources["front"]
    source.ask(time.monotonic())
    assert here.state(lesson(), ready=True) == "starting"
    source.hear(fragment(1, time.monotonic()))
    assert here.state(lesson(), ready=True) == "recording"
