"""No lesson is disturbed by an update, and no room without a lesson waits for ever."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from provisioning.updating.quiet import BEFORE, Room, address, busy, look

NOW = 1_800_000_000.0
CALM: dict[str, Any] = {"state": "ready", "lesson": None, "undo_seconds": 0.0, "timetable": None}


def room(now: float | None = NOW, **changes: Any) -> Room:
    return Room({**CALM, **changes}, grows=False, now=now)


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (room(state="recording", lesson={"id": "x"}), "A lesson is on."),
        (room(state="paused", lesson={"id": "x"}), "A lesson is on."),
        (room(state="starting"), "A lesson is on."),
        (room(state="stopping"), "A lesson is on."),
        (room(undo_seconds=12.0), "can still be undone"),
        (room(timetable={"now": {"title": "Physics", "begin": NOW - 60, "end": NOW + 60}}), "has a lesson now"),
        (room(timetable={"next": {"title": "Physics", "begin": NOW + BEFORE - 1}}), "next lesson is near"),
        (Room(None, grows=True, now=NOW), "is being recorded"),
    ],
)
def test_a_lesson_on_or_near_is_left_alone(found: Room, why: str) -> None:
    assert why in busy(found)


@pytest.mark.parametrize(
    "found",
    [
        room(),
        room(state="cannot-record"),
        room(timetable={"now": None, "next": {"title": "Physics", "begin": NOW + BEFORE + 1}}),
        room(timetable={"now": None, "next": None}),
        room(now=None, timetable={"next": {"title": "Physics", "begin": 60.0}}),
        Room(CALM, grows=True, now=NOW),  # a lesson that has just ended
        Room(None, grows=False, now=NOW),
    ],
)
def test_a_room_without_a_lesson_may_be_touched(found: Room) -> None:
    """Also one whose daemon does not answer: what mends it may be the update."""
    assert busy(found) == ""


def test_a_recording_shows_on_the_disk_when_the_daemon_does_not_answer(tmp_path: Path) -> None:
    (tmp_path / "daemon.json").write_text(json.dumps({"url": "http://127.0.0.1:1"}))
    journal = tmp_path / "lessons" / "01K00000000000000000000000" / "front" / "take-001.journal"
    journal.parent.mkdir(parents=True)
    journal.write_text("")
    assert (look(tmp_path).status, look(tmp_path).grows) == (None, True)
    os.utime(journal, (time.time() - 3600,) * 2)
    assert not look(tmp_path).grows


@pytest.mark.parametrize("text", ["", "[]", '{"url": "http://203.0.113.7:80"}', '{"url": 7}', '{"url": "http://["}'])
def test_only_a_daemon_on_this_machine_is_asked(tmp_path: Path, text: str) -> None:
    (tmp_path / "daemon.json").write_text(text)
    assert address(tmp_path) == "http://127.0.0.1:8400"
