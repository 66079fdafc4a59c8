"""If these fail, the panel says "recording" while nothing reaches the disk."""

from __future__ import annotations

from dataclasses import replace

import pytest

from appliance.recorder.evidence import FRESH, OPENING, Evidence, SourceEvidence
from appliance.recorder.plan import Encode, SourcePlan
from appliance.recorder.status import Problem
from drivers.protocols import Capture

PLAN = SourcePlan(
    id="front",
    kind="camera",
    driver="rtsp",
    label="Front",
    media="video",
    capture=Capture("video", ("-i", "x"), copy=True),
    encode=Encode(720, 25, 23, 1, 1),
    av_offset_ms=0.0,
    expected_rate=500_000,
)


def fragment(n: int, mono: float, take: int = 1) -> dict[str, object]:
    return {
        "event": "fragment",
        "take": take,
        "span": 0,
        "n": n,
        "bytes": n * 1000,
        "seconds": n * 0.25,
        "epoch": 100.0,
        "mono": mono,
    }


@pytest.fixture
def source() -> SourceEvidence:
    item = SourceEvidence(PLAN)
    item.ask(100.0)
    return item


def test_asked_for_is_not_recording(source: SourceEvidence) -> None:
    assert source.state(100.5, wanted=True) == "starting"
    assert source.state(100.1 + OPENING, wanted=True) == "stalled"


def test_recording_is_what_reached_the_disk_in_the_last_two_seconds(source: SourceEvidence) -> None:
    source.hear(fragment(1, 101.0))
    assert source.state(101.0 + FRESH, wanted=True) == "recording"
    assert source.state(101.1 + FRESH, wanted=True) == "stalled"
    assert source.state(101.0, wanted=False) == "idle"


def test_a_lost_source_says_why_until_it_is_back(source: SourceEvidence) -> None:
    source.hear(fragment(1, 101.0))
    source.hear({"event": "lost", "code": "stalled", "detail": "Nothing for 5 s."})
    assert source.state(104.0, wanted=True) == "lost"
    assert source.status(104.0, wanted=True).problem == Problem("stalled", "Nothing for 5 s.")
    source.hear(fragment(1, 105.0, take=2))
    assert source.state(105.0, wanted=True) == "recording"
    assert source.status(105.0, wanted=True).bytes == 2000
    assert source.status(105.0, wanted=True).problem is None


def test_a_source_that_cannot_be_captured_is_lost_and_not_starting() -> None:
    broken = replace(PLAN, capture=None, problem=Problem("no-driver", "There is no such driver."))
    item = SourceEvidence(broken)
    item.ask(100.0)
    assert item.state(100.1, wanted=True) == "lost"
    assert item.status(100.1, wanted=True).problem == broken.problem


def test_an_old_level_is_not_shown_as_the_present_one(source: SourceEvidence, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("appliance.recorder.evidence.time.monotonic", lambda: 200.0)
    source.hear({"event": "level", "rms_db": -20.0, "peak_db": -10.0})
    assert source.status(200.5, wanted=True).rms_db == -20.0
    assert source.status(202.0, wanted=True).rms_db is None


def test_a_new_lesson_begins_without_the_old_ones_takes() -> None:
    evidence = Evidence([PLAN], clock=lambda: 101.5)
    evidence.sources["front"].hear(fragment(1, 101.0))
    assert len(evidence.takes()) == 1
    evidence.forget()
    assert evidence.takes() == []
