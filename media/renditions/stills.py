"""Pictures of takes, decoded: only the keyframes, or every one; and which source shows the slides."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice, pairwise

import av
import numpy as np
from av.error import FFmpegError

from media.lesson import Lesson
from media.probe import Packet, Unreadable, opened
from media.renditions.layout import Layout, Report
from media.renditions.slides import HEIGHT, WIDTH, Grey, changed
from media.tracks import RUNAWAY, Piece

SAMPLES = 60
"""Pictures by which a source is judged, when it must be chosen among several."""
SAMPLE_EVERY = 5.0
"""Seconds between two of them."""
SCREENS = frozenset({"screen"})
"""Drivers whose pictures are slides, whatever moves on them."""
PLAIN = 6.0
"""Standard deviation of grey below which a picture shows nothing: a covered lens, a black screen."""

Still = tuple[float, av.VideoFrame]
"""Seconds on the lesson's timeline, and the picture."""


def pictures(pieces: Sequence[Piece], report: Report, *, keyframes: bool, apart: float = 0.0) -> Iterator[Still]:
    """Pictures in the order of their times. A take that breaks off is used up to there and reported.

    keyframes: decode nothing but those. apart: then also leave out what is nearer than that to the one before, seconds.
    """
    latest = -1e9
    for piece in pieces:
        try:
            with opened(piece.path, "video") as (stream, packets):
                if not isinstance(stream, av.VideoStream):
                    raise Unreadable(f"{piece.path.name} holds no pictures.")
                # One thread: nothing is in a hurry, and no picture waits for the ones after it.
                stream.codec_context.thread_count = 1
                base = float(stream.time_base or 0)
                wanted = (timed[2] for timed in packets if not keyframes or timed[2].is_keyframe)
                for frame in _decoded(stream, _apart(wanted, base, apart) if apart else wanted):
                    at = (frame.pts or 0) * base
                    if at > piece.seconds + RUNAWAY:
                        raise Unreadable(f"{piece.path.name} has a time far beyond its end.")
                    if piece.place(at) > latest:
                        latest = piece.place(at)
                        yield latest, frame
        except (Unreadable, FFmpegError) as error:
            report(str(error))


def _apart(packets: Iterator[Packet], base: float, apart: float) -> Iterator[Packet]:
    latest = -1e9
    for packet in packets:
        at = (packet.pts or 0) * base
        if at - latest >= apart:
            latest = at
            yield packet


def _decoded(stream: av.VideoStream, packets: Iterator[Packet]) -> Iterator[av.VideoFrame]:
    for packet in packets:
        yield from stream.codec_context.decode(packet)
    yield from stream.codec_context.decode(None)


def grey(frame: av.VideoFrame) -> Grey:
    """As the slide detector wants it."""
    return np.asarray(frame.reformat(WIDTH, HEIGHT, "gray").to_ndarray(), np.uint8)


def source_of_slides(layout: Layout, report: Report) -> str | None:
    """The picture source that shows the slides; None when there are no pictures.

    A captured screen does. Else it is the source that stands still most: a camera on the teacher moves all the time, a
    camera on a projection or a document only now and then. One that shows nothing at all is passed over.
    """
    screens = [source for source in layout.pictures if _driver(layout.lesson, source) in SCREENS]
    candidates = screens or list(layout.pictures)
    if len(candidates) <= 1:
        return candidates[0] if candidates else None
    return min(candidates, key=lambda source: _restless(layout.pictures[source], report))


def _driver(lesson: Lesson, source: str) -> str:
    return next(known.driver for known in lesson.sources if known.id == source)


def _restless(pieces: Sequence[Piece], report: Report) -> float:
    """Mean share of the picture that changes within SAMPLE_EVERY; 2 for a source that shows nothing."""
    sample = [grey(frame) for _, frame in islice(pictures(pieces, report, keyframes=True, apart=SAMPLE_EVERY), SAMPLES)]
    if not sample or float(np.median([picture.std() for picture in sample])) < PLAIN:
        return 2.0
    pairs = list(pairwise(sample))
    return sum(changed(one, other) for one, other in pairs) / max(len(pairs), 1)
