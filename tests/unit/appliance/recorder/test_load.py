"""What gives way on a busy machine, and when it comes back. If these fail, a recording suffers before its comforts do,
or a lesson is chopped into takes by a room that cannot make up its mind."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.events import Bus, Shed
from appliance.recorder.judge.supervisor import Judging
from appliance.recorder.load import CALM, CALM_QUALITY, OVERRUN_SECONDS, STEPS, Gauge, Ladder, Shedding
from appliance.recorder.plan import Encode, Quality, SourcePlan
from appliance.recorder.preview import Preview
from appliance.recorder.status import RecorderStatus
from appliance.thresholds import JudgeTable
from drivers.protocols import Capture
from media.lesson import Lesson, Source, Span


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


class Obedient:
    """A recorder that does as it is told, and records nothing."""

    def __init__(self, hours_left: float) -> None:
        self.capturing = True
        self.quality = Quality()
        self._status = RecorderStatus("recording", None, (), 10**9, 10**10, hours_left)

    def status(self) -> RecorderStatus:
        return self._status

    def lateness(self) -> float:
        return 0.0

    async def ease(self, quality: Quality) -> None:
        self.quality = quality


async def nothing() -> None:
    """There is nothing to let go of."""


def shedding(bus: Bus) -> Shedding:
    encode = Encode(720, 25, 23, 2_500_000, 96_000)
    plans = [
        SourcePlan("ip", "camera", "rtsp", "ip", "video", Capture("video", ("-i", "x"), copy=True), encode, 0.0, 1),
        SourcePlan("usb", "camera", "v4l2", "usb", "video", Capture("video", ("-i", "x")), encode, 0.0, 1),
    ]
    return Shedding(Preview({}, bus, ""), Judging(JudgeTable(), plans, bus), plans, bus, 4.0, nothing)


@pytest.mark.anyio
async def test_each_step_is_told_noted_and_taken_back() -> None:
    bus, now = Bus(), time.monotonic()
    shed, recorder = shedding(bus), Obedient(100.0)
    with bus.subscribe() as events:
        running = asyncio.create_task(shed.run(recorder))
        await asyncio.sleep(0)
        shed.ladder.step = 3
        shed.prepare()
        assert (shed.preview.shed, shed.judging.shed, recorder.quality) == (True, True, Quality(load=1))
        assert shed.standing == ["load-preview", "load-judge", "load-quality"]
        assert [events.get_nowait() for _ in range(3)] == [Shed(code, on=True) for code in shed.standing]
        shed.ladder.step = 0
        shed.prepare()
        assert (shed.preview.shed, shed.judging.shed, recorder.quality, shed.standing) == (False, False, Quality(), [])
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    sources = [Source("ip", "camera", "video"), Source("usb", "camera", "video")]
    lesson = Lesson("x", "", "", "", "en", "stopping", sources, [Span("boot", now, 0.0, "stopped")])
    remarks = shed.report(lesson)
    assert [(remark.source, remark.code) for remark in remarks] == [
        ("", "load-preview"),
        ("", "load-judge"),
        ("usb", "load-quality"),
    ], "a camera that is copied loses nothing"
    lesson.quality = remarks
    assert Lesson.from_json(lesson.to_json()).quality == remarks
    assert shed.report(lesson) == [], "said once"


@pytest.mark.anyio
@pytest.mark.parametrize(("hours", "standing"), [(100.0, []), (4.5, ["disk-quality"]), (1.0, ["disk-quality"])])
async def test_a_short_disk_lowers_what_is_encoded_here(hours: float, standing: list[str]) -> None:
    shed, recorder = shedding(Bus()), Obedient(hours)
    running = asyncio.create_task(shed.run(recorder))
    await asyncio.sleep(0)
    shed.prepare()
    assert shed.standing == standing
    assert recorder.quality == Quality(disk=bool(standing))
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
