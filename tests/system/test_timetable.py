"""A room with a timetable and no network. If this fails a class is not recorded because nobody touched Start."""

from __future__ import annotations

import json
import time
from pathlib import Path

from tests.peers.program import wait_until
from tests.system.deployment import Room, closing_all, manifest

ROOM = """
[recorder]
renditions = false

[timetable]
file = "{file}"

[[camera]]
id = "front"
driver = "sim"
"""


def stamp(at: float) -> str:
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(at))


def test_a_lesson_begins_and_ends_by_itself_though_the_daemon_is_killed_meanwhile(tmp_path: Path) -> None:
    file = tmp_path / "table.ics"
    room = Room(tmp_path, ROOM.format(file=file))
    with closing_all(room):
        room.start()
        begin = int(time.time()) + 2
        end = begin + 25  # time enough for a busy machine to find the file, and to begin late if need be
        lines = [
            *("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//test//", "BEGIN:VEVENT", "UID:algebra"),
            *(
                "SUMMARY:Algebra II",
                f"DTSTART:{stamp(begin)}",
                f"DTEND:{stamp(end)}",
                "END:VEVENT",
                "END:VCALENDAR",
                "",
            ),
        ]
        file.write_text("\r\n".join(lines))
        wait_until(lambda: room.status()["lesson"] is not None, 60, "the lesson's beginning")
        said = room.status()
        assert said["lesson"]["title"] == "Algebra II"
        wait_until(lambda: room.status()["timetable"]["lesson"] == said["lesson"]["id"], 5, "the timetable's lesson")
        assert room.status()["timetable"]["ends"] == end
        room.wait_recording("front")

        room.daemon.kill()
        room.daemon.start()
        lesson = said["lesson"]["id"]
        wait_until(lambda: manifest(room, lesson)["state"] == "kept", 60, "the lesson's end")
        assert time.time() >= end
        assert len(list((room.spool / "lessons").iterdir())) == 1
        orders = [json.loads(line) for line in (room.spool / "audit.log").read_text().splitlines()]
        assert [(order["what"], order["why"]) for order in orders] == [("start", "timetable"), ("stop", "timetable")]
