"""Whether a timetable is fit for a room: it can be read to the end, and none of its lessons is in another's way."""

from __future__ import annotations

import time
from collections.abc import Callable

from media.timetable import TOO_LONG, TOO_OFTEN, UNREADABLE, BadTimetable, Event, overlaps
from media.timetable.apart import read_apart

BEHIND, AHEAD = 86400.0, 400 * 86400.0
"""Seconds around now whose lessons are looked at: a year's."""
_WHY = {
    TOO_LONG: "lasts more than 24 hours; give it an end",
    TOO_OFTEN: "repeats more often than daily; write its times one by one",
    UNREADABLE: "has a time or a repetition that cannot be read; correct it",
}


def check(calendar: str, now: float, local: Callable[[float], time.struct_time] = time.localtime) -> tuple[Event, ...]:
    """Its lessons, from BEHIND to AHEAD. Raises ValueError with one sentence. now: Unix seconds; local: whose wall
    clock the sentence speaks of."""
    try:
        found = read_apart(calendar.encode(), now - BEHIND, now + AHEAD)
    except BadTimetable as error:
        raise ValueError(str(error)) from error
    for entry in found.passed_over:
        if entry.why in _WHY:
            raise ValueError(f"The timetable's entry {_name(entry.title)} {_WHY[entry.why]}.")
    for first, second in overlaps(found.events):
        raise ValueError(
            f"In the timetable {_name(second.title)} begins on {_when(second, local)}, before {_name(first.title)} has"
            " ended; move one of them."
        )
    return found.events


def _name(title: str) -> str:
    return f"“{title}”" if title else "without a title"


def _when(event: Event, local: Callable[[float], time.struct_time]) -> str:
    return time.strftime("%Y-%m-%d at %H:%M", local(event.begin))
