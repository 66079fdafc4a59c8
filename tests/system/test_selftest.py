"""The room tries itself before class. If these fail, a teacher meets a dead microphone, or a room that is busy."""

from __future__ import annotations

import json
import time
from pathlib import Path

from tests.peers.program import wait_until
from tests.system.deployment import Room, closing_all

DEVICES = """
[selftest]
at = [{times}]

[[camera]]
id = "front"
driver = "sim"
fault = "black"
fault_after = 0
fault_seconds = 3600

[[camera]]
id = "board"
driver = "sim"
scene = "pattern"

[[microphone]]
id = "lectern"
driver = "sim"
scene = "beep"
"""


def times() -> str:
    """This minute and the last, both of today: two tests are due at once."""
    wait_until(lambda: time.localtime()[3:5] != (0, 0), 61, "the second minute of the day")
    now = time.time()
    return ", ".join(f'"{time.strftime("%H:%M", time.localtime(now - ago))}"' for ago in (0, 60))


def test_what_is_wrong_is_said_before_class_and_a_touch_on_start_is_not_kept_waiting(tmp_path: Path) -> None:
    room = Room(tmp_path, DEVICES.format(times=times()))
    notes = room.spool / "selftest.json"
    with closing_all(room):
        room.start()
        wait_until(notes.exists, 20, "the first test's beginning")
        room.touch("start", title="Too early for a test")
        room.wait_recording("front", "board", "lectern")
        wait_until(lambda: "for a lesson has begun" in room.daemon.words(), 10, "the end of the first test")
        room.touch("stop")
        assert room.status()["selftest"] is None

        wait_until(lambda: room.status()["selftest"] is not None, 60, "the second test")
        found = room.status()
        assert found["selftest"]["sources"] == 3
        assert found["selftest"]["wrong"] == {"front": "picture-black"}
        assert (found["health"]["code"], found["health"]["facts"]["verdict"]) == ("selftest", "picture-black")
        assert len(json.loads(notes.read_text())["done"]) == 2

        assert room.http.post("/selftest").json()["testing"]  # a touch on Test
        wait_until(lambda: not room.status()["testing"], 60, "the third test")
        again = room.status()["selftest"]
        assert again["at"] > found["selftest"]["at"]
        assert again["wrong"] == {"front": "picture-black"}

        room.daemon.stop()
        room.start()
        assert room.status()["selftest"] == again
