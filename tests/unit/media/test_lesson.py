"""A lesson's timeline, and lesson.json as it may come from a damaged disk or a stranger."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.lesson import (
    GAP_TOLERANCE,
    LATE_TOLERANCE,
    LONGEST_CUT,
    BadLesson,
    Gap,
    Lesson,
    Mark,
    Source,
    Span,
    Take,
    take_file,
)

WALL = 1_790_000_000.0


def take(source: str, number: int, epoch: float, seconds: float, *, span: int = 0, ended: str = "stopped") -> Take:
    return Take(source, number, span, take_file(source, number), 1000, "ab" * 32, epoch, seconds, ended)


def lesson(spans: list[Span], *takes: Take) -> Lesson:
    return Lesson(
        id="01K0000000000000000000000A",
        title="Forces",
        room="Room 12",
        institution="",
        language="ar",
        state="kept",
        sources=[Source("front", "camera", "video"), Source("lectern", "microphone", "audio")],
        spans=spans,
        takes=list(takes),
    )


def one_span(*takes: Take) -> Lesson:
    return lesson([Span("boot", 100.0, WALL, "stopped")], *takes)


# -- the timeline


def test_the_lesson_begins_with_the_first_recorded_instant() -> None:
    kept = one_span(take("front", 1, 101.5, 10), take("lectern", 1, 100.5, 11.25))
    assert kept.begins(kept.takes[0]) == 1.0
    assert kept.begins(kept.takes[1]) == 0.0
    assert kept.seconds == 11.25


def test_a_pause_takes_no_time() -> None:
    kept = lesson(
        [Span("boot", 100.0, WALL, "paused"), Span("boot", 900.0, WALL + 800, "stopped")],
        take("front", 1, 100.0, 10, ended="paused"),
        take("lectern", 1, 100.0, 10.5, ended="paused"),
        take("front", 2, 900.4, 20, span=1),
        take("lectern", 2, 900.0, 20, span=1),
    )
    assert kept.begins(kept.takes[3]) == 10.5
    assert kept.begins(kept.takes[2]) == pytest.approx(10.9)
    assert kept.seconds == pytest.approx(30.9)
    assert kept.gaps() == []


def test_a_source_that_never_came_back_after_a_pause_left_a_gap() -> None:
    kept = lesson(
        [Span("boot", 100.0, WALL, "paused"), Span("boot", 900.0, WALL + 800, "stopped")],
        take("front", 1, 100.0, 10, ended="paused"),
        take("lectern", 1, 100.0, 10, ended="paused"),
        take("lectern", 2, 900.0, 20, span=1),
    )
    assert kept.gaps() == [Gap("front", 10.0, 20.0, "paused")]


def test_a_cut_leaves_a_gap_of_its_true_length() -> None:
    kept = lesson(
        [Span("boot-1", 5000.0, WALL, "cut"), Span("boot-2", 30.0, WALL + 90.0, "stopped")],
        take("front", 1, 5000.5, 60, ended="cut"),
        take("lectern", 1, 5000.25, 60.5, ended="cut"),
        take("front", 2, 31.0, 60, span=1),
        take("lectern", 2, 31.5, 60, span=1),
    )
    # From 5060.75, that is WALL + 60.75, to WALL + 91.
    assert kept.begins(kept.takes[2]) == pytest.approx(60.5 + 30.25)
    assert kept.gaps() == [Gap("front", 60.25, 30.5, "cut"), Gap("lectern", 60.5, 30.75, "cut")]
    assert kept.seconds == pytest.approx(60.5 + 30.25 + 60.5)


@pytest.mark.parametrize("leap", [-7200.0, -20 * 365 * 86400.0, LONGEST_CUT + 1, 10 * 365 * 86400.0])
def test_a_clock_that_leapt_over_a_reboot_gives_a_seam_instead_of_a_mad_gap(leap: float) -> None:
    kept = lesson(
        [Span("boot-1", 5000.0, WALL, "cut"), Span("boot-2", 30.0, WALL + 60.0 + leap, "stopped")],
        take("front", 1, 5000.0, 60, ended="cut"),
        take("lectern", 1, 5000.0, 60, ended="cut"),
        take("front", 2, 30.0, 30, span=1, ended="lost"),
        take("front", 3, 60.0, 30, span=1),
        take("lectern", 2, 30.0, 60, span=1),
    )
    assert kept.seconds == 120.0
    assert kept.gaps() == [Gap("front", 60.0, 0.0, "cut"), Gap("lectern", 60.0, 0.0, "cut")]


def test_a_span_in_which_nothing_was_recorded_takes_no_time() -> None:
    kept = lesson(
        [Span("boot", 0.0, WALL, "paused"), Span("boot", 50.0, WALL + 50, "paused"), Span("boot", 90.0, WALL + 90)],
        take("front", 1, 0.0, 10, ended="paused"),
        take("lectern", 1, 0.0, 10, ended="paused"),
        take("front", 2, 90.0, 10, span=2),
        take("lectern", 2, 90.0, 10, span=2),
    )
    assert kept.begins(kept.takes[2]) == 10.0
    assert kept.place(1, 50.0) == 10.0
    assert kept.gaps() == []


def test_a_cut_before_anything_was_recorded_adds_nothing() -> None:
    kept = lesson(
        [Span("boot-1", 0.0, WALL, "cut"), Span("boot-2", 5.0, WALL + 400, "stopped")],
        take("front", 1, 6.0, 10, span=1),
    )
    assert kept.begins(kept.takes[0]) in (0.0, pytest.approx(401.0))
    assert kept.seconds == kept.begins(kept.takes[0]) + 10.0


def test_a_source_that_was_not_held_before_start_left_no_gap() -> None:
    """What an armed room held is a gift: the touch on Start is where a source may be missed from."""
    spans = [Span("boot", 100.0, WALL, "stopped", pre_roll=10.0)]
    kept = lesson(spans, take("front", 1, 101.0, 60), take("lectern", 1, 90.0, 71))
    assert (kept.seconds, kept.gaps(), kept.started) == (71.0, [], WALL)
    assert json.loads(kept.to_json())["spans"][0]["pre_roll"] == 10.0


@pytest.mark.parametrize(("late", "gaps"), [(LATE_TOLERANCE - 0.1, 0), (LATE_TOLERANCE + 0.1, 1)])
def test_only_a_source_that_joins_noticeably_late_left_a_gap(late: float, gaps: int) -> None:
    kept = one_span(take("front", 1, 100.0 + late, 60), take("lectern", 1, 100.0, 60 + late))
    assert [gap.why for gap in kept.gaps()] == ["late"] * gaps


@pytest.mark.parametrize(("hole", "gaps"), [(GAP_TOLERANCE - 0.01, 0), (GAP_TOLERANCE + 0.01, 1)])
def test_the_seams_of_frames_are_no_gaps(hole: float, gaps: int) -> None:
    kept = one_span(
        take("front", 1, 100.0, 10, ended="lost"),
        take("front", 2, 110.0 + hole, 10),
        take("lectern", 1, 100.0, 20 + hole),
    )
    assert [gap.why for gap in kept.gaps()] == ["lost"] * gaps


def test_a_source_that_died_is_missed_until_the_end() -> None:
    kept = one_span(take("front", 1, 100.0, 10, ended="lost"), take("lectern", 1, 100.0, 60))
    assert kept.gaps() == [Gap("front", 10.0, 50.0, "lost")]


def test_a_source_that_recorded_nothing_is_one_long_gap() -> None:
    assert one_span(take("lectern", 1, 100.0, 60)).gaps() == [Gap("front", 0.0, 60.0, "late")]


def test_a_lesson_of_nothing_has_no_length() -> None:
    empty = one_span()
    assert (empty.seconds, empty.gaps(), empty.started) == (0.0, [], WALL)
    assert lesson([]).started == 0.0


def test_a_mark_lies_where_the_teacher_was() -> None:
    kept = one_span(take("front", 1, 102.0, 60))
    kept.marks.append(Mark(0, 112.5, "proof"))
    assert kept.place(kept.marks[0].span, kept.marks[0].mono) == 10.5


# -- as a file


@pytest.fixture
def body() -> dict[str, Any]:
    kept = one_span(take("front", 1, 100.0, 60), take("lectern", 1, 100.0, 60))
    kept.title = "الحركة والقوى – “forces” 🙂"
    kept.marks.append(Mark(0, 112.5, "proof"))
    parsed: dict[str, Any] = json.loads(kept.to_json())
    return parsed


def test_a_lesson_survives_its_file(body: dict[str, Any]) -> None:
    kept = Lesson.from_json(json.dumps(body))
    assert json.loads(kept.to_json()) == body
    assert Lesson.from_json(kept.to_json().encode()) == kept


def test_a_newer_minor_form_is_read(body: dict[str, Any]) -> None:
    body["weather"] = "hot"
    body["takes"][0]["lens"] = "35 mm"
    assert Lesson.from_json(json.dumps(body)).takes[0].seconds == 60


def test_readers_are_told_what_follows_from_the_takes(body: dict[str, Any]) -> None:
    assert (body["seconds"], body["started"], body["gaps"]) == (60.0, WALL, [])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{}",
        '{"format": 1}',
        '{"format": 2}',
        '"lesson"',
        "[" * 100_000,
        "9" * 5000,
        b"\xff\xfe\x00",
        b"\x00",
    ],
)
def test_what_is_no_lesson_is_refused_in_one_sentence(text: str | bytes) -> None:
    with pytest.raises(BadLesson) as refused:
        Lesson.from_json(text)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("where", "value"),
    [
        (("id",), "../../etc"),
        (("id",), ""),
        (("title",), 7),
        (("title",), "\ud800"),
        (("state",), "on fire"),
        (("state",), []),
        (("sources",), {}),
        (("sources", 0), "front"),
        (("sources", 0, "id"), "../../etc"),
        (("sources", 0, "id"), "lectern"),
        (("sources", 0, "media"), "smell"),
        (("sources", 0, "av_offset_ms"), "80"),
        (("spans", 0, "mono"), None),
        (("spans", 0, "wall"), float("nan")),
        (("spans", 0, "ended"), "bored"),
        (("takes", 0, "source"), "back"),
        (("takes", 0, "file"), "front/../../../etc/passwd"),
        (("takes", 0, "file"), "front/take-002.mp4"),
        (("takes", 0, "number"), "1"),
        (("takes", 0, "number"), 1.0),
        (("takes", 0, "number"), True),
        (("takes", 0, "span"), 1),
        (("takes", 0, "span"), -1),
        (("takes", 0, "span"), 0.0),
        (("takes", 0, "bytes"), -5),
        (("takes", 0, "bytes"), 10**400),
        (("takes", 0, "seconds"), -0.5),
        (("takes", 0, "seconds"), float("inf")),
        (("takes", 0, "epoch"), "now"),
        (("marks", 0, "span"), 3),
        (("marks", 0, "mono"), "later"),
    ],
)
def test_one_wrong_thing_is_named(body: dict[str, Any], where: tuple[str | int, ...], value: object) -> None:
    put(body, where, value)
    with pytest.raises(BadLesson) as refused:
        Lesson.from_json(json.dumps(body))
    assert str(refused.value).startswith("lesson.json ")


def test_two_takes_of_one_name_are_refused(body: dict[str, Any]) -> None:
    body["takes"].append(body["takes"][0])
    with pytest.raises(BadLesson, match="twice"):
        Lesson.from_json(json.dumps(body))


@pytest.mark.parametrize(
    "name", ["id", "title", "room", "institution", "language", "state", "sources", "spans", "takes", "marks"]
)
def test_nothing_that_matters_may_be_missing(body: dict[str, Any], name: str) -> None:
    del body[name]
    with pytest.raises(BadLesson, match=name):
        Lesson.from_json(json.dumps(body))


def put(body: Any, where: tuple[str | int, ...], value: object) -> None:
    for step in where[:-1]:
        body = body[step]
    body[where[-1]] = value


def places(value: Any, where: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return ([where] if where else []) + [found for key, item in inside for found in places(item, (*where, key))]


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["front", "../..", "\ud800"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
SOUND = one_span(take("front", 1, 100.0, 60), take("lectern", 1, 100.0, 60))
SOUND.marks.append(Mark(0, 112.5))
PLACES = places(json.loads(SOUND.to_json()))


@given(st.lists(st.tuples(st.sampled_from(PLACES), ANYTHING), min_size=1, max_size=3))
def test_whatever_the_file_says_it_is_refused_or_it_works(changes: list[tuple[tuple[str | int, ...], object]]) -> None:
    """The server reads lesson.json of every room: no content may raise anything but BadLesson, then or later."""
    broken = copy.deepcopy(json.loads(SOUND.to_json()))
    for where, value in changes:
        try:
            put(broken, where, value)
        except (TypeError, IndexError, KeyError):
            continue  # an earlier change took that place away
    text = json.dumps(broken)
    try:
        read = Lesson.from_json(text)
    except BadLesson:
        return
    assert read.seconds >= 0
    assert all(gap.seconds > 0 for gap in read.gaps())
    assert all(read.begins(each) >= 0 for each in read.takes)
    assert all(isinstance(read.place(mark.span, mark.mono), float | int) for mark in read.marks)
    assert Lesson.from_json(read.to_json().encode()) == read


@given(st.binary(max_size=200) | st.text(max_size=200))
def test_no_bytes_make_it_stumble(text: str | bytes) -> None:
    with pytest.raises(BadLesson):
        Lesson.from_json(text)


def test_a_take_lasts_as_long_as_it_did_in_the_room() -> None:
    """A camera whose clock is slow counts fewer seconds than went by: no gap may be invented at the take's end."""
    lesson = Lesson("L", "", "", "", "en", "kept", [Source("front", "camera", "video")], [Span("b", 0.0, 0.0)])
    lesson.takes = [
        Take("front", 1, 0, "front/take-001.mp4", 1, "", 0.0, 100.0, "lost", pace=1.01),
        Take("front", 2, 0, "front/take-002.mp4", 1, "", 101.0, 9.0, "stopped"),
    ]
    assert lesson.gaps() == []
    assert lesson.seconds == 110.0
    assert Lesson.from_json(lesson.to_json()).takes == lesson.takes
