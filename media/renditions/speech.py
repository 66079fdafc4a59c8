"""The lesson's speech as Opus packets on its timeline, without a hole."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import av
import numpy as np
from av.error import FFmpegError
from numpy.typing import NDArray

from media.failover import take_turns
from media.probe import Packet, Unreadable, opened
from media.renditions.layout import Layout, Report
from media.tracks import RUNAWAY, Piece

RATE = 48_000
BLOCK = 2880
"""Samples of one packet, 60 ms: the fewest headers that Opus allows, 0.4 MB of an MP4's index in 90 minutes."""
BIT_RATE = 24_000
_SLACK = RATE // 50
"""Samples (20 ms) by which a decoded block's time may stray before it is a hole or an overlap, not a rounding."""

Samples = NDArray[np.int16]


def speech_of(layout: Layout) -> list[Piece]:
    """Takes of the first microphone that has any; where it was lost, those of the next one."""
    return take_turns(list(layout.sounds.items()), layout.end)[0] if layout.sounds else []


def add_speech(out: av.container.OutputContainer) -> av.AudioStream:
    """An Opus track, mono, 24 kbit/s, for speech. Its rate is bounded, so that sizes can be promised."""
    options = {"application": "voip", "frame_duration": "60", "vbr": "constrained"}
    stream = out.add_stream("libopus", rate=RATE, options=options, layout="mono", bit_rate=BIT_RATE)
    stream.codec_context.format = "s16"
    return stream


def opus(stream: av.AudioStream, blocks: Iterator[Samples]) -> Iterator[tuple[float, Packet]]:
    """Packets with their times in seconds."""
    place = 0
    for block in blocks:
        frame = av.AudioFrame.from_ndarray(block.reshape(1, -1), "s16", "mono")
        frame.sample_rate, frame.pts = RATE, place
        place += BLOCK
        yield from _timed(stream.encode(frame))
    yield from _timed(stream.encode(None))


def _timed(packets: Sequence[Packet]) -> Iterator[tuple[float, Packet]]:
    for packet in packets:
        yield float((packet.pts or 0) * packet.time_base), packet


def blocks(pieces: Sequence[Piece], end: float, report: Report) -> Iterator[Samples]:
    """Sound on [0, end] seconds in blocks of BLOCK samples, mono at RATE; holes are silent."""
    waiting = np.zeros(0, np.int16)
    for part in _laid_out(pieces, round(end * RATE), report):
        waiting = np.concatenate((waiting, part))
        whole = len(waiting) // BLOCK * BLOCK
        for start in range(0, whole, BLOCK):
            yield waiting[start : start + BLOCK]
        waiting = waiting[whole:]
    if len(waiting):
        yield np.pad(waiting, (0, BLOCK - len(waiting)))


def _laid_out(pieces: Sequence[Piece], total: int, report: Report) -> Iterator[Samples]:
    """Runs of samples that join without a gap and are ``total`` long together."""
    place = 0
    for piece in pieces:
        inside = False
        try:
            for at, decoded in _decoded(piece):
                wanted, samples = _cropped(piece, round(piece.place(at) * RATE), decoded)
                if not len(samples):
                    continue
                if not inside or abs(wanted - place) > _SLACK:
                    yield from _silence(min(wanted, total) - place)
                    fresh = samples[max(0, place - wanted) :]
                    place = max(place, min(wanted, total))
                else:
                    fresh = samples
                inside = True
                fresh = fresh[: total - place]
                place += len(fresh)
                yield fresh
        except (Unreadable, FFmpegError) as error:
            report(str(error))
    yield from _silence(total - place)


def _cropped(piece: Piece, place: int, samples: Samples) -> tuple[int, Samples]:
    """What of these samples, the first at ``place``, lies in the stretch in which the piece is to be heard."""
    begin = max(0, math.ceil(piece.begin * RATE) - place) if math.isfinite(piece.begin) else 0
    until = max(0, math.floor(piece.until * RATE) - place) if math.isfinite(piece.until) else len(samples)
    return place + begin, samples[begin:until]


def _silence(samples: int) -> Iterator[Samples]:
    """A minute at a time: a long gap must not fill the memory."""
    while samples > 0:
        yield np.zeros(min(samples, 60 * RATE), np.int16)
        samples -= 60 * RATE


def _decoded(piece: Piece) -> Iterator[tuple[float, Samples]]:
    """Seconds of the take's own time, and mono samples at RATE. Raises Unreadable, FFmpegError."""
    with opened(piece.path, "audio") as (stream, packets):
        if not isinstance(stream, av.AudioStream):
            raise Unreadable(f"{piece.path.name} holds no sound.")
        resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
        for _, _, packet in packets:
            for frame in stream.codec_context.decode(packet):
                for part in resampler.resample(frame):
                    at = float((part.pts or 0) * part.time_base) if part.time_base else 0.0
                    if at > piece.seconds + RUNAWAY:
                        raise Unreadable(f"{piece.path.name} has a time far beyond its end.")
                    yield at, np.asarray(part.to_ndarray(), np.int16).reshape(-1)
