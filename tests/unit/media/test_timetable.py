"""A class that is not read is not recorded; one that is misread records people who do not expect it."""

from __future__ import annotations

import time
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from media.timetable import BadTimetable, Event, Timetable, overlaps, reading
from media.timetable.apart import SLOW, read_apart, understood
from media.timetable.reading import read

PARIS = ZoneInfo("Europe/Paris")
SINCE = datetime(2026, 11, 1, tzinfo=PARIS).timestamp()
UNTIL = SINCE + 40 * 86400


def calendar(*entries: str, head: str = "") -> str:
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//test//", *head.split(), *entries, "END:VCALENDAR", ""]
    return "\r\n".join(line for line in "\n".join(lines).splitlines() if line) + "\r\n"


def entry(*lines: str, uid: str = "a", title: str = "Algebra II") -> str:
    return "\n".join(["BEGIN:VEVENT", f"UID:{uid}", f"SUMMARY:{title}", *lines, "END:VEVENT"])


def at(day: int, hour: int, minute: int = 0, zone: ZoneInfo = PARIS) -> float:
    return datetime(2026, 11, day, hour, minute, tzinfo=zone).timestamp()


WEEKLY = ("DTSTART;TZID=Europe/Paris:20261019T100000", "DTEND;TZID=Europe/Paris:20261019T113000", "RRULE:FREQ=WEEKLY")


def begins(text: str) -> list[float]:
    return [event.begin for event in read(text, SINCE, UNTIL).events]


def test_a_class_keeps_its_hour_when_summer_time_ends() -> None:
    """It was first held in summer time, and is still at ten."""
    assert begins(calendar(entry(*WEEKLY)))[:2] == [at(2, 10), at(9, 10)]
    assert read(calendar(entry(*WEEKLY)), SINCE, UNTIL).events[0].end == at(2, 11, 30)


def test_a_day_that_was_taken_out_is_not_recorded() -> None:
    text = calendar(entry(*WEEKLY, "EXDATE;TZID=Europe/Paris:20261109T100000"))
    assert begins(text)[:2] == [at(2, 10), at(16, 10)]


def test_one_day_moved_to_another_hour_is_recorded_there() -> None:
    moved = entry(
        "RECURRENCE-ID;TZID=Europe/Paris:20261109T100000",
        "DTSTART;TZID=Europe/Paris:20261110T140000",
        "DTEND;TZID=Europe/Paris:20261110T153000",
    )
    assert begins(calendar(entry(*WEEKLY), moved))[:3] == [at(2, 10), at(10, 14), at(16, 10)]


def test_one_day_cancelled_is_not_recorded() -> None:
    cancelled = entry(
        "RECURRENCE-ID;TZID=Europe/Paris:20261109T100000",
        "DTSTART;TZID=Europe/Paris:20261109T100000",
        "DTEND;TZID=Europe/Paris:20261109T113000",
        "STATUS:CANCELLED",
    )
    assert begins(calendar(entry(*WEEKLY), cancelled))[:2] == [at(2, 10), at(16, 10)]


def test_a_time_without_a_zone_is_the_rooms() -> None:
    text = calendar(entry("DTSTART:20261110T100000", "DURATION:PT1H"))
    assert begins(text) == [time.mktime((2026, 11, 10, 10, 0, 0, 0, 0, -1))]


def test_a_calendar_may_name_the_zone_of_all_its_times() -> None:
    text = calendar(entry("DTSTART:20261110T100000", "DURATION:PT1H"), head="X-WR-TIMEZONE:America/New_York")
    assert begins(text) == [at(10, 16)]


def test_what_is_no_lesson_is_passed_over_with_its_reason() -> None:
    text = calendar(
        entry("DTSTART;VALUE=DATE:20261110", uid="1", title="Holiday"),
        entry("DTSTART:20261110T100000Z", uid="2", title="A moment"),
        entry("DTSTART:20261110T100000Z", "DTEND:20261112T100000Z", uid="3", title="Camp"),
        entry("DTSTART:20261110T100000Z", "DURATION:PT1M", "RRULE:FREQ=SECONDLY", uid="4", title="Tick"),
        entry("DTSTART:soon", "DURATION:PT1H", uid="5", title="Some day"),
        entry("DTSTART;TZID=Mars/Olympus:20261110T100000", "DURATION:PT1H", uid="6", title="On Mars"),
        entry("DURATION:PT1H", uid="7", title="Whenever"),
        entry("DTSTART:20261111T090000Z", "DTEND:20261111T100000Z", uid="8", title="Real"),
    )
    found = read(text, SINCE, UNTIL)
    assert [event.title for event in found.events] == ["Real"]
    assert {(entry.title, entry.why) for entry in found.passed_over} == {
        ("Holiday", "all-day"),
        ("A moment", "no-end"),
        ("Camp", "too-long"),
        ("Tick", "too-often"),
        ("Some day", "unreadable"),
        ("On Mars", "unreadable"),
        ("Whenever", "unreadable"),
    }


def test_one_rule_that_cannot_be_computed_does_not_cost_the_others() -> None:
    mad = entry(
        "DTSTART:20261110T100000Z", "DURATION:PT1H", "RRULE:FREQ=WEEKLY;BYDAY=MO;UNTIL=99999999T999999Z", uid="m"
    )
    assert at(2, 10) in begins(calendar(mad, entry(*WEEKLY)))


def test_a_title_is_one_line_that_can_be_shown() -> None:
    found = read(calendar(entry(*WEEKLY, title="Analyse\\n II \\, Dr\tSidi")), SINCE, UNTIL)
    assert found.events[0].title == "Analyse II , Dr Sidi"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "export it again"),
        ("Good morning", "export it again"),
        ("BEGIN:VCALENDAR\r\n" * 2, "export it again"),
        (calendar(*[entry(*WEEKLY, uid=str(n)) for n in range(5001)]), "more than 5000 entries"),
        ("x" * (5 << 20), "larger than 4 MiB"),
    ],
    ids=["empty", "prose", "unended", "many", "large"],
)
def test_what_cannot_be_read_is_refused_in_one_sentence(text: str, said: str) -> None:
    with pytest.raises(BadTimetable, match=said):
        read(text, SINCE, UNTIL)


def test_repetitions_are_counted_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_LESSONS", 3)
    with pytest.raises(BadTimetable, match="more than 3 lessons"):
        read(calendar(entry(*WEEKLY)), SINCE, UNTIL)


LINES = st.sampled_from(
    [
        *("BEGIN:VCALENDAR", "END:VCALENDAR", "BEGIN:VEVENT", "END:VEVENT", "BEGIN:VTIMEZONE", "END:VTIMEZONE"),
        *("UID:a", "SUMMARY:x", "DTSTART:20261110T100000Z", "DTSTART;VALUE=DATE:20261110", "DTEND:20261110T110000Z"),
        *("DTSTART;TZID=Europe/Paris:20261110T100000", "DURATION:PT1H", "DURATION:-PT1H", "RRULE:FREQ=DAILY;COUNT=3"),
        *("EXDATE:20261110T100000Z", "RDATE:20261112T100000Z", "RECURRENCE-ID:20261110T100000Z", "STATUS:CANCELLED"),
        *("RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "RDATE;VALUE=PERIOD:20261110T100000Z/PT1H", "TZID:Europe/Paris"),
        *("DTSTART:00010101T000000Z", "DTEND:99991231T235959Z", "RRULE:INTERVAL=0", "X-WR-TIMEZONE:Nowhere"),
    ]
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(LINES | st.text(max_size=30), max_size=14), st.booleans())
@example(["DTSTART:20261110T100000Z", "DTEND:20261110", "RRULE:FREQ=DAILY;INTERVAL=0"], True)
def test_no_text_does_more_than_be_refused(lines: list[str], framed: bool) -> None:
    text = calendar(entry(*lines)) if framed else "\r\n".join(lines)
    try:
        found = read(text, SINCE, UNTIL)
    except BadTimetable:
        return
    assert all(0 < event.end - event.begin <= 86400 for event in found.events)
    assert Timetable.from_json(found.as_json()) == found


@pytest.mark.thorough
def test_a_text_that_asks_for_centuries_of_computing_costs_seconds() -> None:
    """It is read apart, with little time: what takes longer is refused, and nobody waits."""
    text = calendar(entry("DTSTART:20261110T100000Z", "DURATION:PT1H", uid="1"))
    assert [event.uid for event in read_apart(text.encode(), SINCE, UNTIL).events] == ["1"]
    with pytest.raises(BadTimetable, match="export it again"):
        read_apart(b"no calendar", SINCE, UNTIL)
    never = ("DTSTART:20261110T100000Z", "DURATION:PT1H", "RRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30")
    endless = calendar(*[entry(*never, uid=str(n)) for n in range(99)])
    with pytest.raises(BadTimetable, match="too long"):
        read_apart(endless.encode(), SINCE, UNTIL, seconds=2)


@pytest.mark.parametrize("said", [b"", b"{", b"{}", b'{"events": [{}], "passed_over": []}', b"[]"])
def test_a_reader_that_was_ended_is_a_timetable_that_takes_too_long(said: bytes) -> None:
    with pytest.raises(BadTimetable, match="too long"):
        understood(said)
    assert SLOW.endswith(".")


def test_lessons_that_overlap_are_found_also_under_a_long_one() -> None:
    long, short, later = Event(0, 100, "l", "Long"), Event(10, 20, "s", "Short"), Event(50, 60, "t", "Later")
    assert list(overlaps([long, short, later])) == [(long, short), (long, later)]
    assert list(overlaps([Event(0, 10, "a", ""), Event(10, 20, "b", "")])) == []
