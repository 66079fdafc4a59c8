"""Progress where no terminal is: now and then one line with rate and remaining time."""

from __future__ import annotations

import io

import pytest

from lms_server.pull.progress import Lines, duration, size


def test_a_long_file_gives_a_line_every_ten_seconds() -> None:
    out, now = io.StringIO(), [0.0]
    lines = Lines(out, clock=lambda: now[0])
    with lines, lines.file("board.mp4", 214_000_000) as watch:
        for second in range(22):
            now[0] = float(second)
            watch.at(1_000_000 * second)
    assert out.getvalue().splitlines() == [
        "  board.mp4: 4 % of 214 MB, 1.0 MB/s, 3 min left",
        "  board.mp4: 9 % of 214 MB, 1.0 MB/s, 3 min left",
    ]


def test_a_file_that_starts_over_has_no_negative_rate() -> None:
    out, now = io.StringIO(), [0.0]
    lines = Lines(out, clock=lambda: now[0])
    with lines.file("board.mp4", 100) as watch:
        watch.at(90)
        now[0] = 11.0
        watch.at(0)
    assert out.getvalue() == "  board.mp4: 0 % of 100 B, 0 B/s\n"


def test_json_is_not_disturbed() -> None:
    lines = Lines(None)
    lines.say("nothing")


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (21_000_000, "21 MB"), (3_450_000, "3.5 MB"), (1_830_000_000, "1.8 GB")],
)
def test_sizes_are_what_people_say(count: int, text: str) -> None:
    assert size(count) == text


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0 s"), (59, "59 s"), (61, "1 min"), (5340, "1 h 29 min")])
def test_durations_are_what_people_say(seconds: float, text: str) -> None:
    assert duration(seconds) == text
