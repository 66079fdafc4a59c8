"""What the judge said of a lesson must reach whoever opens it, and old lessons must open without it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from media.lesson import BadLesson, Lesson, Remark, Source, Span

LESSON = Lesson(
    "01JD4R6YJ3M3W9VZB0Q7RZB6C5",
    "Analyse II",
    "Amphi A",
    "",
    "fr",
    "kept",
    sources=[Source("front", "camera", "video")],
    spans=[Span("boot", 10.0, 1000.0, "stopped")],
    quality=[Remark("front", "picture-black", 12.0, 30.5, {"level": 3})],
)


def test_a_report_survives_the_file() -> None:
    assert Lesson.from_json(LESSON.to_json()).quality == LESSON.quality
    stands = json.loads(LESSON.to_json())["quality"]
    assert stands == {"front": [{"code": "picture-black", "from": 12.0, "to": 30.5, "facts": {"level": 3}}]}


def test_a_lesson_of_an_older_room_has_no_report() -> None:
    body = json.loads(LESSON.to_json())
    del body["quality"]
    assert Lesson.from_json(json.dumps(body)).quality == []


@pytest.mark.parametrize(
    "quality", [[], {"front": {}}, {"front": [3]}, {"front": [{"code": "x", "from": "a", "to": 2, "facts": {}}]}]
)
def test_a_report_of_another_form_is_refused(quality: Any) -> None:
    body = {**json.loads(LESSON.to_json()), "quality": quality}
    with pytest.raises(BadLesson):
        Lesson.from_json(json.dumps(body))
