"""What a browser could not show is refused with what to do about it."""

from __future__ import annotations

import pytest

from lms_server.captions import LARGEST, check
from lms_server.errors import BadRequest, TooLarge

GOOD = "WEBVTT\n\n00:01.000 --> 00:02.000\nمرحبا\n\n01:00:00.000 --> 01:00:01.500 line:0\n<i>Bonjour</i>\n"


@pytest.mark.parametrize("text", [GOOD, "\ufeff" + GOOD, GOOD.replace("\n", "\r\n")], ids=["plain", "marked", "dos"])
def test_webvtt_is_taken(text: str) -> None:
    check(text.encode())


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b"", "is not WebVTT"),
        (b"1\n00:00:01,000 --> 00:00:02,000\nsrt\n", "is not WebVTT"),
        (GOOD.encode("utf-16"), "not in UTF-8"),
        (b"WEBVTT\n", "no caption"),
        (b"WEBVTT\n\n00:05.000 --> 00:02.000\nx\n", "ends before it begins"),
        (b"WEBVTT\n\n00:01 --> 00:02\nx\n", "cannot be read"),
    ],
)
def test_anything_else_is_refused_in_a_sentence(text: bytes, sentence: str) -> None:
    with pytest.raises(BadRequest, match=sentence):
        check(text)


def test_a_film_is_no_caption() -> None:
    with pytest.raises(TooLarge):
        check(b"x" * (LARGEST + 1))
