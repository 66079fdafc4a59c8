"""What is said of lessons and their files."""

from __future__ import annotations

from datetime import UTC
from typing import Any

import pytest
from starlette.requests import Request

from lms_server.catalog.schemas import File, Gap, LessonDetail, Source
from lms_server.portal import words
from lms_server.portal.language import Tongues

ENGLISH = Tongues(UTC).of(Request({"type": "http", "query_string": b"lang=en", "headers": []}))


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
