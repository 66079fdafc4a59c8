"""A student sees every slide, once, and not a new one for every move of the pointer."""

from __future__ import annotations

import numpy as np

from media.renditions.slides import HEIGHT, WIDTH, Grey, SlideDetector

CHANCE = np.random.default_rng(5)


def slide(number: int, *, lines: int = 6) -> Grey:
    """White, with dark lines of text that differ from slide to slide."""
    picture = np.full((HEIGHT, WIDTH), 245, np.uint8)
    text = np.random.default_rng(number)
    for line in range(lines):
        picture[20 + 24 * line : 30 + 24 * line, 20 : 20 + text.integers(120, 280)] = 30
        picture[20 + 24 * line : 30 + 24 * line, 20:300:4] = 245 - 200 * text.integers(0, 2, 70, np.uint8)
    return picture


def found(pictures: list[Grey]) -> list[int]:
    """Numbers of the pictures that were new slides; the first is always one and is not told."""
    detector = SlideDetector()
    return [number - 1 for number, picture in enumerate(pictures) if detector.see(picture)]


def test_every_slide_is_found_where_it_appears() -> None:
    assert found([slide(n // 5) for n in range(30)]) == [5, 10, 15, 20, 25]


def test_one_more_line_is_a_new_slide() -> None:
    assert found([slide(1, lines=3)] * 4 + [slide(1, lines=4)] * 4) == [4]


def test_a_slide_that_comes_back_is_shown_again() -> None:
    assert found([slide(1)] * 3 + [slide(2)] * 3 + [slide(1)] * 3) == [3, 6]


def test_noise_and_a_pointer_are_no_slide() -> None:
    pictures = []
    for number in range(20):
        picture = slide(1).astype(np.int16) + CHANCE.integers(-12, 13, (HEIGHT, WIDTH))
        picture[40 + number : 46 + number, 10 * number : 10 * number + 4] = 0
        pictures.append(picture.clip(0, 255).astype(np.uint8))
    assert found(pictures) == []


def test_what_never_stands_still_is_no_slide() -> None:
    assert found([CHANCE.integers(0, 255, (HEIGHT, WIDTH), np.uint8) for _ in range(20)]) == []


def test_a_transition_gives_the_slide_after_it_once() -> None:
    one, two = slide(1).astype(np.int16), slide(2).astype(np.int16)
    fade = [((one * (4 - step) + two * step) // 4).astype(np.uint8) for step in range(5)]
    assert found([slide(1), slide(1), *fade, slide(2), slide(2)]) == [6]
