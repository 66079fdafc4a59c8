"""Whatever a room sends as lesson.json, the server says in a sentence what is wrong with it and lives on."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lms_server.ingest.manifest import read_card
from media.lesson import BadLesson, Lesson, Mark, Source, Span, Take, take_file

LESSON = "01K0000000000000000000000A"


def lesson() -> Lesson:
    return Lesson(
        id=LESSON,
        title="  Optics\n 1 ",
        room="Amphi A",
        institution="ENS",
        language="fr",
        state="kept",
        sources=[Source("front", "camera", "video", "Front")],
        spans=[Span("boot", 100.0, 1_795_000_000.0, "stopped")],
        takes=[
            Take("front", 1, 0, take_file("front", 1), 10, "a" * 64, 100.0, 5.0, "lost"),
            Take("front", 2, 0, take_file("front", 2), 0, "b" * 64, 105.0, 0.0, "lost"),
            Take("front", 3, 0, take_file("front", 3), 10, "c" * 64, 107.0, 5.0, "stopped"),
        ],
        marks=[Mark(0, 103.0, "Look")],
    )


def test_a_card_says_what_the_portal_shows() -> None:
    card = read_card(lesson().to_json().encode(), LESSON)
    assert (card.title, card.language, card.started, card.seconds) == ("Optics 1", "fr", 1_795_000_000.0, 12.0)
    assert [(gap["at"], gap["seconds"]) for gap in card.gaps] == [(5.0, 2.0)]
    assert card.marks == [{"at": 3.0, "label": "Look"}]


def test_a_take_without_a_byte_is_not_waited_for() -> None:
    card = read_card(lesson().to_json().encode(), LESSON)
    assert [take["path"] for take in card.takes] == ["front/take-001.mp4", "front/take-003.mp4"]


def test_a_manifest_of_another_lesson_or_an_unfinished_one_is_refused() -> None:
    with pytest.raises(BadLesson, match="another lesson"):
        read_card(lesson().to_json().encode(), "01K0000000000000000000000B")
    unfinished = lesson()
    unfinished.state = "recording"
    with pytest.raises(BadLesson, match="kept"):
        read_card(unfinished.to_json().encode(), LESSON)


@pytest.mark.parametrize("text", [b"", b"\xff\xfe", b"null", b"[]", b"{", b"[" * 100_000, b'{"format": 1}'])
def test_what_is_no_manifest_is_said_so(text: bytes) -> None:
    with pytest.raises(BadLesson):
        read_card(text, LESSON)


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@given(data=st.data(), junk=JUNK)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_one_spoilt_value_anywhere_never_breaks_the_server(data: st.DataObject, junk: Any) -> None:
    body = json.loads(lesson().to_json())
    place: Any = body
    while True:
        key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else list(range(len(place)))))
        if not place[key] or not isinstance(place[key], dict | list) or data.draw(st.booleans()):
            place[key] = junk
            break
        place = place[key]
    with suppress(BadLesson):
        card = read_card(json.dumps(body).encode(), LESSON)
        json.dumps([card.gaps, card.marks, card.sources, card.takes], allow_nan=False)
