"""One film of a lesson's two pictures, with its sound: the slides large and the teacher in their corner, or both beside
each other. Encoded anew (H.264), for it is a new picture; the sound is that of the assembled files, copied.

It has their zero and their length, so a player may change between them and this one at any moment. Where a source has
a gap its place is dark grey in a lighter frame: no picture stands for what was not seen. Of more than two picture
sources the one with the slides and the first other one are used.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

import av

from media.assemble import Output
from media.lesson import GAP_TOLERANCE, LATE_TOLERANCE
from media.probe import Packet, opened
from media.remux import NotWhole, digest_of
from media.renditions.layout import CannotRender, Layout, Report
from media.renditions.proxy import Planes, Reel, black, paste
from media.renditions.stills import pictures, source_of_slides
from media.tracks import Piece

Form = Literal["pip", "side"]
FORMS: tuple[Form, ...] = ("pip", "side")
FPS = 25
MARGIN = 24
_GREY, _FRAME = 40, 90
"""Brightness of a place without a picture, and of its edge."""
_EDGE = 4


@dataclass(frozen=True, slots=True)
class Place:
    """Where a source stands in the film, in pixels; all even."""

    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Stage:
    """A film's size, and the places of the slides and of the other picture, which is put on top."""

    width: int
    height: int
    slides: Place
    other: Place


STAGES: dict[Form, Stage] = {
    "pip": Stage(1280, 720, Place(0, 0, 1280, 720), Place(1280 - 320 - MARGIN, 720 - 180 - MARGIN, 320, 180)),
    # As wide as it must be for slides that can be read: the same 720 lines as without the teacher.
    "side": Stage(1920, 720, Place(0, 0, 1280, 720), Place(1280, 180, 640, 360)),
}


class NothingToCompose(CannotRender):
    """The lesson has fewer than two pictures."""


def compose(
    layout: Layout,
    films: Sequence[Path],
    form: Form,
    out: Path,
    *,
    report: Report,
    progress: Callable[[float], None] = lambda done: None,
) -> Output:
    """Write ``composed-<form>.mp4`` into the folder ``out``.

    films: the lesson's assembled programmes; sound, chapters and tags are taken from them. report: told one sentence
    for each take that could not be used to its end. Raises NothingToCompose, media.remux.NotWhole, OSError,
    media.probe.Unreadable, av.FFmpegError.
    """
    if len(layout.pictures) < 2:
        raise NothingToCompose("This lesson has pictures of one source only; there is nothing to compose.")
    slides = source_of_slides(layout, report)
    other = next(source for source in layout.pictures if source != slides)
    stage = STAGES[form]
    scene = [
        _Seen(layout.pictures[source], place, layout.end, report)
        for source, place in ((slides or other, stage.slides), (other, stage.other))
    ]
    name = f"composed-{form}.mp4"
    part = out / f".{name}.part"
    try:
        frames = max(1, round(layout.end * FPS))
        _write(part, films, lambda video: _film(video, stage, scene, frames, progress))
        seconds = _prove(part, frames)
        size, sha256 = digest_of(part)
        part.replace(out / name)
    finally:
        part.unlink(missing_ok=True)
    return Output(name, "composed", "", out / name, size, sha256, seconds, "video/mp4")


class _Seen:
    """A source in its place."""

    def __init__(self, pieces: Sequence[Piece], place: Place, end: float, report: Report) -> None:
        self.place = place
        self._reel = Reel(pictures(pieces, report, keyframes=False), (place.width, place.height))
        self._shown = stretches(pieces, end)
        self._missing = _nothing(place.width, place.height)

    def at(self, seconds: float) -> Planes:
        picture = self._reel.at(seconds)
        seen = any(begin <= seconds < until for begin, until in self._shown)
        return picture if picture is not None and seen else self._missing


def stretches(pieces: Sequence[Piece], end: float) -> list[tuple[float, float]]:
    """When a source has pictures, as (from, until); what nobody would call a gap is none."""
    found: list[tuple[float, float]] = []
    for piece in pieces:
        begin, until = piece.place(0.0), piece.place(piece.seconds)
        if found and begin - found[-1][1] <= GAP_TOLERANCE:
            found[-1] = found[-1][0], max(found[-1][1], until)
        else:
            found.append((begin, until))
    if found and found[0][0] <= LATE_TOLERANCE:
        found[0] = 0.0, found[0][1]
    if found and end - found[-1][1] <= LATE_TOLERANCE:
        found[-1] = found[-1][0], end + 1.0
    return found


def _nothing(width: int, height: int) -> Planes:
    box = black(width, height)
    box[:height] = _FRAME
    box[_EDGE : height - _EDGE, _EDGE : width - _EDGE] = _GREY
    return box


def _write(part: Path, films: Sequence[Path], film: Callable[[av.VideoStream], Iterator[tuple[float, Packet]]]) -> None:
    options = {"movflags": "+faststart", "fflags": "+bitexact"}
    with av.open(f"file:{part}", "w", format="mp4", options=options) as out:
        video = out.add_stream("libx264", rate=FPS)
        video.pix_fmt = "yuv420p"
        video.codec_context.time_base = Fraction(1, FPS)
        video.options = {"preset": "veryfast", "crf": "24", "g": str(4 * FPS), "maxrate": "3M", "bufsize": "6M"}
        due = [film(video)]
        _titles(out, films)
        with av.open(f"file:{films[0]}", "r", format="mp4") as first:
            if first.streams.audio:
                due.append(_speech(films[0], out.add_stream_from_template(first.streams.audio[0])))
            for _, packet in heapq.merge(*due, key=lambda item: item[0]):
                out.mux_one(packet)


def _film(
    video: av.VideoStream, stage: Stage, scene: Sequence[_Seen], frames: int, progress: Callable[[float], None]
) -> Iterator[tuple[float, Packet]]:
    video.width, video.height = stage.width, stage.height
    for number in range(frames):
        ground = black(stage.width, stage.height)
        for seen in scene:
            paste(ground, seen.at(number / FPS), seen.place.left, seen.place.top)
        frame = av.VideoFrame.from_ndarray(ground, "yuv420p")
        frame.pts, frame.time_base = number, Fraction(1, FPS)
        for packet in video.encode(frame):
            yield float((packet.dts or 0) * packet.time_base), packet
        if number % FPS == 0:
            progress(number / frames)
    for packet in video.encode(None):
        yield float((packet.dts or 0) * packet.time_base), packet
    progress(1.0)


def _speech(film: Path, into: av.AudioStream) -> Iterator[tuple[float, Packet]]:
    with opened(film, "audio") as (_, packets):
        for _, at, packet in packets:
            packet.stream = into
            yield at, packet


def _titles(out: av.container.OutputContainer, films: Sequence[Path]) -> None:
    """The tags of the first film, and the chapters of all: what falls on one instant shares one."""
    titles: dict[int, list[str]] = {}
    end = 0
    for film in films:
        with av.open(f"file:{film}", "r", format="mp4") as source:
            if not titles:
                out.metadata.update({key: text for key, text in source.metadata.items() if key in _TAGS})
            for chapter in source.chapters():
                base = chapter["time_base"] or Fraction(1, 1000)
                end = max(end, round(chapter["end"] * base * 1000))
                known = titles.setdefault(round(chapter["start"] * base * 1000), [])
                known += [each for each in chapter["metadata"]["title"].split(" · ") if each not in known]
    starts = sorted(titles)
    out.set_chapters(
        [
            {
                "id": number,
                "start": start,
                "end": after,
                "time_base": Fraction(1, 1000),
                "metadata": {"title": " · ".join(titles[start])},
            }
            for number, (start, after) in enumerate(zip(starts, [*starts[1:], end], strict=False))
        ]
    )


_TAGS = ("title", "album", "artist", "comment", "date", "creation_time")


def _prove(part: Path, frames: int) -> float:
    """The film's length in seconds. Raises NotWhole."""
    with av.open(f"file:{part}", "r", format="mp4") as film:
        if film.streams.video[0].frames != frames:
            raise NotWhole(f"{part.name} does not hold what was written into it; is the disk in order?")
        return (film.duration or 0) / av.time_base
