"""Whether bytes cost money. If these fail, a phone's credit is spent on a video."""

from __future__ import annotations

import sys

import pytest

from lms_sync.metered import AGAIN, NOBODY, PATIENCE, Meter, ask


@pytest.mark.parametrize(
    ("answer", "metered"),
    [("u 0", False), ("u 1", True), ("u 2", False), ("u 3", True), ("u 4", False), ("u 9", None), ("", None)],
)
def test_what_network_manager_answers(answer: str, metered: bool | None) -> None:
    assert ask((sys.executable, "-c", f"print({answer!r})")) is metered


def test_a_room_without_network_manager_has_a_free_link() -> None:
    assert ask(("/nonexistent/busctl",)) is None
    assert ask((sys.executable, "-c", "print('u 1'); raise SystemExit(1)")) is None
    assert ask((sys.executable, "-c", "import sys; sys.stdout.buffer.write(bytes([255]))")) is None
    assert not Meter(lambda: None)()


def test_the_question_is_asked_once_a_minute_and_seldom_where_nobody_answers() -> None:
    answers: list[bool | None] = [True, None, False]
    asked: list[float] = []
    clock = [0.0]

    def question() -> bool | None:
        asked.append(clock[0])
        return answers.pop(0)

    meter = Meter(question, lambda: clock[0])
    found = []
    for clock[0] in (0.0, 1.0, AGAIN - 1, AGAIN, AGAIN + NOBODY - 1, AGAIN + NOBODY):
        found.append(meter())
    assert found == [True, True, True, False, False, False]
    assert asked == [0.0, AGAIN, AGAIN + NOBODY]
    assert PATIENCE < AGAIN
