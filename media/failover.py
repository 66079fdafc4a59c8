"""Which microphone speaks when: the preferred one, and while it is silent for want of a device the next one. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from media.tracks import Piece

SHORTEST = 0.5
"""Seconds. For less than this no other microphone speaks: a change of voice is worse than so short a silence."""


@dataclass(frozen=True, slots=True)
class Turn:
    """From this second of the file on, this source speaks."""

    at: float
    source: str


Voice = tuple[str, Sequence[Piece]]
"""A microphone's id and its takes on the file's timeline."""


def take_turns(voices: Sequence[Voice], end: float) -> tuple[list[Piece], list[Turn]]:
    """The pieces of the lesson's sound on [0, end], and who speaks from when on.

    voices: in the order of preference, the first one not empty; all of one form.
    """
    first, own = voices[0]
    spoken: list[tuple[str, Piece]] = [(first, piece) for piece in own]
    for source, pieces in voices[1:]:
        holes = _holes([piece for _, piece in spoken], end)
        spoken += [(source, part) for hole in holes for piece in pieces for part in _inside(piece, *hole)]
    spoken.sort(key=lambda part: _begin(part[1]))
    turns: list[Turn] = []
    for source, piece in spoken:
        if (turns[-1].source if turns else first) != source:
            turns.append(Turn(round(_begin(piece), 3), source))
    return [piece for _, piece in spoken], turns


def _holes(pieces: Sequence[Piece], end: float) -> list[tuple[float, float]]:
    """Stretches in which none of the pieces has sound, as (from, to)."""
    found: list[tuple[float, float]] = []
    cursor = 0.0
    for piece in sorted(pieces, key=_begin):
        if _begin(piece) - cursor >= SHORTEST:
            found.append((cursor, _begin(piece)))
        cursor = max(cursor, _end(piece))
    if end - cursor >= SHORTEST:
        found.append((cursor, end))
    return found


def _inside(piece: Piece, begin: float, end: float) -> list[Piece]:
    """What a piece has of a hole; nothing when it is too little."""
    part = replace(piece, begin=max(_begin(piece), begin), until=min(_end(piece), end))
    return [part] if part.until - part.begin >= SHORTEST else []


def _begin(piece: Piece) -> float:
    return max(piece.at, piece.begin)


def _end(piece: Piece) -> float:
    return min(piece.place(piece.seconds), piece.until)
