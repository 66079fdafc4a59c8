"""Columns align in every script, and numbers can be felt."""

from __future__ import annotations

from appliance.tables import duration, headline, size, table, timetable, when, width


def test_columns_align_whatever_the_script() -> None:
    lines = table(["A", "B"], [["é", "x"], ["e\u0301", "x"], ["表", "x"], ["long", "x"]]).splitlines()
    assert len({width(line[: line.rindex("x")]) for line in lines[1:]}) == 1


def test_sizes_and_durations() -> None:
    assert [size(n) for n in (0, 999, 1500, 2_500_000, 3e9, 4e12)] == [
        "0 B",
        "999 B",
        "2 kB",
        "2.5 MB",
        "3.0 GB",
        "4.0 TB",
    ]
    assert duration(3661.4) == "1:01:01"


def test_the_headline_says_what_became_of_the_lesson() -> None:
    last = {"title": "Analyse", "seconds": 60, "receipted": False, "sent": 25, "bytes": 100}
    status = {"state": "ready", "lesson": None, "last": last}
    assert headline(status) == 'Ready. Last lesson "Analyse", 0:01:00, kept, 25 % sent.'
    assert headline({**status, "last": {**last, "receipted": True}}).endswith("kept and delivered.")
    lesson = {"title": "", "elapsed": 5, "marks": 1}
    assert headline({"state": "recording", "lesson": lesson, "last": None}) == "Recording, 0:00:05, 1 mark."


def test_what_the_timetable_will_do_is_said_in_a_line() -> None:
    plan = {"follows": True, "ends": None, "next": None, "problem": None}
    assert timetable(None) == []
    assert timetable(plan) == ["Timetable: nothing in the days to come."]
    soon = {"title": "Algebra II", "begin": 1_795_255_200.0}
    assert timetable({**plan, "next": soon}) == [f'Timetable: next: "Algebra II", {when(soon["begin"])}.']
    ending = timetable({**plan, "ends": 1_795_255_200.0, "problem": {"detail": "The clock is wrong."}})
    assert ending[0].startswith("Timetable: it began this lesson, and ends it at ")
    assert ending[1] == "Timetable: The clock is wrong."
