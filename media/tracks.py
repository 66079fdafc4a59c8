"""The samples of takes laid out on a lesson's timeline: pictures keep their bytes, sound keeps its grid.

Nothing is read here but the takes' tables, and nothing is done sample by sample: each step is for a whole take.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from media.probe import Unreadable
from media.samples import Integers, Samples, samples_of
from media.silence import FRAME

TICKS = 90_000
"""Ticks a second of every picture track: what RTP counts in, and a whole number for the common frame rates."""
CATCH_UP = 1.0
"""Seconds in which a take that claims to begin before the one before it ended finds back to its own time."""
RUNAWAY = 60.0
"""Seconds by which a take's packets may outlast what its recorder said before they are taken for damage."""
SHORT = 1.0
"""Seconds by which they may fall short of it; a camera's last picture may last as long."""
_SLACK = 0.6
"""Of an AAC packet: how far a packet's time may stray before it is a hole or an overlap instead of a rounding."""
_LOOK = 4096
"""Packets of sound that are looked at together for the next hole or overlap."""

Seconds: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Piece:
    """A take on a file's timeline. at: seconds of its media time zero; seconds: its length as recorded, of its own
    time; pace: how many of the file's seconds one of these takes.

    begin, until: of sound, only what lies between these seconds of the file is used.
    """

    path: Path
    at: float
    seconds: float
    begin: float = -math.inf
    until: float = math.inf
    pace: float = 1.0

    def place(self, at: float) -> float:
        """Where a moment of the take's own time lies in the file, in seconds."""
        return self.at + at * self.pace


@dataclass(frozen=True, slots=True)
class Laid:
    """The samples of a track in decoding order, arrays of one length.

    origins: the takes, or bytes that stand in none; origin: which of them a sample is from; position, size: bytes
    there. decoded, shown: ticks of the file. last: ticks for which the last sample lasts.
    """

    origins: tuple[Path | bytes, ...]
    origin: Integers
    position: Integers
    size: Integers
    decoded: Integers
    shown: Integers
    key: NDArray[np.bool_]
    last: int


Report = Callable[[str], None]
Reader = Callable[[Path], Samples]


def pictures(pieces: Sequence[Piece], end: float, report: Report, read: Reader = samples_of) -> Laid:
    """Pictures of takes of one form on [0, end] seconds.

    The first picture begins at 0 and the last one lasts to the end; a hole holds the picture before it. A take that
    breaks off is used up to there and reported in one sentence.
    """
    used: list[tuple[Samples, int]] = []
    times: list[tuple[Integers, Integers]] = []
    delay = shown_last = lasts_last = 0
    for piece in pieces:
        try:
            samples = read(piece.path)
        except Unreadable as error:
            report(str(error))
            continue
        count, problem = _within(piece, samples)
        if problem:
            report(problem)
        if not count:
            continue
        shown_at, decoded_at = (
            piece.at + each[:count] / samples.timescale * piece.pace for each in (samples.shown, samples.decoded)
        )
        floor = (shown_last + lasts_last) / TICKS if times else 0.0
        shown, decoded = (
            np.rint(_caught_up(each, float(shown_at[0]), floor) * TICKS).astype(np.int64)
            for each in (shown_at, decoded_at)
        )
        if times:
            decoded[0] = max(int(decoded[0]), int(times[-1][1][-1]) + 1)
        else:
            delay = max(int(shown[0] - decoded[0]), 0)
            decoded[0] = -delay
        order = np.arange(count)
        decoded = np.maximum.accumulate(decoded - order) + order  # each at least a tick after the one before it
        shown = np.maximum(shown, decoded)
        if not times:
            shown[0] = 0
        times.append((shown, decoded))
        used.append((samples, count))
        shown_last = max(shown_last, int(shown.max()))
        lasts_last = max(1, round(int(samples.lasts[count - 1]) / samples.timescale * TICKS))
    if not times:
        return _nothing()
    shown, decoded = (np.concatenate(each) for each in zip(*times, strict=True))
    return Laid(
        origins=tuple(samples.path for samples, _ in used),
        origin=np.repeat(np.arange(len(used)), [count for _, count in used]),
        position=np.concatenate([samples.position[:count] for samples, count in used]),
        size=np.concatenate([samples.size[:count] for samples, count in used]),
        decoded=decoded,
        shown=shown,
        key=np.concatenate([samples.key[:count] for samples, count in used]),
        last=max(lasts_last, round(end * TICKS) - delay - int(decoded[-1])),
    )


def sound(
    pieces: Sequence[Piece], end: float, report: Report, *, silent: bytes, rate: int, read: Reader = samples_of
) -> Laid:
    """AAC packets of takes of one form on [0, end] seconds; ticks are of the rate.

    Every packet stands on one grid of 1,024 samples without a hole, so that players that count samples and players
    that read times agree. A take's packets keep to the nearest places of the grid, at most half a packet (11 ms at
    48 kHz) from their true time, whatever the length of the take; holes get ``silent``; of two takes that overlap the
    later one gives way. The encoder's start-up packet (time -1,024) is kept only where there is nothing else.
    """
    grid = _Grid(silent)
    for piece in pieces:
        try:
            samples = read(piece.path)
        except Unreadable as error:
            report(str(error))
            continue
        count, problem = _within(piece, samples)
        at = piece.at + samples.shown[:count] / samples.timescale * piece.pace
        beyond = np.flatnonzero(at >= piece.until)
        if len(beyond):
            at = at[: beyond[0]]
        elif problem:
            report(problem)
        numbers = np.flatnonzero(at >= piece.begin - _SLACK * FRAME / rate)
        grid.lay(samples, numbers, at[numbers] * rate / FRAME)
    grid.fill(round(end * rate / FRAME))
    return grid.laid()


class _Grid:
    """The places of a track of sound, filled from the first one on. place: the next."""

    def __init__(self, silent: bytes) -> None:
        self.place = 0
        self._origins: list[Path | bytes] = [silent]
        self._length = len(silent)
        self._runs: list[tuple[Integers, Integers, Integers]] = []

    def fill(self, place: int) -> None:
        """Silence up to a place."""
        missing = place - self.place
        if missing > 0:
            zeros = np.zeros(missing, np.int64)
            self._runs.append((zeros, zeros, zeros + self._length))
            self.place = place

    def lay(self, samples: Samples, numbers: Integers, wanted: Seconds) -> None:
        """The samples with these numbers, as near as may be to the places they want."""
        origin = len(self._origins)
        self._origins.append(samples.path)
        inside, at = False, 0
        while at < len(wanted):
            # What lies before the next place gives way to what stands there.
            if inside:
                at = _next(wanted, at, lambda each, _: each >= self.place - _SLACK)
            else:
                at = _next(wanted, at, lambda each, _: each >= self.place - 0.5)
            if at == len(wanted):
                break
            if not inside or wanted[at] > self.place + _SLACK:
                self.fill(math.floor(wanted[at] + 0.5))  # as above, and not to the even one of two that are as near
            inside = True
            ends = _next(wanted, at, lambda each, number: abs(each - (self.place + number)) > _SLACK, first=1)
            run = numbers[at:ends]
            self._runs.append((np.full(len(run), origin), samples.position[run], samples.size[run]))
            self.place += ends - at
            at = ends

    def laid(self) -> Laid:
        if not self._runs:
            return _nothing()
        origin, position, size = (np.concatenate(each) for each in zip(*self._runs, strict=True))
        times = np.arange(self.place) * FRAME
        return Laid(
            tuple(self._origins), origin, position, size, times, times, np.ones(self.place, np.bool_), last=FRAME
        )


def _next(wanted: Seconds, at: int, found: Callable[[Seconds, Integers], NDArray[np.bool_]], first: int = 0) -> int:
    """The first number from at + first on for which found(wanted, number - at) says so, or the length."""
    begin = at + first
    while begin < len(wanted):
        stop = min(begin + _LOOK, len(wanted))
        hits = np.flatnonzero(found(wanted[begin:stop], np.arange(begin - at, stop - at)))
        if len(hits):
            return begin + int(hits[0])
        begin = stop
    return len(wanted)


def _caught_up(at: Seconds, begins: float, floor: float) -> Seconds:
    """A take's seconds as the file's: unchanged, unless the take before it reaches beyond its beginning.

    Then (the clocks of camera and room differ) its first second plays as much faster as it takes to be back in time:
    every picture stays, in order, and nothing drifts.
    """
    if begins >= floor:
        return at
    back = floor + CATCH_UP
    pace = CATCH_UP / (back - begins)
    return np.where(at >= back, at, floor + (at - begins) * pace)


def _within(piece: Piece, samples: Samples) -> tuple[int, str | None]:
    """How many of a take's samples keep to what its recorder said, and what is wrong with the rest."""
    seconds = samples.shown / samples.timescale
    beyond = np.flatnonzero(seconds > piece.seconds + RUNAWAY)
    if len(beyond):
        return int(beyond[0]), f"{piece.path.name} has a time far beyond its end."
    if samples.broken:
        return len(seconds), f"{piece.path.name} breaks off in the middle."
    reached = float(seconds.max(initial=0.0))
    if reached < piece.seconds - SHORT:
        return len(seconds), f"{piece.path.name} ends after {reached:.1f} s of {piece.seconds:.1f} s."
    return len(seconds), None


def _nothing() -> Laid:
    none = np.zeros(0, np.int64)
    return Laid((), none, none, none, none, none, none.astype(np.bool_), 0)
