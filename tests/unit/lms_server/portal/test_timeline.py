"""The picture of a lesson: nothing that is missing may be too small to see, nothing may stand outside."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from lms_server.catalog.schemas import Gap, LessonDetail, Mark, Source
from lms_server.portal.timeline import LEAST, draw

BOARD = Source(id="board", kind="camera", media="video", label="Board")


def lesson(**more: Any) -> LessonDetail:
    facts: dict[str, Any] = {
        "id": "L",
        "title": "T",
        "room": "R",
        "room_id": "r",
        "institution": "I",
        "teacher": "",
        "language": "en",
        "started": 0.0,
        "seconds": 100.0,
        "state": "ready",
        "problem": "",
        "received": 0.0,
        "bytes": 1,
        "gap_count": 0,
        "gaps": [],
        "marks": [],
        "sources": [BOARD],
        "files": [],
    }
    return LessonDetail.model_validate(facts | more)


def test_takes_are_what_the_gaps_leave() -> None:
    gaps = [Gap(source="board", at=60, seconds=40, why="stopped"), Gap(source="board", at=10, seconds=5, why="lost")]
    line = draw(lesson(gaps=gaps))
    assert line is not None
    assert [(take.left, take.width) for take in line.lanes[0].takes] == [(0, 10), (15, 45)]
    assert [(gap.left, gap.width, gap.why) for gap in line.lanes[0].gaps] == [(10, 5, "lost"), (60, 40, "stopped")]


def test_half_a_second_in_two_hours_is_still_seen() -> None:
    line = draw(lesson(seconds=7200.0, gaps=[Gap(source="board", at=7199.5, seconds=0.5, why="lost")]))
    assert line is not None
    assert line.lanes[0].gaps[0].width == LEAST
    assert line.lanes[0].gaps[0].left == 100 - LEAST


def test_marks_stand_where_they_were_made() -> None:
    line = draw(lesson(marks=[Mark(at=75, label="b"), Mark(at=25, label="a")]))
    assert line is not None
    assert [(mark.left, mark.label) for mark in line.marks] == [(25, "a"), (75, "b")]


def test_the_scale_is_in_round_figures_and_fits() -> None:
    line = draw(lesson(seconds=5340.0))
    assert line is not None
    assert [tick.at for tick in line.scale] == [0, 900, 1800, 2700, 3600, 4500]


def test_a_lesson_of_nothing_has_no_picture() -> None:
    assert draw(lesson(seconds=0.0)) is None
    assert draw(lesson(sources=[])) is None


@given(
    st.floats(0.1, 1e6),
    st.lists(st.tuples(st.floats(-10, 2e6), st.floats(0, 2e6)), max_size=20),
)
def test_nothing_ever_stands_outside_the_picture(seconds: float, holes: list[tuple[float, float]]) -> None:
    gaps = [Gap(source="board", at=at, seconds=length, why="lost") for at, length in holes]
    line = draw(lesson(seconds=seconds, gaps=gaps))
    assert line is not None
    for stretch in (*line.lanes[0].takes, *line.lanes[0].gaps):
        assert stretch.left >= 0
        assert stretch.width >= 0
        assert stretch.left + stretch.width <= 100.01
