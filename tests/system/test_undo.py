"""A stop that can be undone. If this fails, a slip of the finger costs the rest of a lesson, or what is said after its
end is kept.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.peers.program import wait_until
from tests.system.deployment import Room, one_camera


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    room = Room(tmp_path, one_camera("undo_seconds = 8"))
    room.start()
    room.wait_state("ready")
    yield room
    room.close()


def stop_softly(room: Room) -> dict[str, Any]:
    answer = room.http.post("/lesson/stop", json={"undo": True})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def on_disk(room: Room) -> int:
    return sum(file.stat().st_size for file in (room.spool / "lessons").rglob("*.mp4"))


def test_a_stop_is_undone_without_a_word_lost_or_ends_at_the_touch(room: Room) -> None:
    room.touch("start", title="Algebra")
    room.wait_elapsed(1.5)
    stopped = stop_softly(room)
    assert stopped["state"] == "stopping"
    assert 6 < stopped["undo_seconds"] <= 8
    written, elapsed = on_disk(room), stopped["lesson"]["elapsed"]
    wait_until(lambda: room.status()["undo_seconds"] < 5, 8, "some seconds in which nobody undoes it")
    assert on_disk(room) == written, "what comes after Stop is held in memory alone"

    assert room.touch("undo")["state"] in {"starting", "recording"}
    room.wait_recording("front")
    room.wait_elapsed(elapsed + 2)
    assert room.status()["undo_seconds"] == 0

    stopped = stop_softly(room)
    written = on_disk(room)
    room.daemon.kill()  # as a power cut would, while the stop could still be undone
    room.start()
    wait_until(lambda: room.status()["last"], 15, "the lesson kept")
    kept = room.only_lesson()
    assert kept["state"] == "kept"
    assert on_disk(room) == written
    spans = json.loads((room.spool / "lessons" / kept["id"] / "lesson.json").read_text())["spans"]
    assert [span["ended"] for span in spans] == ["paused", "stopped"]
    assert spans[1]["pre_roll"] > 1, "what was held while the stop could be undone belongs to the lesson"


def test_who_wants_nothing_undone_need_not_wait(room: Room) -> None:
    room.touch("start", title="Algebra")
    room.wait_elapsed(1)
    stop_softly(room)
    assert stop_softly(room)["state"] == "ready"
    room.touch("start", title="Analysis")
    room.wait_elapsed(1)
    stop_softly(room)
    assert room.touch("start", title="Next")["lesson"]["title"] == "Next"
    assert [lesson["state"] for lesson in room.lessons()][:2] == ["kept", "kept"]
    assert room.http.post("/lesson/undo").json()["code"] == "wrong-state"
