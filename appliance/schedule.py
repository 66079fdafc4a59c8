"""``[selftest]`` and ``[timetable]`` of room.toml: what the room does by itself, and when. Pure."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
LATE = 15 * 60.0
"""Seconds after its time within which a test is still made, when a lesson was in its way or the room was off."""
REST = 20 * 3600.0
"""Seconds before the test of one time of day is made again, by the machine's own count: a clock that is set back, or
jumps, may otherwise bring the same time again and again."""
BEFORE = "before"
"""Stands for a time of day in the memory of tests: the test before a lesson of the timetable."""
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d")


def _clock_time(text: str) -> str:
    if not _TIME.fullmatch(text):
        raise ValueError('must be a list of times of day such as "07:30"')
    return text


class SelftestTable(BaseModel):
    """When the room is tried before class."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    at: tuple[Annotated[str, AfterValidator(_clock_time)], ...] = ()
    """Times of day, by the room's clock, at which every source is looked at or listened to for ten seconds, unless a
    lesson is on; none: never."""
    days: tuple[Day, ...] = DAYS
    before_minutes: int = Field(0, ge=0, le=120)
    """So long before each lesson of the timetable too; 0: not."""


def _absolute(path: str) -> str:
    if path and not PurePosixPath(path).is_absolute():
        raise ValueError('must be a whole path, such as "/etc/darsbox/timetable.ics"')
    return path


class TimetableTable(BaseModel):
    """The lessons that the room begins and ends by itself."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    follow: bool = True
    """Begin and end lessons as the timetable says; false: it is only shown."""
    file: Annotated[str, AfterValidator(_absolute)] = ""
    """An iCalendar file on this machine, for a room whose server gives it no timetable; the server's comes first."""
    overrun_minutes: int = Field(0, ge=0, le=60)
    """A lesson that the timetable began goes on for so long after its end, but never into the next."""


def due_before(table: SelftestTable, ahead: float, uptime: float, done: Mapping[str, float]) -> bool:
    """Whether the test before a lesson of the timetable is to be made now. ahead: seconds until it begins."""
    rested = uptime - done.get(BEFORE, float("-inf")) >= table.before_minutes * 60
    return 0 < ahead <= table.before_minutes * 60 and rested


def due(table: SelftestTable, now: time.struct_time, uptime: float, done: Mapping[str, float]) -> str | None:
    """The time of ``at`` whose test is to be made now.

    uptime: seconds the machine has been on; done: what it was when each test was made last, since then.
    """
    if DAYS[now.tm_wday] not in table.days:
        return None
    second = now.tm_hour * 3600 + now.tm_min * 60 + now.tm_sec
    for at in table.at:
        hours, minutes = at.split(":")
        late = second - (int(hours) * 3600 + int(minutes) * 60)
        if 0 <= late < LATE and uptime - done.get(at, float("-inf")) >= REST:
            return at
    return None
