"""Ninety minutes reach the students in minutes on 256 kbit/s only if the files keep to their size, by arithmetic."""

from __future__ import annotations

import numpy as np

from media.renditions import proxy
from media.renditions.slidecast import LARGEST, Purse, telling
from media.renditions.slides import HEIGHT, WIDTH
from media.renditions.speech import BIT_RATE, BLOCK, RATE

LESSON = 90 * 60
INDEX = 8
"""Bytes of an MP4's index for one packet: its size, and its share of the tables of times and places."""
SLIDECAST, PROXY = 22_000_000, 120_000_000
SPEECH = LESSON * BIT_RATE // 8 + LESSON * RATE // BLOCK * INDEX


def test_a_lesson_of_ninety_minutes_stays_under_22_mb_whatever_the_slides_do() -> None:
    purse, pictures = Purse(), 0
    for second in range(LESSON):
        if purse.affords(second):  # the worst: a new slide every second, each as large as may be
            purse.pay(LARGEST)
            pictures += LARGEST
    assert SPEECH + pictures + LARGEST <= SLIDECAST, "the last slide is shown whatever it costs"
    assert pictures >= 80 * LARGEST, "eighty of the largest pictures are affordable, and more of the usual ones"


def test_the_first_slides_need_not_be_saved_for() -> None:
    purse = Purse()
    for second in range(4):
        assert purse.affords(second)
        purse.pay(LARGEST)


def test_a_small_film_of_ninety_minutes_stays_under_120_mb() -> None:
    pictures = LESSON * proxy.KBIT * 1000 // 8 + LESSON * proxy.FPS * INDEX
    assert SPEECH + pictures <= PROXY


def test_a_black_or_white_picture_is_no_poster() -> None:
    chance = np.random.default_rng(1)
    black = chance.integers(0, 12, (HEIGHT, WIDTH), np.uint8)
    white = np.full((HEIGHT, WIDTH), 255, np.uint8)
    class_room = np.full((HEIGHT, WIDTH), 120, np.uint8)
    class_room[40:120, 60:200:6] = 220
    assert telling(class_room) > max(telling(black), telling(white))


def test_a_small_picture_lands_in_its_corner_with_its_colours() -> None:
    ground, small = proxy.black(64, 32), proxy.black(16, 8)
    small[:8], small[8:] = 200, 90
    proxy.paste(ground, small, 40, 20)
    assert (ground[20:28, 40:56] == 200).all()
    assert ground[:32].sum() == 200 * 16 * 8 + 16 * (64 * 32 - 16 * 8)
    blue = ground.reshape(-1)[64 * 32 : 64 * 32 * 5 // 4].reshape(16, 32)
    red = ground.reshape(-1)[64 * 32 * 5 // 4 :].reshape(16, 32)
    for plane in (blue, red):
        assert (plane[10:14, 20:28] == 90).all()
        assert (plane == 90).sum() == 4 * 8
