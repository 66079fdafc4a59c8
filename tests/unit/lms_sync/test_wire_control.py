"""Room and server must understand each other, and neither may be broken by what the other says."""

from __future__ import annotations

from typing import Any

import pytest

from lms_sync.wire_control import Command, Heartbeat, Orders, Outcome, SourceHealth, check_calendar, etag_of
from lms_sync.wire_policy import Policy

ID = "01JD4R6YJ3M3W9VZB0Q7RZB6C5"
COMMAND = {"id": ID, "verb": "start", "by": "amina", "made": 1.0, "expires": 2.0, "title": "Analyse II"}
CALENDAR = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nSUMMARY:A\r\n  II\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"


def test_a_heartbeat_arrives_as_it_was_sent() -> None:
    sources = (SourceHealth("front", "Tableau", "recording"), SourceHealth("lectern", "", "lost", "not-found"))
    said = Heartbeat("1", "recording", "Analyse", sources, 41.0, {"master": 7}, "server-busy", 60.0, -3.0, (ID,))
    assert Heartbeat.from_json(said.as_json()) == said


@pytest.mark.parametrize(
    "wrong",
    [
        {"state": "Recording!"},
        {"sources": [{}] * 65},
        {"sources": ["front"]},
        {"title": "x" * 301},
        {"title": "a\nb"},
        {"backlog": {"gold": 1}},
        {"backlog": {"card": -1}},
        {"disk_hours": True},
        {"forecast": float("inf")},
        {"kept": ["../../etc"]},
        {"kept": [ID] * 201},
    ],
)
def test_a_heartbeat_that_makes_no_sense_is_refused_in_one_sentence(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"^[A-Z][^.]*\.$"):
        Heartbeat.from_json({"version": "1", "state": "ready", **wrong})


def test_orders_arrive_as_they_were_given() -> None:
    orders = Orders((Command.from_json(COMMAND),), "abc", Policy(long_poll=False), "1.4.0")
    assert Orders.from_json(orders.as_json()) == orders


@pytest.mark.parametrize(
    "wrong",
    [
        {"verb": "format-disk"},
        {"id": "1"},
        {"lesson": ID},
        {"verb": "send-now"},
        {"verb": "send-now", "lesson": "../x"},
        {"by": None},
    ],
)
def test_a_command_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        Command.from_json({**COMMAND, **wrong})


def test_an_outcome_has_a_code() -> None:
    assert Outcome.from_json({"code": "done"}) == Outcome("done")
    with pytest.raises(ValueError, match="code"):
        Outcome.from_json({"code": ""})


def test_a_timetable_is_known_by_its_content() -> None:
    check_calendar(CALENDAR)
    assert etag_of(CALENDAR) != etag_of(CALENDAR.replace("SUMMARY:A", "Chimie"))
    assert etag_of("") == ""


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Monday 8:00 Analyse",
        "<html>",
        "BEGIN:VCALENDAR\nBEGIN:VEVENT\nEND:VCALENDAR",
        "BEGIN:VCALENDAR\nBEGIN:VEVENT\nEND:VTODO\nEND:VCALENDAR",
        "BEGIN:VCALENDAR\nno colon here\nEND:VCALENDAR",
        "BEGIN:VCALENDAR\nX:" + "x" * 2**20 + "\nEND:VCALENDAR",
    ],
)
def test_what_is_no_timetable_is_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        check_calendar(text)
