"""A room's timetable, written in iCalendar (RFC 5545), as lessons on a line of time.

Reading one takes a library that is as large as the format, and a text of a few lines can ask for a hundred years of
computing. So it is read in a process of its own, with little memory and little time (``apart``); ``reading`` is what
runs there. What is here is small, and all that the others need.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

LARGEST = 4 * 1024 * 1024
"""Bytes of a timetable."""
MOST_ENTRIES = 5000
"""Entries written in it: a room has some forty lessons a week."""
MOST_LESSONS = 20_000
"""Lessons that those are in the time that is asked for."""
LONGEST = 24 * 3600.0
"""Seconds of a lesson."""
LONGEST_CODE = 60
"""Signs of a course's code."""
MOST_COURSES = 8
"""Words of an entry that may be one."""
MOST_TOLD = 50
"""Entries that are spoken of among those passed over."""

ALL_DAY, NO_END, TOO_LONG, TOO_OFTEN, UNREADABLE = "all-day", "no-end", "too-long", "too-often", "unreadable"


class BadTimetable(Exception):
    """It cannot be read at all, as one sentence with the thing to do next."""


@dataclass(frozen=True, slots=True, order=True)
class Event:
    """A lesson of the timetable. begin, end: Unix seconds. uid: one for all repetitions of an entry. title: one line
    of printable text. courses: what may be the code of its course, the likeliest first."""

    begin: float
    end: float
    uid: str
    title: str
    courses: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """What tells this lesson from every other, also when its end or title is changed."""
        return f"{self.begin:.0f} {self.uid}"

    @classmethod
    def from_json(cls, found: Any) -> Event:
        """Raises KeyError, TypeError."""
        return cls(**{**found, "courses": tuple(found.get("courses", ()))})


@dataclass(frozen=True, slots=True)
class PassedOver:
    """An entry that is no lesson. why: one of the codes above."""

    title: str
    why: str


@dataclass(frozen=True, slots=True)
class Timetable:
    """events: by their beginning. passed_over: at most MOST_TOLD."""

    events: tuple[Event, ...] = ()
    passed_over: tuple[PassedOver, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, found: Any) -> Timetable:
        """Raises KeyError, TypeError."""
        return cls(
            tuple(Event.from_json(event) for event in found["events"]),
            tuple(PassedOver(**entry) for entry in found["passed_over"]),
        )


def code_in(title: str) -> str:
    """The code in brackets at the beginning of a title, as in ``[PHY101] Optics``; "" when there is none."""
    code, closed, _ = title.strip().removeprefix("[").partition("]")
    return code.strip() if title.strip().startswith("[") and closed and len(code) <= LONGEST_CODE else ""


def overlaps(events: Sequence[Event]) -> Iterator[tuple[Event, Event]]:
    """Pairs of lessons of which the second begins before the first has ended; events: by their beginning."""
    last: Event | None = None
    for event in events:
        if last is not None and event.begin < last.end:
            yield last, event
        if last is None or event.end > last.end:
            last = event
