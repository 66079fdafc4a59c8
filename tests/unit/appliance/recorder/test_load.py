"""What gives way on a busy machine, and when it comes back. If these fail, a recording suffers before its comforts do,
or a lesson is chopped into takes by a room that cannot make up its mind."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.recorder.load import CALM, CALM_QUALITY, OVERRUN_SECONDS, STEPS, Gauge, Ladder


def looks(ladder: Ladder, begin: float, seconds: float, pressure: float, late: float) -> Iterator[tuple[float, int]]:
    """A look every two seconds; the instants at which the step changed, and the step."""
    before, now = ladder.step, begin
    while now < begin + seconds:
        step = ladder.look(now, pressure, late)
        if step != before:
            yield now, step
        before, now = step, now + 2


def test_late_fragments_on_a_busy_machine_take_one_step_after_the_other() -> None:
    steps = list(looks(Ladder(), 0, 60, 0.9, 0.7))
    assert [step for _, step in steps] == [1, 2, 3, 4]
    assert all(later[0] - earlier[0] >= 6 for earlier, later in itertools.pairwise(steps))
    assert len(STEPS) == 4


@pytest.mark.parametrize(("pressure", "late"), [(0.9, 0.1), (0.1, 3.0), (0.0, 0.0)])
def test_busy_alone_or_late_alone_is_no_shortage(pressure: float, late: float) -> None:
    """A machine may be busy, and a disk may be slow: giving up the preview would help neither."""
    assert list(looks(Ladder(), 0, 600, pressure, late)) == []


def test_an_overrun_machine_spares_what_it_can_but_no_quality() -> None:
    steps = list(looks(Ladder(), 0, 600, 0.99, 0.1))
    assert [step for _, step in steps] == [1, 2]
    assert steps[0][0] >= OVERRUN_SECONDS


def test_it_comes_back_slowly_and_quality_slowest() -> None:
    ladder = Ladder()
    assert [step for _, step in looks(ladder, 0, 14, 0.9, 0.7)][-1] == 3
    (first, two), (second, one), (third, none) = looks(ladder, 1000, 2000, 0.2, 0.05)
    assert (two, one, none) == (2, 1, 0)
    assert first - 1000 >= CALM_QUALITY
    assert second - first >= CALM
    assert third - second >= CALM


def test_a_load_that_comes_and_goes_does_not_chop_the_lesson() -> None:
    ladder, changes = Ladder(), 0
    for minute in range(90):
        busy = minute % 2
        steps = looks(ladder, 60 * minute, 60, 0.9 if busy else 0.3, 0.7 if busy else 0.1)
        changes += sum(step > 2 for _, step in steps)
    assert changes <= 2, "each is a new take"


def test_the_kernel_tells_how_long_tasks_waited(tmp_path: Path) -> None:
    (tmp_path / "pressure").mkdir()
    gauge = Gauge(tmp_path)
    shares = []
    for now, micros in ((0.0, 5_000_000), (2.0, 6_000_000), (4.0, 8_000_000), (6.0, 8_000_000)):
        (tmp_path / "pressure/cpu").write_text(f"some avg10=1.00 avg60=2.00 avg300=3.00 total={micros}\nfull total=0\n")
        shares.append(gauge.read(now, 0.0))
    assert shares == [0.0, 0.5, 1.0, 0.0]


def test_without_that_busy_processors_count_only_if_waking_was_late(tmp_path: Path) -> None:
    gauge = Gauge(tmp_path)

    def read(now: float, busy: int, delay: float) -> float:
        (tmp_path / "stat").write_text(f"cpu  {busy} 0 0 0 0 0 0 0\ncpu0 1 0\ncpu1 1 0\nintr 1\n")
        return gauge.read(now, delay)

    assert read(0.0, 1000, 0.1) == 0.0
    assert read(2.0, 1400, 0.1) == 1.0
    assert read(4.0, 1800, 0.0) == 0.0
    assert read(6.0, 2000, 0.1) == 0.75, "the mean since the last time that it counted"
