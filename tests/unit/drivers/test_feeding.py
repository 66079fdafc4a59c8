"""The pace of feeders: the count of frames and samples is the time gone by, whatever the machine does."""

from __future__ import annotations

import json
import math
from array import array
from collections.abc import Iterator

import pytest

from drivers import feeding


class Clock:
    """Time that moves only when somebody sleeps, or is held up."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(feeding.time, "monotonic", lambda: self.now)
        monkeypatch.setattr(feeding.time, "sleep", self.hold_up)

    def hold_up(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def sent(pace: Iterator[tuple[int, int]], count: int) -> list[tuple[int, int]]:
    return [next(pace) for _ in range(count)]


def test_frames_come_one_by_one_when_nothing_is_late(clock: Clock) -> None:
    assert sent(feeding.frames(1000.0, 25), 4) == [(0, 1), (1, 1), (2, 1), (3, 1)]
    assert clock.now == pytest.approx(1000 + 3 / 25)


def test_a_feeder_that_was_held_up_owes_the_missed_frames(clock: Clock) -> None:
    pace = feeding.frames(1000.0, 25)
    sent(pace, 3)
    clock.hold_up(0.5)
    number, owed = next(pace)
    assert number == int((clock.now - 1000) * 25 + 1e-6)
    assert 3 + owed == number + 1, "the count of frames must be the time gone by"


def test_a_block_is_given_when_its_last_sample_was_heard(clock: Clock) -> None:
    blocks = feeding.blocks(1000.0)
    assert [next(blocks) for _ in range(3)] == [0, 960, 1920]
    assert clock.now == pytest.approx(1000.06)


def test_the_first_frame_waits_for_nothing(clock: Clock) -> None:
    clock.now = 1000.0333
    epoch = feeding.grid_epoch(25)
    assert epoch == pytest.approx(1000.0)
    assert epoch <= clock.now


def test_levels_are_told_ten_times_a_second(capfd: pytest.CaptureFixture[str]) -> None:
    tone = array("h", (round(16384 * math.sin(2 * math.pi * 1000 * n / 48000)) for n in range(9600)))
    meter = feeding.Meter()
    meter.show(tone.tobytes())
    levels = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert len(levels) == 2
    assert levels[0]["peak_db"] == pytest.approx(-6.0, abs=0.1)
    assert levels[0]["rms_db"] == pytest.approx(-9.0, abs=0.1)


def test_digital_silence_has_a_level_too(capfd: pytest.CaptureFixture[str]) -> None:
    feeding.Meter().show(bytes(9600))
    assert json.loads(capfd.readouterr().err) == {"rms_db": -120.0, "peak_db": -120.0}


def test_a_failure_is_told_before_the_end(capfd: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        raise feeding.FeederError("no-voice", "It cannot speak.")

    assert feeding.run(fail) == feeding.EXIT_DEVICE
    assert json.loads(capfd.readouterr().err) == {"code": "no-voice", "detail": "It cannot speak."}
