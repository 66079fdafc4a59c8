"""A room without its timetable records nothing of what was planned; a strange file must not cost it anything else."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.room.diary import FRESH, Diary
from appliance.spool.layout import Spool

TEN = 1_795_255_200.0
pytestmark = pytest.mark.anyio


def calendar(title: str) -> str:
    return "\r\n".join(
        [
            *("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:x", "BEGIN:VEVENT", "UID:a", f"SUMMARY:{title}"),
            *("DTSTART:20261121T100000Z", "DURATION:PT90M", "END:VEVENT", "END:VCALENDAR", ""),
        ]
    )


async def test_the_servers_timetable_comes_first_and_the_rooms_own_stands_in(tmp_path: Path) -> None:
    own, given = tmp_path / "own.ics", tmp_path / "spool" / "timetable.ics"
    spool = Spool(tmp_path / "spool")
    spool.prepare()
    diary = Diary(spool, str(own))
    assert await diary.look(TEN)
    assert diary.problem is not None  # it was named, and is not there
    own.write_text(calendar("Own"))
    assert await diary.look(TEN)
    assert [event.title for event in diary.events] == ["Own"]
    assert diary.problem is None
    assert not await diary.look(TEN + 60)
    given.write_text(calendar("Given"))
    await diary.look(TEN + 120)
    assert [event.title for event in diary.events] == ["Given"]
    given.unlink()
    await diary.look(TEN + FRESH)
    assert [event.title for event in diary.events] == ["Own"]


async def test_a_file_that_is_no_timetable_is_said_and_mended(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.prepare()
    diary = Diary(spool, "")
    await diary.look(TEN)
    assert (diary.there, diary.problem, diary.events) == (False, None, ())
    (tmp_path / "timetable.ics").write_bytes(b"\xff\x00 no calendar")
    await diary.look(TEN)
    assert diary.there
    assert diary.problem is not None
    assert diary.problem.code == "timetable-unreadable"
    (tmp_path / "timetable.ics").write_text(calendar("Mended"))
    await diary.look(TEN)
    assert (len(diary.events), diary.problem) == (1, None)
