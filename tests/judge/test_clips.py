"""An alarm that is wrong once is not believed again; one that does not come costs the lesson."""

from __future__ import annotations

import pytest

from tests.judge.score import BEGIN, END, PAGE, Judged, false_alarms, judge_all, scores


@pytest.fixture(scope="module")
def judged() -> list[Judged]:
    return judge_all()


def test_the_set_is_large_enough_to_mean_something(judged: list[Judged]) -> None:
    assert len(judged) >= 60
    assert {each.clip.half for each in judged} == {0, 1}
    assert len({each.clip.name for each in judged}) == len(judged)


def test_a_good_take_is_never_complained_of(judged: list[Judged]) -> None:
    assert false_alarms(judged) == []


@pytest.mark.parametrize("half", [0, 1])
def test_what_is_bad_is_found_and_called_by_its_name(judged: list[Judged], half: int) -> None:
    found = scores([each for each in judged if each.clip.half == half])
    weak = [score for score in found if score.precision < 0.9 or score.recall < 0.9]
    assert weak == []


def test_the_page_shows_what_was_measured(judged: list[Judged]) -> None:
    shown = PAGE.read_text().split(BEGIN)[1].split(END)[0]
    missing = [s.code for s in scores(judged) if f"| `{s.code}` | {s.there} |" not in shown]
    assert missing == [], "run python -m tests.judge.score"
