"""Poster and slidecast: what reaches the students first.

The slidecast is one plain MP4 that every browser plays and seeks in: the speech, and a picture wherever the slide
changes, each one a keyframe and held until the next (docs/decisions/0012-the-slidecast-is-an-mp4.md). A lesson without
pictures gives one with the speech alone.

Size. Speech takes 3.0 kB a second, the file's index 0.1; pictures are paid from an allowance of 0.75 kB a second (and
something to begin with), so 90 minutes stay under 22 MB whatever the slides do. Of slides that cannot be paid, the
last one is shown.
"""

from __future__ import annotations

import heapq
import io
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image

from media.lesson import Lesson
from media.probe import Packet
from media.renditions.layout import CannotRender, Layout, Report
from media.renditions.slides import SlideDetector
from media.renditions.speech import add_speech, blocks, opus, speech_of
from media.renditions.stills import grey, pictures
from media.tracks import TICKS

LINES = 1080
"""A slide must stay legible; smaller sources keep their size."""
LONGEST_HOLD = 60.0
"""Seconds after which a picture is taken though no slide changed: of a teacher at a board there is nothing else."""
ALLOWANCE = 750.0
"""Bytes a second for pictures."""
HEAD_START = 800_000
"""Bytes they may spend in advance."""
LARGEST = 60_000
"""Bytes of a picture, as far as the encoder's rate control can hold it."""
POSTER_WIDTH = 960
POSTER_BYTES = 45_000
LOOK_APART = 1.0
"""Seconds between two pictures that are looked at, at least; cameras with a keyframe a frame exist."""

_TITLES = {
    "ar": "الشريحة {number}",
    "en": "Slide {number}",
    "fr": "Diapositive {number}",
    "ur": "سلائیڈ {number}",
    "zh": "幻灯片 {number}",
}


@dataclass(slots=True)
class Show:
    """What was seen: changes, in seconds, at which a slide appeared; the first is 0. poster: JPEG."""

    changes: list[float] = field(default_factory=list)
    poster: bytes = b""
    shown: list[tuple[float, Packet]] = field(default_factory=list)
    """Encoded pictures with their times."""


def make_slidecast(
    layout: Layout,
    slides: str | None,
    part: Path,
    poster: Path,
    report: Report,
    *,
    progress: Callable[[float], None] = lambda done: None,
) -> Show:
    """Write both files under these names; the caller puts them in place. slides: the source that shows them. progress:
    called with the part done, 0 to 1.

    There is a poster when the answer has one. Raises CannotRender when there is neither picture
    nor speech, OSError, av.FFmpegError.
    """
    options = {"movflags": "+faststart", "video_track_timescale": str(TICKS), "fflags": "+bitexact"}
    with av.open(f"file:{part}", "w", format="mp4", options=options) as out:
        show = Show()
        if slides is not None:
            _look(layout, slides, out, show, report=report, progress=lambda done: progress(done / 2))
            if show.poster:
                poster.write_bytes(show.poster)
                sync(poster)
        speech = speech_of(layout)
        if not show.shown and not speech:
            raise CannotRender("The lesson has neither a picture nor a sound that can be read.")
        video = out.streams.video[0] if out.streams.video else None
        due = [] if video is None else [_held(show.shown, layout.end, video)]
        if speech:
            voice = add_speech(out)
            due.append(((at, packet) for at, packet in opus(voice, blocks(speech, layout.end, report))))
        out.metadata.update({"title": layout.lesson.title, "comment": layout.lesson.id})
        if show.changes:
            out.set_chapters(_chapters(layout.lesson, show.changes, layout.end))
        seen = 0.0 if slides is None else 0.5
        for at, packet in heapq.merge(*due, key=lambda item: item[0]):
            out.mux_one(packet)
            progress(seen + (1.0 - seen) * min(1.0, at / layout.end))
    sync(part)
    return show


def sync(file: Path) -> None:
    """Durable when it returns."""
    with file.open("rb+") as written:
        os.fsync(written.fileno())


def _look(
    layout: Layout,
    slides: str,
    out: av.container.OutputContainer,
    show: Show,
    *,
    report: Report,
    progress: Callable[[float], None],
) -> None:
    """Find the slides and encode their pictures."""
    detector = SlideDetector()
    purse = Purse()
    best = -1.0
    encoder: Encoder | None = None
    before: tuple[float, av.VideoFrame] | None = None
    owed: tuple[float, av.VideoFrame] | None = None
    held_since = 0.0
    for at, frame in pictures(layout.pictures[slides], report, keyframes=True, apart=LOOK_APART):
        progress(min(1.0, at / layout.end))
        small = grey(frame)
        worth = telling(small)
        if worth > best * 1.05:
            best, show.poster = worth, _poster(frame)
        new_slide = detector.see(small)
        if encoder is None:
            encoder = Encoder(out, frame)
            show.changes.append(0.0)
            owed = (0.0, frame)
        elif new_slide and before is not None:
            show.changes.append(round(before[0], 3))
            owed = before
        elif at - held_since >= LONGEST_HOLD and owed is None:
            owed = (at, frame)
        if owed is not None and show.shown and owed[0] <= show.shown[-1][0]:
            owed = None  # a picture taken because of LONGEST_HOLD shows this slide already
        if owed is not None and purse.affords(at):
            packet = encoder.encode(owed[1])
            purse.pay(packet.size)
            show.shown.append((owed[0], packet))
            held_since, owed = owed[0], None
        before = (at, frame)
    if owed is not None and encoder is not None:
        show.shown.append((owed[0], encoder.encode(owed[1])))  # the last slide, whatever it costs


@dataclass(slots=True)
class Purse:
    """What pictures may cost: an allowance that grows with the lesson. Times in seconds."""

    spent: int = 0

    def affords(self, at: float) -> bool:
        return HEAD_START + ALLOWANCE * at - self.spent >= LARGEST

    def pay(self, size: int) -> None:
        self.spent += size


class Encoder:
    """H.264 pictures of one size, each by itself, none larger than about LARGEST."""

    def __init__(self, out: av.container.OutputContainer, first: av.VideoFrame) -> None:
        height = min(LINES, first.height) // 2 * 2
        width = round(first.width * height / first.height / 2) * 2
        # The encoder believes in one picture a second, so that its rate control counts in pictures.
        kbit = LARGEST * 8 // 1000
        self._stream = out.add_stream("libx264", rate=1)
        self._stream.width, self._stream.height, self._stream.pix_fmt = width, height, "yuv420p"
        self._stream.codec_context.time_base = Fraction(1)
        self._stream.codec_context.thread_count = 1
        self._stream.options = {
            "preset": "medium",
            "tune": "stillimage",
            "crf": "25",
            "x264-params": "keyint=1:bframes=0:rc-lookahead=0:sync-lookahead=0:force-cfr=1"
            f":vbv-maxrate={kbit}:vbv-bufsize={kbit}",
        }
        self._count = 0

    def encode(self, frame: av.VideoFrame) -> Packet:
        context = self._stream.codec_context
        picture = frame.reformat(context.width, context.height, "yuv420p")
        picture.pts, picture.time_base, self._count = self._count, Fraction(1), self._count + 1
        picture.pict_type = 0
        (packet,) = self._stream.encode(picture)
        return packet


def _held(shown: list[tuple[float, Packet]], end: float, stream: av.VideoStream) -> Iterator[tuple[float, Packet]]:
    """Each picture until the next one, the last one until the end."""
    begins = [round(at * TICKS) for at, _ in shown]
    ends = [*begins[1:], max(round(end * TICKS), begins[-1] + 1)] if begins else []
    for begin, after, (at, packet) in zip(begins, ends, shown, strict=True):
        packet.time_base = Fraction(1, TICKS)
        packet.pts = packet.dts = begin
        packet.duration = after - begin
        packet.stream = stream
        yield at, packet


def _chapters(lesson: Lesson, changes: list[float], end: float) -> list[av.container.core.Chapter]:
    title = _TITLES.get(lesson.language, _TITLES["en"])
    starts = [round(at * 1000) for at in changes]
    ends = [*starts[1:], max(round(end * 1000), starts[-1] + 1)]
    return [
        {"id": n, "start": start, "end": after, "time_base": Fraction(1, 1000),
         "metadata": {"title": title.format(number=n + 1)}}
        for n, (start, after) in enumerate(zip(starts, ends, strict=True))
    ]  # fmt: skip


def telling(picture: np.ndarray) -> float:
    """How much there is to see in a grey picture: its edges, less when it is nearly black or nearly white."""
    tone = picture.astype(np.float32)
    edges = float(np.abs(np.diff(tone, axis=0)).mean() + np.abs(np.diff(tone, axis=1)).mean())
    mean = float(tone.mean())
    return edges * min(1.0, mean / 40.0) * min(1.0, (260.0 - mean) / 15.0) if mean > 12 else 0.0


def _poster(frame: av.VideoFrame) -> bytes:
    """A JPEG of at most POSTER_BYTES."""
    width = min(POSTER_WIDTH, frame.width)
    small = frame.reformat(width, round(frame.height * width / frame.width / 2) * 2, "rgb24")
    image = Image.fromarray(small.to_ndarray())
    for quality in (82, 70, 58, 46, 34, 20, 8):
        data = io.BytesIO()
        image.save(data, "JPEG", quality=quality, optimize=True)
        if data.tell() <= POSTER_BYTES:
            break
    return data.getvalue()
