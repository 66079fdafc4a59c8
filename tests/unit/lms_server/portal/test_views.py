"""What a student may choose from, and what is chosen for whom."""

from __future__ import annotations

from typing import Any

import pytest

from lms_server.catalog.schemas import LessonDetail
from lms_server.errors import BadRequest
from lms_server.portal.changes import parts_of, place
from lms_server.portal.timeline import moments
from lms_server.portal.views import chosen, levels, views

KINDS = {
    "slidecast.mp4": ("slidecast", "", 18),
    "lectern.m4a": ("audio", "lectern", 40),
    "proxy.mp4": ("proxy", "", 100),
    "front.mp4": ("programme", "front", 700),
    "front-2.mp4": ("programme", "front", 650),
    "screen.mp4": ("programme", "screen", 300),
    "film.mp4": ("composed", "", 500),
    "lesson.json": ("manifest", "", 1),
}


def lesson(*names: str, **more: Any) -> LessonDetail:
    files = [
        {"name": name, "kind": KINDS[name][0], "source": KINDS[name][1], "bytes": KINDS[name][2], "seconds": None}
        | {"sha256": name, "url": name, "content_type": ""}
        for name in names
    ]
    sources = [
        {"id": "front", "kind": "camera", "media": "video", "label": "Front", "driver": "rtsp"},
        {"id": "screen", "kind": "camera", "media": "video", "label": "Screen", "driver": "screen"},
        {"id": "lectern", "kind": "microphone", "media": "audio", "label": "Lectern"},
    ]
    texts = dict.fromkeys(("id", "title", "room", "room_id", "institution", "teacher", "language", "problem"), "")
    figures = dict.fromkeys(("started", "received", "bytes", "gap_count"), 0)
    facts = {"seconds": 60.0, "state": "ready", "gaps": [], "marks": [], "sources": sources, "files": files}
    return LessonDetail.model_validate({**texts, **figures, **facts, **more})


def test_from_what_a_village_can_carry_to_everything() -> None:
    found = views(lesson(*KINDS))
    assert [view.key for view in found] == [
        "slidecast.mp4", "lectern.m4a", "proxy.mp4", "both", "front.mp4", "front-2.mp4", "screen.mp4", "film.mp4",
    ]  # fmt: skip
    assert [(view.level, view.bytes) for view in levels(found)] == [("light", 18), ("small", 100), ("full", 1000)]


def test_the_slides_are_the_large_picture_and_the_one_that_is_heard() -> None:
    (pair,) = (view for view in views(lesson("front.mp4", "front-2.mp4", "screen.mp4")) if view.key == "both")
    assert [file.name for file in pair.files] == ["screen.mp4", "front.mp4"]


def test_two_forms_of_one_camera_are_no_pair() -> None:
    assert [view.key for view in views(lesson("front.mp4", "front-2.mp4"))] == ["front.mp4", "front-2.mp4"]


def test_without_scripts_one_file_is_chosen_the_smallest_where_bytes_are_dear() -> None:
    found = views(lesson(*KINDS))
    for key, sparing, expected in (
        ("", False, "front.mp4"),
        ("", True, "slidecast.mp4"),
        ("proxy.mp4", False, "proxy.mp4"),
        ("gone", True, "slidecast.mp4"),
    ):
        view = chosen(found, key, sparing=sparing)
        assert view is not None
        assert view.key == expected
    assert chosen(views(lesson("lesson.json")), "", sparing=False) is None


def test_chapters_are_slides_marks_and_parts_but_for_what_was_cut_away() -> None:
    cut = lesson(marks=[{"at": 12.0, "label": "x"}, {"at": 50.0, "label": "y"}])
    assert [moment.at for moment in moments(cut, (0.0, 30.0))] == [0.0, 12.0, 30.0, 50.0]
    parts = [{"at": 10.0, "seconds": 10.0, "title": "One"}, {"at": 30.0, "seconds": 10.0}]
    cut = lesson(marks=[{"at": 12.0, "label": "x"}, {"at": 50.0, "label": "y"}], parts=parts)
    found = [(moment.at, moment.kind) for moment in moments(cut, (0.0, 30.0))]
    assert found == [(10.0, "part"), (12.0, "mark"), (30.0, "slide"), (30.0, "part")]


def test_places_are_written_as_people_write_them() -> None:
    assert [place(text, 9.0) for text in ("", "4:07", "1:02:03.5", "90", "٠:٠٥")] == [9.0, 247.0, 3723.5, 90.0, 5.0]
    for text in ("x", "1:2:3:4", "-5", "1e9", "1:٠x"):
        with pytest.raises(BadRequest):
            place(text, 0.0)


def test_a_form_of_parts_is_sorted_and_an_empty_one_shows_everything() -> None:
    assert parts_of(["", ""], ["", ""], ["", ""], 60.0) == []
    assert parts_of([""], ["1:00"], [""], 60.0) == []
    found = parts_of(["0:30", "", ""], ["", "0:20", ""], ["Two", "", ""], 60.0)
    assert [(part.at, part.seconds, part.title) for part in found] == [(0.0, 20.0, ""), (30.0, 30.0, "Two")]
    with pytest.raises(BadRequest):
        parts_of(["0:30"], ["0:20"], [""], 60.0)
