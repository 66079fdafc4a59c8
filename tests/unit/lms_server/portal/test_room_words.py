"""Which room is named first, and what is said of it in one sentence, with what to do."""

from __future__ import annotations

from datetime import UTC
from typing import Any, get_args

import pytest
from starlette.requests import Request

from lms_server.catalog import fleet
from lms_server.catalog.schemas import AlarmView, CommandView, Health, RoomView, Trouble, TroubleCode
from lms_server.portal import room_words
from lms_server.portal.language import LANGUAGES, Tongues

NOW = 1_795_255_320.0
TONGUES = Tongues(UTC)


def tongue(code: str) -> Any:
    return TONGUES.of(Request({"type": "http", "query_string": f"lang={code}".encode(), "headers": []}))


ENGLISH = tongue("en")


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
    view = RoomView.model_validate(facts | more)
    return view.model_copy(update={"troubles": fleet.troubles(view, NOW)})


def health(silent: float = 30.0, **more: Any) -> Health:
    facts: dict[str, Any] = {"received": NOW - silent, "version": "1", "state": "ready", "title": "", "sources": []}
    facts |= {"disk_hours": 41.0, "backlog": {}, "problem": "", "forecast": None, "clock_ahead": 0.0, "kept": []}
    return Health.model_validate(facts | more)


def alarm(code: TroubleCode, **more: Any) -> AlarmView:
    facts: dict[str, Any] = {"id": 1, "room_id": "A", "room": "A", "institution": "", "raised": NOW - 3600}
    facts |= {"cleared": None, "acknowledged": None, "acknowledged_by": ""}
    return AlarmView.model_validate({**facts, "trouble": {"code": code, "need": "visit", **more}})


@pytest.mark.parametrize(
    ("facts", "need", "sentence"),
    [
        ({}, 0, "All well: every lesson has arrived."),
        ({"lessons": 0}, 0, "Connected; it has not sent a lesson yet."),
        ({"receiving": 2}, 1, "2 lessons are on their way."),
        ({"last_seen": NOW - 16 * 3600}, 0, "Switched off. Every lesson has arrived."),
        (
            {"last_seen": NOW - 7200, "receiving": 1},
            2,
            "Silent for 2 hours with 1 lesson on its way. Ask there whether it was switched off.",
        ),
        (
            {"last_seen": NOW - 9 * 86400},
            3,
            "Silent for 1 week. Go and see whether it has power and network.",
        ),
        ({"revoked": True, "last_seen": None}, 0, "Shut out: this room can send nothing more."),
        ({"last_seen": NOW + 500}, 0, "All well: every lesson has arrived."),
        ({"health": health(state="recording", title="Analyse")}, 1, "A lesson is on: \u2068Analyse\u2069."),
        ({"health": health(backlog={"master": 2_000_000_000})}, 1, "Sending: 2 GB to go."),
        (
            {"health": health(backlog={"master": 2_000_000_000}, forecast=7200.0)},
            1,
            "Sending: 2 GB to go, some 2 hours.",
        ),
        (
            {"health": health(clock_ahead=-7200.0)},
            2,
            "Its clock is 2 hours behind. Set it; if that happens again, change its battery.",
        ),
        (
            {"alarms": [alarm("disk-filling", seconds=5400)], "health": health(disk_hours=4.0)},
            3,
            "The disk has room for only 1 h 30 min of lessons. Take some off by stick, or give the room more of the"
            " link.",
        ),
    ],
)
def test_a_room_is_one_sentence(facts: dict[str, Any], need: int, sentence: str) -> None:
    judged = room_words.judge(ENGLISH, room("A", **facts), NOW)
    assert (judged.need, judged.sentence) == (need, sentence)


def test_who_needs_a_visit_comes_first_and_the_longest_silent_before_others() -> None:
    lost = {"id": "front", "label": "Board", "state": "lost", "problem": ""}
    rooms = [
        room("fine B"),
        room("fine A"),
        room("busy", receiving=1),
        room("silent", last_seen=NOW - 9 * 86400),
        room("more silent", last_seen=NOW - 19 * 86400),
        room("never", last_seen=None),
        room("failed", failed=2),
        room("losing a lesson", health=health(state="recording", sources=[lost]), failed=1),
    ]
    judged = room_words.rooms_by_need(ENGLISH, rooms, NOW)
    assert [it.room.name for it in judged] == [
        "losing a lesson",
        "more silent",
        "silent",
        "never",
        "failed",
        "busy",
        "fine A",
        "fine B",
    ]
    assert judged[0].more == ("1 lesson could not be put together; its recordings are kept. Open it to fetch them.",)
    assert room_words.summed_up(ENGLISH, judged) == "Of 8 rooms, 4 need a visit and 1 a look from your desk."
    assert room_words.summed_up(ENGLISH, judged[6:]) == "All 2 rooms are well."


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", get_args(TroubleCode))
def test_whatever_may_be_wrong_has_its_sentence(language: str, code: TroubleCode) -> None:
    """A code without words would take the whole page down."""
    for facts in ({}, {"names": ["Board"], "seconds": 7200.0, "bytes": 7, "number": 2, "finding": "picture-dark"}):
        said = room_words.trouble(tongue(language), Trouble.model_validate({"code": code, "need": "visit", **facts}))
        assert said.endswith("."), said
        assert "%" not in said
        assert "None" not in said
    assert code in fleet.WORST_FIRST


def test_a_rooms_next_lesson_is_what_the_room_said_and_not_what_has_passed() -> None:
    def brings(begin: float, title: str = "Algebra") -> str:
        told = room("A", health=health(next_title=title, next_begin=begin), has_timetable=True)
        return room_words.next_lesson(ENGLISH, told, NOW).translate(str.maketrans("", "", "\u2068\u2069"))

    assert brings(NOW + 600) == "Next lesson: Algebra, Sat, 21 Nov 2026, 10:12."
    assert brings(NOW + 600, "") == "Next lesson: Sat, 21 Nov 2026, 10:12."
    assert brings(NOW - 600) == "It has a timetable."
    assert room_words.next_lesson(ENGLISH, room("A"), NOW) == ""


def test_a_room_is_told_to_stop_only_what_it_says_is_on() -> None:
    """Stop at the place of Start would end a lesson by mistake."""
    assert room_words.can(room("A", health=health()), NOW) == "start"
    assert room_words.can(room("A", health=health(state="recording")), NOW) == "stop"
    assert room_words.can(room("A", health=health(5000, state="recording")), NOW) is None


def test_an_order_says_what_became_of_it() -> None:
    facts: dict[str, Any] = {"id": "1", "room_id": "A", "verb": "start", "title": "", "lesson": "", "by": "amina"}
    facts |= {"made": NOW, "expires": NOW, "delivered": NOW, "done": NOW, "state": "refused", "outcome": "busy"}
    order = CommandView.model_validate({**facts, "detail": "A lesson is on."})
    assert room_words.order(ENGLISH, order) == "Start a lesson: not done: \u2068A lesson is on.\u2069"
