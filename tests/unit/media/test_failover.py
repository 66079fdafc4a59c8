"""If these fail, students hear silence although a microphone heard the teacher."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from media.failover import SHORTEST, Turn, take_turns
from media.tracks import Piece


def piece(at: float, seconds: float) -> Piece:
    return Piece(Path("take"), at, seconds)


def stretches(pieces: list[Piece]) -> list[tuple[float, float]]:
    return [(max(p.at, p.begin), min(p.at + p.seconds, p.until)) for p in pieces]


def test_while_the_first_is_lost_the_second_speaks() -> None:
    pieces, turns = take_turns([("lectern", [piece(0, 10), piece(20, 10)]), ("table", [piece(0, 30)])], 30)
    assert stretches(pieces) == [(0, 10), (10, 20), (20, 30)]
    assert turns == [Turn(10, "table"), Turn(20, "lectern")]


def test_where_both_are_lost_the_third_speaks() -> None:
    voices = [("a", [piece(0, 10)]), ("b", [piece(5, 10)]), ("c", [piece(0, 40)])]
    pieces, turns = take_turns(voices, 40)
    assert stretches(pieces) == [(0, 10), (10, 15), (15, 40)]
    assert turns == [Turn(10, "b"), Turn(15, "c")]


def test_a_late_first_microphone_is_waited_for_with_the_second() -> None:
    pieces, turns = take_turns([("a", [piece(5, 10)]), ("b", [piece(0, 15)])], 15)
    assert stretches(pieces) == [(0, 5), (5, 15)]
    assert turns == [Turn(0, "b"), Turn(5, "a")]


def test_nobody_speaks_up_for_a_blink() -> None:
    pieces, turns = take_turns([("a", [piece(0, 5), piece(5.3, 5)]), ("b", [piece(0, 11)])], 10.3)
    assert (len(pieces), turns) == (2, [])


takes = st.lists(st.builds(piece, st.floats(0, 100), st.floats(0.1, 50)), min_size=1, max_size=6)


@given(st.lists(takes, min_size=1, max_size=3))
def test_the_first_loses_nothing_and_nobody_speaks_twice(voices: list[list[Piece]]) -> None:
    named = [(f"mic-{number}", pieces) for number, pieces in enumerate(voices)]
    pieces, turns = take_turns(named, 150)
    assert all(own in pieces for own in voices[0])
    borrowed = [stretch for stretch, p in zip(stretches(pieces), pieces, strict=True) if p not in voices[0]]
    own = stretches(voices[0])
    assert all(end - begin >= SHORTEST - 1e-9 for begin, end in borrowed)
    assert all(end <= a + 1e-9 or begin >= b - 1e-9 for begin, end in borrowed for a, b in own)
    assert [turn.at for turn in turns] == sorted(turn.at for turn in turns)
