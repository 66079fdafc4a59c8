"""The packets of takes laid out on a lesson's timeline: pictures keep their bytes, sound keeps its grid.

Both yield packets in the order of their decoding times, with pts, dts, duration and time base of the file to be
written. Nothing is decoded, and one packet is held at a time.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av

from media.probe import Packet, Timed, Unreadable, opened
from media.silence import FRAME

TICKS = 90_000
"""Ticks a second of every picture track: what RTP counts in, and a whole number for the common frame rates."""
_TICK = Fraction(1, TICKS)
CATCH_UP = 1.0
"""Seconds in which a take that claims to begin before the one before it ended finds back to its own time."""
RUNAWAY = 60.0
"""Seconds by which a take's packets may outlast what its recorder said before they are taken for damage."""
SHORT = 1.0
"""Seconds by which they may fall short of it; a camera's last picture may last as long."""
_SLACK = 0.6
"""Of an AAC packet: how far a packet's time may stray before it is a hole or an overlap instead of a rounding."""


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


@dataclass(slots=True)
class Tally:
    """Counts and hashes packets, so that what was written can be compared with what was read."""

    packets: int = 0
    _sha: hashlib._Hash = field(default_factory=hashlib.sha256)

    def add(self, packet: Packet) -> None:
        self.packets += 1
        self._sha.update(packet.size.to_bytes(8, "big"))
        self._sha.update(packet)

    def total(self) -> tuple[int, str]:
        return self.packets, self._sha.hexdigest()


Placed = tuple[float, Packet]
"""When a packet is due in its file, in seconds, and itself, stamped."""
Report = Callable[[str], None]


def pictures(pieces: Sequence[Piece], end: float, tally: Tally, report: Report) -> Iterator[Placed]:
    """Video packets of takes of one form on [0, end] seconds, each with its decoding time in seconds.

    The first picture begins at 0 and the last one lasts to the end; a hole holds the picture before it. A take that
    breaks off is used up to there and reported in one sentence.
    """
    held: Packet | None = None
    delay = 0
    decoded, shown = -(2**62), 0  # ticks: the last decoding time, the latest picture
    for piece in pieces:
        own_time: Callable[[float], float] | None = None
        try:
            with opened(piece.path, "video") as (stream, packets):
                tick = float(stream.time_base or 0) * TICKS
                for shown_at, decoded_at, packet in _within(piece, packets):
                    at = piece.place(shown_at)
                    if own_time is None:
                        own_time = _catching_up(at, 0.0 if held is None else (shown + (held.duration or 1)) / TICKS)
                    dts = max(round(own_time(piece.place(decoded_at)) * TICKS), decoded + 1)
                    pts = max(round(own_time(at) * TICKS), dts)
                    if held is None:
                        delay = pts - dts
                        pts, dts = 0, -delay
                    else:
                        yield decoded / TICKS, held
                    tally.add(packet)
                    _stamp(packet, pts, dts, max(1, round((packet.duration or 0) * tick)), _TICK)
                    held, decoded, shown = packet, dts, max(shown, pts)
        except Unreadable as error:
            report(str(error))
    if held is not None:
        held.duration = max(held.duration or 1, round(end * TICKS) - delay - decoded)
        yield decoded / TICKS, held


def sound(
    pieces: Sequence[Piece], end: float, tally: Tally, report: Report, *, silent: bytes, rate: int
) -> Iterator[Placed]:
    """AAC packets of takes of one form on [0, end] seconds, each with its time in seconds.

    Every packet stands on one grid of 1,024 samples without a hole, so that players that count samples and players
    that read times agree. A take's packets keep to the nearest places of the grid, at most half a packet (11 ms at
    48 kHz) from their true time, whatever the length of the take; holes get ``silent``; of two takes that overlap the
    later one gives way. The encoder's start-up packet (time -1,024) is kept only where there is nothing else.
    """
    base = Fraction(1, rate)
    place = 0

    def stand(packet: Packet) -> Placed:
        _stamp(packet, place * FRAME, place * FRAME, FRAME, base)
        tally.add(packet)
        return place * FRAME / rate, packet

    for piece in pieces:
        inside = False
        try:
            with opened(piece.path, "audio") as (_, packets):
                for heard_at, _, packet in _within(piece, packets):
                    at = piece.place(heard_at)
                    if at < piece.begin - _SLACK * FRAME / rate:
                        continue
                    if at >= piece.until:
                        break
                    wanted = at * rate / FRAME
                    if not inside or abs(wanted - place) > _SLACK:
                        if round(wanted) < place:
                            continue
                        while place < round(wanted):
                            yield stand(av.Packet(silent))
                            place += 1
                    inside = True
                    yield stand(packet)
                    place += 1
        except Unreadable as error:
            report(str(error))
    while place < round(end * rate / FRAME):
        yield stand(av.Packet(silent))
        place += 1


def _catching_up(begins: float, floor: float) -> Callable[[float], float]:
    """How a take's seconds become the file's: unchanged, unless the take before it reaches beyond its beginning.

    Then (the clocks of camera and room differ) its first second plays as much faster as it takes to be back in time:
    every picture stays, in order, and nothing drifts.
    """
    if begins >= floor:
        return lambda at: at
    back = floor + CATCH_UP
    pace = CATCH_UP / (back - begins)
    return lambda at: at if at >= back else floor + (at - begins) * pace


def _within(piece: Piece, packets: Iterator[Timed]) -> Iterator[Timed]:
    """A take's packets as long as they keep to what its recorder said. Raises Unreadable where they do not."""
    reached = 0.0
    for timed in packets:
        if timed[0] > piece.seconds + RUNAWAY:
            raise Unreadable(f"{piece.path.name} has a time far beyond its end.")
        reached = max(reached, timed[0])
        yield timed
    if reached < piece.seconds - SHORT:
        raise Unreadable(f"{piece.path.name} ends after {reached:.1f} s of {piece.seconds:.1f} s.")


def _stamp(packet: Packet, pts: int, dts: int, duration: int, base: Fraction) -> None:
    packet.pts, packet.dts, packet.duration, packet.time_base = pts, dts, duration, base
