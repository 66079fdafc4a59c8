"""The proxy: the whole lesson as one small film, 640×360 at 15 pictures a second, the teacher in the slides' corner.

At most 130 kbit/s of pictures and 24 of speech: 104 MB in 90 minutes at the very worst. Holes hold the picture before.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from media.probe import Packet
from media.renditions.layout import Layout, Report
from media.renditions.slidecast import sync
from media.renditions.speech import add_speech, blocks, opus, speech_of
from media.renditions.stills import Still, pictures

WIDTH, HEIGHT, FPS = 640, 360, 15
CORNER = 176, 100
"""Pixels of the small picture; both even."""
MARGIN = 8
KBIT = 130

Planes = NDArray[np.uint8]
"""A yuv420p picture as PyAV gives and takes it: (1.5 × height, width)."""


def make_proxy(
    layout: Layout,
    slides: str,
    part: Path,
    report: Report,
    progress: Callable[[float], None] = lambda done: None,
) -> None:
    """Write the film under this name; the caller puts it in place. progress: called with the part done, 0 to 1. Raises
    OSError, av.FFmpegError."""
    others = [source for source in layout.pictures if source != slides]
    large = Reel(pictures(layout.pictures[slides], report, keyframes=False), (WIDTH, HEIGHT))
    small = Reel(pictures(layout.pictures[others[0]], report, keyframes=False), CORNER) if others else None
    options = {"movflags": "+faststart", "fflags": "+bitexact"}
    with av.open(f"file:{part}", "w", format="mp4", options=options) as out:
        video = out.add_stream("libx264", rate=FPS)
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        video.codec_context.time_base = Fraction(1, FPS)
        video.codec_context.thread_count = 1
        video.options = {
            "preset": "veryfast",
            "crf": "27",
            "g": str(10 * FPS),
            "maxrate": f"{KBIT}k",
            "bufsize": f"{4 * KBIT}k",
        }
        due: list[Iterator[tuple[float, Packet]]] = [_film(video, large, small, layout.end)]
        speech = speech_of(layout)
        if speech:
            due.append(opus(add_speech(out), blocks(speech, layout.end, report)))
        out.metadata.update({"title": layout.lesson.title, "comment": layout.lesson.id})
        for at, packet in heapq.merge(*due, key=lambda item: item[0]):
            out.mux_one(packet)
            progress(min(1.0, max(0.0, at / layout.end)))
    sync(part)


class Reel:
    """A source's pictures, each fitted into a box (width, height) when it is wanted."""

    def __init__(self, stills: Iterator[Still], box: tuple[int, int]) -> None:
        self._stills = stills
        self._box = box
        self._next = next(stills, None)
        self._frame = self._next[1] if self._next is not None else None
        self._planes: Planes | None = None

    def at(self, seconds: float) -> Planes | None:
        """The newest picture that is not later; before the first, the first; None when there is none at all."""
        while self._next is not None and self._next[0] <= seconds:
            self._frame, self._planes = self._next[1], None
            self._next = next(self._stills, None)
        if self._planes is None and self._frame is not None:
            self._planes = fitted(self._frame, *self._box)
        return self._planes


def fitted(frame: av.VideoFrame, width: int, height: int) -> Planes:
    """The whole picture in a box, black bars beside it where its shape is another."""
    scale = min(width / frame.width, height / frame.height)
    inner = max(2, round(frame.width * scale / 2) * 2), max(2, round(frame.height * scale / 2) * 2)
    planes = np.asarray(frame.reformat(*inner, "yuv420p").to_ndarray(), np.uint8)
    if inner == (width, height):
        return planes
    box = black(width, height)
    paste(box, planes, (width - inner[0]) // 4 * 2, (height - inner[1]) // 4 * 2)
    return box


def black(width: int, height: int) -> Planes:
    box = np.full((height * 3 // 2, width), 128, np.uint8)
    box[:height] = 16
    return box


def paste(into: Planes, picture: Planes, left: int, top: int) -> None:
    """Put a picture into a larger one; left and top are even."""
    height, width = picture.shape[0] * 2 // 3, picture.shape[1]
    tall, wide = into.shape[0] * 2 // 3, into.shape[1]
    into[top : top + height, left : left + width] = picture[:height]
    for number in (0, 1):
        colour = picture.reshape(-1)[height * width * (4 + number) // 4 :][: height * width // 4]
        ground = into.reshape(-1)[tall * wide * (4 + number) // 4 :][: tall * wide // 4].reshape(tall // 2, wide // 2)
        ground[top // 2 : (top + height) // 2, left // 2 : (left + width) // 2] = colour.reshape(
            height // 2, width // 2
        )


def _film(video: av.VideoStream, large: Reel, small: Reel | None, end: float) -> Iterator[tuple[float, Packet]]:
    for number in range(max(1, round(end * FPS))):
        ground = large.at(number / FPS)
        picture = black(WIDTH, HEIGHT) if ground is None else ground.copy()
        corner = small.at(number / FPS) if small is not None else None
        if corner is not None:
            paste(picture, corner, WIDTH - CORNER[0] - MARGIN, HEIGHT - CORNER[1] - MARGIN)
        frame = av.VideoFrame.from_ndarray(picture, "yuv420p")
        frame.pts, frame.time_base = number, Fraction(1, FPS)
        for packet in video.encode(frame):
            yield float((packet.dts or 0) * packet.time_base), packet
    for packet in video.encode(None):
        yield float((packet.dts or 0) * packet.time_base), packet
