"""iCalendar to lessons: repetitions, exceptions and time zones are the library's; what is a lesson is decided here."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import recurring_ical_events
from icalendar import Calendar, Component

from media.timetable import (
    ALL_DAY,
    LARGEST,
    LONGEST,
    LONGEST_CODE,
    MOST_COURSES,
    MOST_ENTRIES,
    MOST_LESSONS,
    MOST_TOLD,
    NO_END,
    TOO_LONG,
    TOO_OFTEN,
    UNREADABLE,
    BadTimetable,
    Event,
    PassedOver,
    Timetable,
    code_in,
)

_SELDOM = frozenset({"DAILY", "WEEKLY", "MONTHLY", "YEARLY"})
_FINE = ("BYHOUR", "BYMINUTE", "BYSECOND")
"""Parts of a rule by which a day has many lessons."""
_EARLIEST = 1970
_LONGEST_TITLE = 200


def read(text: str, since: float, until: float) -> Timetable:
    """The lessons that touch the time from since to until (Unix seconds). Times without a zone are this machine's.

    Raises BadTimetable, and nothing else but MemoryError.
    """
    if len(text.encode("utf-8", "replace")) > LARGEST:
        raise BadTimetable(f"The timetable is larger than {LARGEST >> 20} MiB; export a shorter time.")
    if text.upper().count("BEGIN:VEVENT") > MOST_ENTRIES:
        raise BadTimetable(f"The timetable has more than {MOST_ENTRIES} entries; export a shorter time.")
    try:
        return _read(text, since, until)
    except (BadTimetable, MemoryError):
        raise
    except Exception as error:  # the library raises whatever its parts raise
        raise BadTimetable("The timetable is not iCalendar that can be read; export it again.") from error


def _read(text: str, since: float, until: float) -> Timetable:
    calendar = Calendar.from_ical(text)
    if not isinstance(calendar, Calendar):
        raise BadTimetable("The timetable is not a calendar; export it again.")
    told: dict[PassedOver, None] = {}
    sound = _sound(calendar, told)
    first, last = (dt.datetime.fromtimestamp(at, dt.UTC) for at in (since, until))
    events: set[Event] = set()
    for found in _occurrences(sound, first, last, told):
        event = _event(found)
        if isinstance(event, PassedOver):
            told.setdefault(event)
        elif event is not None:
            events.add(event)
        if len(events) > MOST_LESSONS:
            raise BadTimetable(f"The timetable has more than {MOST_LESSONS} lessons; export a shorter time.")
    return Timetable(tuple(sorted(events)), tuple(told)[:MOST_TOLD])


def _occurrences(
    calendar: Calendar, first: dt.datetime, last: dt.datetime, told: dict[PassedOver, None]
) -> Iterator[Component]:
    """Entry by entry where the whole cannot be expanded, so that one bad entry does not cost the others."""
    try:
        yield from recurring_ical_events.of(calendar).between(first, last)
        return
    except MemoryError:
        raise
    except Exception as error:
        entries: dict[str, list[Component]] = {}
        for entry in calendar.walk("VEVENT"):
            entries.setdefault(str(entry.get("UID", id(entry))), []).append(entry)
        if len(entries) < 2:
            only = next(iter(entries.values()), [])
            if not only:
                raise BadTimetable("The timetable is not iCalendar that can be read; export it again.") from error
            told.setdefault(PassedOver(_title(only[0]), UNREADABLE))
            return
        others = [each for each in calendar.subcomponents if each.name != "VEVENT"]
        for mine in entries.values():
            yield from _occurrences(_with(calendar, [*others, *mine]), first, last, told)


def _sound(calendar: Calendar, told: dict[PassedOver, None]) -> Calendar:
    """The calendar without what is no lesson, and without alarms, tasks and notes."""
    kept = []
    for component in calendar.subcomponents:
        if component.name == "VTIMEZONE":
            kept.append(component)
        if component.name != "VEVENT":
            continue
        why = _flaw(component)
        if why:
            told.setdefault(PassedOver(_title(component), why))
        else:
            kept.append(component)
    return _with(calendar, kept)


def _with(calendar: Calendar, components: list[Component]) -> Calendar:
    made = Calendar()
    for name in ("PRODID", "VERSION", "X-WR-TIMEZONE"):
        if name in calendar:
            made.add(name, calendar[name])
    made.subcomponents = list(components)
    return made


def _flaw(entry: Component) -> str:
    """Why an entry cannot be a lesson; "" when it can."""
    if entry.errors:
        return UNREADABLE
    begin, end = entry.get("DTSTART"), entry.get("DTEND")
    time = getattr(begin, "dt", None)
    if type(time) is dt.date:
        return ALL_DAY
    strange = any(_zone_is_unknown(each) for each in (begin, end) if each is not None)
    if not isinstance(time, dt.datetime) or time.year < _EARLIEST or strange:
        return UNREADABLE
    if end is None and entry.get("DURATION") is None:
        return NO_END
    rules = entry.get("RRULE", [])
    return next(filter(None, map(_flaw_of_rule, rules if isinstance(rules, list) else [rules])), "")


def _flaw_of_rule(rule: Any) -> str:
    often = not {str(each).upper() for each in _values(rule, "FREQ")} <= _SELDOM
    if often or any(len(_values(rule, part)) > 1 for part in _FINE):
        return TOO_OFTEN
    if any(not isinstance(each, int) or each < 1 for each in _values(rule, "INTERVAL")):
        return UNREADABLE  # the library never comes to its end
    return ""


def _values(rule: Any, part: str) -> list[Any]:
    found = rule.get(part, [])
    return found if isinstance(found, list) else [found]


def _zone_is_unknown(time: Any) -> bool:
    """It names a time zone that neither the calendar nor the machine knows."""
    found = getattr(time, "dt", None)
    return isinstance(found, dt.datetime) and found.tzinfo is None and "TZID" in time.params


def _event(found: Component) -> Event | PassedOver | None:
    """None for what was cancelled."""
    if str(found.get("STATUS", "")).upper() == "CANCELLED":
        return None
    title = _title(found)
    begin, end = (getattr(found.get(name), "dt", None) for name in ("DTSTART", "DTEND"))
    if not isinstance(begin, dt.datetime) or not isinstance(end, dt.datetime):
        return PassedOver(title, ALL_DAY)
    seconds = end.timestamp() - begin.timestamp()
    if seconds <= 0:
        return PassedOver(title, NO_END)
    if seconds > LONGEST:
        return PassedOver(title, TOO_LONG)
    uid = "".join(sign for sign in str(found.get("UID", "")) if sign.isprintable())[:_LONGEST_TITLE]
    return Event(begin.timestamp(), end.timestamp(), uid, title, _courses(found, title))


def _courses(entry: Component, title: str) -> tuple[str, ...]:
    """What may be its course: CATEGORIES, where Moodle and Outlook have it; RELATED-TO, where Opencast names the
    series; what stands in brackets before the title."""
    said = [str(name) for each in _all(entry, "CATEGORIES") for name in getattr(each, "cats", [each])]
    said += [str(each) for each in _all(entry, "RELATED-TO")]
    codes = (" ".join(text.split()) for text in (*said, code_in(title)))
    fit = (code for code in codes if code and len(code) <= LONGEST_CODE and code.isprintable())
    return tuple(dict.fromkeys(fit))[:MOST_COURSES]


def _all(entry: Component, name: str) -> list[Any]:
    found = entry.get(name, [])
    return found if isinstance(found, list) else [found]


def _title(entry: Component) -> str:
    """One line that can be shown."""
    text = " ".join(str(entry.get("SUMMARY", "")).split())
    return "".join(sign for sign in text if sign.isprintable()).encode("utf-8", "replace").decode()[:_LONGEST_TITLE]
