"""Which room is named first, and what is said of it in one sentence."""

from __future__ import annotations

from datetime import UTC
from typing import Any

import pytest
from starlette.requests import Request

from lms_server.catalog.schemas import File, Gap, Health, LessonDetail, RoomView, Source
from lms_server.portal import words
from lms_server.portal.language import Tongues

NOW = 1_795_255_320.0
ENGLISH = Tongues(UTC).of(Request({"type": "http", "query_string": b"lang=en", "headers": []}))


def room(name: str, **more: Any) -> RoomView:
    facts: dict[str, Any] = {
        "id": name,
        "name": name,
        "institution": "",
        "enrolled": NOW - 86400,
        "last_seen": NOW - 30,
        "revoked": False,
        "lessons": 3,
        "receiving": 0,
        "failed": 0,
        "last_lesson": NOW - 3600,
    }
    return RoomView.model_validate(facts | more)


def said(**more: Any) -> str:
    return words.rooms_by_need(ENGLISH, [room("A", **more)], NOW)[0].sentence


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ({}, "All well: every lesson has arrived."),
        ({"lessons": 0}, "Connected; it has not sent a lesson yet."),
        ({"receiving": 2}, "2 lessons are on their way."),
        ({"last_seen": None}, "Enrolled, but it has never called. Is it switched on?"),
        ({"last_seen": NOW - 3 * 86400}, "Not heard from for 3 days. Is it switched on and connected?"),
        (
            {"last_seen": NOW - 7200, "receiving": 1},
            "Silent for 2 hours with 1 lesson on its way. Is it switched on and connected?",
        ),
        ({"failed": 1}, "1 lesson could not be put together; its recordings are kept."),
        ({"revoked": True, "last_seen": None}, "Shut out: this room can send nothing more."),
        ({"last_seen": NOW + 500}, "All well: every lesson has arrived."),
    ],
)
def test_a_room_is_one_sentence(facts: dict[str, Any], sentence: str) -> None:
    assert said(**facts) == sentence


def test_a_room_that_is_off_overnight_is_no_alarm() -> None:
    assert said(last_seen=NOW - 16 * 3600) == "All well: every lesson has arrived."


def test_who_needs_help_comes_first_and_the_longest_silent_before_others() -> None:
    rooms = [
        room("fine B"),
        room("fine A"),
        room("busy", receiving=1),
        room("silent", last_seen=NOW - 3 * 86400),
        room("more silent", last_seen=NOW - 9 * 86400),
        room("never", last_seen=None),
        room("failed", failed=2),
    ]
    judged = words.rooms_by_need(ENGLISH, rooms, NOW)
    assert [it.room.name for it in judged] == [
        "never",
        "failed",
        "more silent",
        "silent",
        "busy",
        "fine A",
        "fine B",
    ]


def test_what_a_tab_says() -> None:
    sources = [
        Source(id="front", kind="camera", media="video", label="Front camera"),
        Source(id="mic", kind="microphone", media="audio", label="Lectern"),
    ]

    def file(kind: str, source: str) -> File:
        facts = {"name": "x", "bytes": 1, "sha256": "", "url": "", "content_type": "", "seconds": 1.0}
        return File.model_validate({**facts, "kind": kind, "source": source})

    assert words.choice(ENGLISH, file("programme", "front"), sources) == "Front camera"
    assert words.choice(ENGLISH, file("programme", "gone"), sources) == "gone"
    assert words.choice(ENGLISH, file("audio", "mic"), sources) == "Sound only"
    second = Source(id="hand", kind="microphone", media="audio", label="Hand")
    assert words.choice(ENGLISH, file("audio", "mic"), [*sources, second]) == "Sound only: Lectern"


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        ("receiving", "Sound and slides are here. The full recording is still on its way from the room."),
        ("ready", ""),
    ],
)
def test_what_is_here_and_what_follows(state: str, sentence: str) -> None:
    facts = {"name": "renditions/slidecast.mp4", "source": "", "bytes": 1, "sha256": "", "url": "", "seconds": None}
    slidecast = File.model_validate({**facts, "kind": "slidecast", "content_type": "video/mp4"})
    texts = dict.fromkeys(("id", "title", "room", "room_id", "institution", "teacher", "language", "problem"), "")
    figures = dict.fromkeys(("started", "seconds", "received", "bytes", "gap_count"), 0)
    lists: dict[str, Any] = {"gaps": [], "marks": [], "sources": []}
    lesson = LessonDetail.model_validate({**texts, **figures, **lists, "state": state, "files": [slidecast]})
    assert words.what_follows(ENGLISH, lesson) == sentence
    assert words.seen_by(ENGLISH, lesson) == "Everybody of the institution"
    assert words.choice(ENGLISH, slidecast, []) == "Sound and slides"
    bare = lesson.model_copy(update={"files": []})
    assert words.what_follows(ENGLISH, bare) == ""
    if state != "ready":
        assert words.seen_by(ENGLISH, bare) == "Administrators, until it is ready"


def test_an_unknown_reason_is_shown_as_it_came() -> None:
    assert words.why_gap(ENGLISH, "meteor") == "meteor"
    assert words.exact(ENGLISH, Gap(source="a", at=0, seconds=1.44, why="lost").seconds) == "1.4 s"


def health(**more: Any) -> Health:
    facts: dict[str, Any] = {"received": NOW - 30, "version": "1", "state": "ready", "title": "", "sources": []}
    facts |= {"disk_hours": 41.0, "backlog": {}, "problem": "", "forecast": None, "clock_ahead": 0.0, "kept": []}
    return Health.model_validate(facts | more)


def source_of(state: str, problem: str = "") -> dict[str, str]:
    return {"id": "front", "label": "Board", "state": state, "problem": problem}


@pytest.mark.parametrize(
    ("silent", "facts", "need", "words_of_it"),
    [
        (30, {"state": "silent"}, 3, "its recorder does not run"),
        (30, {"state": "recording", "sources": [source_of("lost")]}, 3, "Recording without \u2068Board\u2069."),
        (30, {"disk_hours": 1.5}, 3, "only 1 h 30 min"),
        (30, {"sources": [source_of("idle", "auth-failed")]}, 2, "Not ready"),
        (30, {"problem": "not-our-server", "backlog": {"master": 2_000_000_000}}, 2, "it cannot send: 2 GB"),
        (30, {"state": "recording", "title": "Analyse"}, 1, "A lesson is on: \u2068Analyse\u2069."),
        (30, {"backlog": {"master": 2_000_000_000}}, 1, "Sending: 2 GB to go."),
        (30, {"backlog": {"master": 2_000_000_000}, "forecast": 7200.0}, 1, "some 2 hours"),
        (3600, {"backlog": {"master": 2_000_000_000}}, 2, "Silent for 1 hour with 2 GB still to send."),
        (3600, {"disk_hours": 1.5}, 0, "All well"),  # what it said an hour ago is no evidence now
    ],
)
def test_a_room_is_judged_by_what_it_said_itself(
    silent: float, facts: dict[str, Any], need: int, words_of_it: str
) -> None:
    """An admin with forty rooms must see first which one needs a hand, and why."""
    judged = words.rooms_by_need(ENGLISH, [room("A", last_seen=NOW - silent, health=health(**facts))], NOW)[0]
    assert words_of_it in judged.sentence
    assert judged.need == need


def test_a_rooms_next_lesson_is_what_the_room_said_and_not_what_has_passed() -> None:
    health: dict[str, Any] = {"received": NOW, "version": "1", "state": "ready", "title": "", "sources": []}
    health |= {"disk_hours": None, "backlog": {}, "problem": "", "forecast": None, "clock_ahead": 0.0, "kept": []}

    def brings(begin: float, title: str = "Algebra") -> str:
        told = room("A", health=health | {"next_title": title, "next_begin": begin}, has_timetable=True)
        return words.next_lesson(ENGLISH, told, NOW)

    plain = str.maketrans("", "", "\u2068\u2069")
    assert brings(NOW + 600).translate(plain) == "Next lesson: Algebra, Sat, 21 Nov 2026, 10:12."
    assert brings(NOW + 600, "") == "Next lesson: Sat, 21 Nov 2026, 10:12."
    assert brings(NOW - 600) == "It has a timetable."
    assert words.next_lesson(ENGLISH, room("A"), NOW) == ""
