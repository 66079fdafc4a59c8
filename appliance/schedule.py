"""``[selftest]`` of room.toml: when the room looks at and listens to its sources by itself. Pure."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
LATE = 15 * 60.0
"""Seconds after its time within which a test is still made, when a lesson was in its way or the room was off."""
REST = 20 * 3600.0
"""Seconds before the test of one time of day is made again, by the machine's own count: a clock that is set back, or
jumps, may otherwise bring the same time again and again."""
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
