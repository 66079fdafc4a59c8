"""What is wrong with a room is said by what it showed, the worst first, and for no longer than it is so."""

from __future__ import annotations

from typing import Any

import pytest

from lms_server.catalog.fleet import grows, holds, troubles
from lms_server.catalog.schemas import Health, RoomView, Trouble, TroubleCode

NOW = 1_795_255_320.0
DAY = 86400.0
GB = 1_000_000_000


def health(silent: float = 30.0, **more: Any) -> Health:
    facts: dict[str, Any] = {"received": NOW - silent, "version": "1", "state": "ready", "title": "", "sources": []}
    facts |= {"disk_hours": 41.0, "backlog": {}, "problem": "", "forecast": None, "clock_ahead": 0.0, "kept": []}
    return Health.model_validate(facts | more)


def room(silent: float | None = 30.0, said: Health | None = None, **more: Any) -> RoomView:
    facts: dict[str, Any] = {"id": "A", "name": "A", "institution": "", "enrolled": NOW - DAY, "revoked": False}
    facts |= {"last_seen": None if silent is None else NOW - silent, "health": said, "last_lesson": None}
    view = RoomView.model_validate({**facts, "lessons": 3, "receiving": 0, "failed": 0, **more})
    return view.model_copy(update={"troubles": troubles(view, NOW)})


def source(state: str, problem: str = "") -> dict[str, str]:
    return {"id": "front", "label": "Board", "state": state, "problem": problem}


@pytest.mark.parametrize(
    ("facts", "codes"),
    [
        ({}, []),
        ({"state": "silent", "sources": [source("lost")]}, ["recorder-down"]),
        ({"state": "recording", "sources": [source("stalled")]}, ["lesson-without"]),
        ({"state": "recording", "finding": "microphone-silent", "finding_of": "Lectern"}, ["lesson-silent"]),
        ({"state": "recording", "finding": "picture-covered", "finding_of": "Board"}, ["lesson-poor"]),
        ({"finding": "picture-covered", "finding_of": "Board"}, []),
        ({"sources": [source("idle", "auth-failed")]}, ["source-down"]),
        ({"finding": "selftest", "finding_of": "Board"}, ["source-down"]),
        ({"state": "cannot-record"}, ["cannot-record"]),
        ({"disk_hours": 1.5, "clock_ahead": -4000.0}, ["disk-filling", "clock-wrong"]),
        ({"disk_hours": None}, []),
        ({"problem": "not-our-server", "backlog": {"master": 7}}, ["cannot-send"]),
    ],
)
def test_what_a_room_says_now_is_what_is_wrong(facts: dict[str, Any], codes: list[TroubleCode]) -> None:
    assert [found.code for found in room(said=health(**facts)).troubles] == codes


@pytest.mark.parametrize(
    ("silent", "facts", "more", "codes"),
    [
        (None, None, {}, ["never-called"]),
        (16 * 3600, {"disk_hours": 1.0}, {}, []),  # off overnight, and what it said then is no evidence now
        (1000, {"state": "recording"}, {}, ["room-silent"]),
        (1000, {"next_begin": NOW - 700}, {}, ["room-silent"]),
        (1000, {"next_begin": NOW - 500}, {}, []),
        (3600, {"backlog": {"master": 7}}, {}, ["room-quiet"]),
        (3600, {}, {"receiving": 1}, ["room-quiet"]),
        (2 * DAY, {"backlog": {"master": 7}}, {}, ["room-silent"]),
        (2 * DAY, {}, {}, ["room-quiet"]),
        (8 * DAY, {}, {}, ["room-silent"]),
        (8 * DAY, {}, {"revoked": True}, []),
        (-500, {}, {}, []),  # the server's clock was set back
        (30, None, {"failed": 2}, ["lessons-failed"]),
    ],
)
def test_a_room_is_missed_when_it_ought_to_be_there(
    silent: float | None, facts: dict[str, Any] | None, more: dict[str, Any], codes: list[TroubleCode]
) -> None:
    said = None if facts is None else health(silent or 0.0, **facts)
    assert [found.code for found in room(silent, said, **more).troubles] == codes


@pytest.mark.parametrize(
    ("runs", "wanted", "days", "codes"),
    [
        ("1.3.9", "1.4.0", 3, ["version-behind"]),
        ("1.3.9", "1.4.0", 1, []),
        ("1.9", "1.10", 3, ["version-behind"]),
        ("1.4.0", "1.4.0", 3, []),
        ("1.5.0", "1.4.0", 3, []),  # a stick brought it
        ("1.3.9", "", 3, []),
        ("", "1.4.0", 3, []),  # an agent of others
        ("strange", "1.4.0", 3, []),
    ],
)
def test_a_room_that_does_not_take_a_version_is_looked_at(
    runs: str, wanted: str, days: int, codes: list[TroubleCode]
) -> None:
    """It has tried and gone back, or has no space, and nobody in the room would notice."""
    found = room(said=health(version=runs), wanted=wanted, released=NOW - days * DAY)
    assert [each.code for each in found.troubles] == codes


def test_a_lesson_being_lost_comes_before_all_that_can_wait() -> None:
    said = health(state="recording", sources=[source("lost")], disk_hours=0.5, clock_ahead=9000.0)
    found = room(said=said, failed=1).troubles
    assert [each.code for each in found] == ["lesson-without", "disk-filling", "lessons-failed", "clock-wrong"]


@pytest.mark.parametrize(
    ("lows", "rises"),
    [
        ([], False),
        ([5 * GB], None),
        ([5 * GB, 9 * GB], None),
        ([5 * GB, 9 * GB, 9 * GB], True),
        ([5 * GB, 9 * GB, 8 * GB], False),
        ([5 * GB, 5 * GB + 1, 5 * GB + 2], None),
        ([GB, 5 * GB, 9 * GB, 12 * GB], True),
    ],
)
def test_a_backlog_grows_when_the_least_of_a_day_does(lows: list[int], rises: bool | None) -> None:
    """A room that records by day and sends by night has gigabytes waiting every evening, and is well."""
    assert grows(lows) is rises


def test_a_disk_is_well_again_only_by_a_margin_and_not_because_the_room_fell_silent() -> None:
    assert isinstance(holds("disk-filling", room(said=health(disk_hours=2.9)), NOW), Trouble)
    assert holds("disk-filling", room(said=health(disk_hours=4.0)), NOW) is None
    assert holds("disk-filling", room(said=health(disk_hours=6.1)), NOW) is False
    assert holds("disk-filling", room(5000, health(5000, disk_hours=6.1)), NOW) is None
    assert holds("disk-filling", room(5000, revoked=True), NOW) is False
