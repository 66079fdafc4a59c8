"""The room's own screen. If these fail it stays dark until somebody comes, or begins anew in mid-lesson for nothing."""

from __future__ import annotations

import pytest

from kiosk_ui.screen import FIRST, PATIENCE, Eye, heard


def test_a_page_that_says_that_it_lives_is_left_alone() -> None:
    eye = Eye(0)
    assert not any(eye.dark(now, now % 5, answered=True) for now in range(0, 3600, 2))
    assert eye.seen


def test_a_page_that_goes_silent_is_given_half_a_minute() -> None:
    eye = Eye(0)
    assert not eye.dark(10, 1, answered=True)
    assert not eye.dark(10 + PATIENCE, PATIENCE + 1, answered=True)
    assert eye.dark(11 + PATIENCE, PATIENCE + 2, answered=True)


def test_a_slow_start_is_waited_for_and_one_that_never_comes_is_not() -> None:
    eye = Eye(0)
    assert not eye.dark(FIRST, None, answered=True)
    assert eye.dark(FIRST + 1, None, answered=True)
    assert not eye.seen


def test_the_next_one_is_given_longer() -> None:
    eye = Eye(0, 2 * FIRST)
    assert not eye.dark(2 * FIRST, None, answered=True)
    assert eye.dark(2 * FIRST + 1, None, answered=True)


def test_a_room_that_does_not_answer_is_no_fault_of_its_screen() -> None:
    eye = Eye(0)
    assert not eye.dark(1, 1, answered=True)
    assert not eye.dark(3600, None, answered=False)
    assert not eye.dark(3600 + PATIENCE, None, answered=True)
    assert eye.dark(3601 + PATIENCE, None, answered=True)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "http://room.invalid/"])
def test_nobody_there_is_no_answer(url: str) -> None:
    assert heard(url) == (None, False)
