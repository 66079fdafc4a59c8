"""What an agent misses of its timetable, nobody records."""

from __future__ import annotations

import re
from base64 import b64decode

import icalendar
import pytest

from lms_server.capture import timetable

NOW = 1_795_953_600.0  # 2026-11-29 12:00 UTC
DAY = 86400.0
WEEKLY = """BEGIN:VEVENT
UID:maths@ens
DTSTART:20261130T080000Z
DTEND:20261130T090000Z
RRULE:FREQ=WEEKLY;COUNT=3
SUMMARY:Maths\\, deux
ORGANIZER;CN=Amina Mint:mailto:amina@example.org
END:VEVENT
BEGIN:VEVENT
UID:maths@ens
RECURRENCE-ID:20261207T080000Z
DTSTART:20261207T100000Z
DURATION:PT1H
SUMMARY:Maths moved
END:VEVENT"""
HOLIDAY = """BEGIN:VEVENT
UID:holiday
DTSTART;VALUE=DATE:20261130
SUMMARY:Holiday
END:VEVENT"""


def calendar(*events: str) -> str:
    return "\r\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:t", *events, "END:VCALENDAR", ""]).replace(
        "\n", "\r\n"
    )


def single(uid: str, starts: str, ends: str) -> str:
    return f"BEGIN:VEVENT\nUID:{uid}\nDTSTART:{starts}\nDTEND:{ends}\nSUMMARY:One\nEND:VEVENT"


def test_a_series_becomes_lessons_each_of_its_own_uid() -> None:
    events = timetable.events_at(calendar(WEEKLY, HOLIDAY), NOW, NOW + 30 * DAY)
    assert [(event.uid, event.title) for event in events] == [
        ("maths@ens-20261130T080000Z", "Maths, deux"),
        ("maths@ens-20261207T080000Z", "Maths moved"),
        ("maths@ens-20261214T080000Z", "Maths, deux"),
    ]
    assert [event.ends - event.starts for event in events] == [3600.0] * 3
    assert events[0].teacher == "Amina Mint"


def test_a_lesson_stays_until_an_hour_after_its_end_and_none_is_named_beyond_the_cutoff() -> None:
    text = calendar(
        single("old", "20261129T090000Z", "20261129T105900Z"),
        single("over", "20261129T090000Z", "20261129T110100Z"),
        single("soon", "20261130T080000Z", "20261130T090000Z"),
        single("far", "20261215T080000Z", "20261215T090000Z"),
    )
    assert [event.uid for event in timetable.events_at(text, NOW, NOW + 14 * DAY)] == ["over", "soon"]


@pytest.mark.parametrize("uid", ["a uid/with a slash", "12345", "../../etc", "é"])
def test_a_uid_that_agents_cannot_put_into_addresses_is_replaced_always_by_the_same(uid: str) -> None:
    text = calendar(single(uid, "20261130T080000Z", "20261130T090000Z"))
    (first,), (again,) = (timetable.events_at(text, now, NOW + DAY) for now in (NOW, NOW + 60))
    assert first.uid == again.uid
    assert re.fullmatch(r"[0-9a-f-]{36}", first.uid)


def test_the_same_timetable_is_the_same_answer_and_has_what_agents_need() -> None:
    events = timetable.events_at(calendar(WEEKLY), NOW, NOW + 5 * DAY)
    text, etag = timetable.rendered(events, "pearl-a", "Amphi A", {timetable.DEVICES: "camera,slides"})
    assert (text, etag) == timetable.rendered(events, "pearl-a", "Amphi A", {timetable.DEVICES: "camera,slides"})
    assert text.count(b"\r\nBEGIN:VEVENT\r\n") == 1  # pyCA splits there
    assert b"DTSTART:20261130T080000Z" in text
    (event,) = icalendar.Calendar.from_ical(text).walk("VEVENT")
    attached = {each.params["X-APPLE-FILENAME"]: b64decode(each.to_ical()).decode() for each in event["ATTACH"]}
    assert set(attached) == {"episode.xml", "series.xml", timetable.PROPERTIES}
    lines = attached[timetable.PROPERTIES].split("\n")
    assert "org.opencastproject.workflow.definition=darsbox" in lines
    assert f"{timetable.DEVICES}=camera,slides" in lines
    assert "start=2026-11-30T08:00:00Z; end=2026-11-30T09:00:00Z; scheme=W3C-DTF;" in attached["episode.xml"]


def test_no_timetable_is_no_lesson_and_a_broken_one_an_error() -> None:
    assert timetable.events_at("", NOW, NOW + DAY) == []
    with pytest.raises(ValueError, match="VCALENDAR"):
        timetable.events_at("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n", NOW, NOW + DAY)


@pytest.mark.parametrize("rule", ["FREQ=SECONDLY", "FREQ=DAILY;INTERVAL=0"])
def test_a_lesson_that_never_ends_coming_is_none_and_holds_up_no_agent(rule: str) -> None:
    text = calendar(single("mad", "20261129T080000Z", "20261129T080001Z").replace("SUMMARY", f"RRULE:{rule}\nSUMMARY"))
    assert timetable.events_at(text, NOW, NOW + DAY) == []


@pytest.mark.parametrize(
    "spoiled",
    [
        single("bad", "nonsense", "20261130T090000Z"),
        single("bad", "20261130T080000Z", "20261129T080000Z"),
        single("bad", "20261130T080000Z", "099"),
        single("bad", "20261130T080000Z", "20261130T090000Z").replace("DTSTART:20261130T080000Z\n", ""),
        single("bad", "20261130T080000Z\nDTSTART:20261130T080000Z", "20261130T090000Z"),
        single("bad", "20261130T080000Z", "20261130T090000Z\nRRULE:FREQ=WEEKLY;COUNT=x"),
        single("bad", "99991231T235959Z", "99991231T235959Z\nRRULE:FREQ=WEEKLY"),
    ],
)
def test_a_damaged_event_does_not_take_the_others_along(spoiled: str) -> None:
    text = calendar(spoiled, single("good", "20261130T080000Z", "20261130T090000Z"))
    assert "good" in [event.uid for event in timetable.events_at(text, NOW, NOW + 2 * DAY)]
