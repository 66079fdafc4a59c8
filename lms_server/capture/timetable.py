"""A room's timetable as capture agents want it: one VEVENT for each lesson, with what they need attached.

Series are unrolled, for agents know of none. Times are UTC, for they know of no zones.
"""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from itertools import islice

import icalendar
import recurring_ical_events
import structlog

from lms_server.capture import documents
from lms_server.catalog.agents import Event

KEPT = 3600.0
"""Seconds for which an event stays after its end: its recording may still be on its way."""
AHEAD = 60 * 86400.0
MOST = 1000
"""Events of one timetable."""
WORKFLOW = "darsbox"
PROPERTIES = "org.opencastproject.capture.agent.properties"
DEVICES = "capture.device.names"
_DAY = 86400.0
_BROKEN = (ValueError, KeyError, TypeError, AttributeError, ArithmeticError)
"""What icalendar and its companion raise for a damaged event; the others of its timetable are none the worse."""
_PLAIN = re.compile(r"(?=.*[^0-9])[A-Za-z0-9][A-Za-z0-9@._-]{0,99}")
"""A UID that agents may put into addresses and names of folders, and that is no number."""

log = structlog.get_logger(__name__)


def events_at(calendar: str, now: float, until: float) -> list[Event]:
    """The lessons that an agent should know of, in order. until: Unix seconds before which they begin.

    Raises ValueError for a timetable that cannot be read.
    """
    return [each for each in _events(calendar, now // _DAY * _DAY) if each.ends > now - KEPT and each.starts < until]


@lru_cache(maxsize=64)
def _events(calendar: str, day: float) -> tuple[Event, ...]:
    """Of this day and AHEAD, and those that began the day before. Read once a day: agents ask every minute."""
    if not calendar:
        return ()
    groups: dict[str, list[icalendar.Component]] = {}
    for each in icalendar.Calendar.from_ical(calendar).walk("VEVENT"):
        groups.setdefault(str(each.get("UID", "")), []).append(each)
    found: list[Event] = []
    for uid, group in groups.items():
        try:
            found += _unrolled(group, day - _DAY, day + _DAY + AHEAD)
        except _BROKEN as error:
            log.warning("event cannot be read", uid=uid[:100], problem=str(error)[:200])
    return tuple(sorted(found, key=lambda event: event.starts)[:MOST])


def _unrolled(group: list[icalendar.Component], begins: float, ends: float) -> list[Event]:
    """The lessons of one UID: of one event, or of a series and what was changed of it. Raises _BROKEN."""
    alone = icalendar.Calendar()
    alone.subcomponents = [each for each in group if not _is_mad(each)]
    series = any("RRULE" in each or "RDATE" in each for each in group)
    found: list[Event] = []
    for each in islice(recurring_ical_events.of(alone).after(datetime.fromtimestamp(begins, UTC)), MOST):
        event = _event(each, series)
        if event is not None:
            if event.starts > ends:
                break
            found.append(event)
    return found


def _is_mad(each: icalendar.Component) -> bool:
    """Whether it comes so often that it is no lesson, and costs minutes to unroll, or for ever (INTERVAL=0)."""
    rule = each.get("RRULE")
    if rule is None:
        return False
    often = any(str(word).upper() in ("SECONDLY", "MINUTELY") for word in rule.get("FREQ", []))
    return often or any(int(step) < 1 for step in rule.get("INTERVAL", []))


def _event(each: icalendar.Event, series: bool) -> Event | None:
    """None for what lasts whole days or no time: no lesson."""
    starts, ends = each.decoded("DTSTART"), each.decoded("DTEND")
    if not isinstance(starts, datetime) or not isinstance(ends, datetime) or ends <= starts:
        return None
    uid = str(each.get("UID", ""))
    if series and "RECURRENCE-ID" in each:
        uid = f"{uid}-{_zulu(each.decoded('RECURRENCE-ID'))}"
    if not _PLAIN.fullmatch(uid):
        uid = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{uid}-{_zulu(starts)}"))
    organizer = each.get("ORGANIZER")
    teacher = str(organizer.params.get("CN", "")) if organizer is not None else ""
    return Event(
        uid, _line(str(each.get("SUMMARY", "")))[:300], _line(teacher)[:200], starts.timestamp(), ends.timestamp()
    )


def _zulu(moment: datetime) -> str:
    """A time without a zone is this server's own."""
    return moment.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def _line(text: str) -> str:
    return " ".join(text.split())


def rendered(events: Sequence[Event], agent: str, room: str, capabilities: Mapping[str, str]) -> tuple[bytes, str]:
    """iCalendar, and its ETag, which changes only when an event does."""
    calendar = icalendar.Calendar()
    calendar.add("prodid", "-//Darsbox//capture agents//EN")
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    for event in events:
        calendar.add_component(_component(event, agent, room, capabilities))
    text = calendar.to_ical()
    return text, f'"{hashlib.sha256(text).hexdigest()[:32]}"'


def _component(event: Event, agent: str, room: str, capabilities: Mapping[str, str]) -> icalendar.Event:
    made = icalendar.Event()
    starts, ends = (datetime.fromtimestamp(at, UTC) for at in (event.starts, event.ends))
    for name in ("dtstamp", "last-modified", "dtstart"):
        made.add(name, starts)  # a stamp of now would make every answer a new one
    made.add("dtend", ends)
    made.add("uid", event.uid)
    made.add("summary", event.title or room)
    made.add("location", agent)
    made.add("related-to", room)
    title = event.title or room
    for kind, name, data in (
        (
            "application/xml",
            "episode.xml",
            documents.episode(title, event.teacher, agent, event.starts, event.ends),
        ),
        ("application/xml", "series.xml", documents.series(room)),
        ("application/text", PROPERTIES, "\n".join(_properties(title, agent, capabilities)).encode()),
    ):
        attached = icalendar.vBinary(data)
        attached.params["FMTTYPE"], attached.params["X-APPLE-FILENAME"] = kind, name
        made.add("attach", attached, encode=False)
    return made


def _properties(title: str, agent: str, capabilities: Mapping[str, str]) -> Iterator[str]:
    """Lines without which pyCA ends after its upload, and Galicaster before it."""
    yield f"org.opencastproject.workflow.definition={WORKFLOW}"
    yield "org.opencastproject.workflow.config.straightToPublishing=true"
    yield f"event.title={title}"
    yield f"event.location={agent}"
    if capabilities.get(DEVICES):
        yield f"{DEVICES}={_line(capabilities[DEVICES])}"
