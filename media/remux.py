"""Writing one progressive MP4 from packets, and proving that what stands in it is what went in."""

from __future__ import annotations

import hashlib
import heapq
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.stream import Stream

from media.probe import Media, Packet, opened
from media.tracks import TICKS, Placed, Tally

_MILLI = Fraction(1, 1000)


class NotWhole(Exception):
    """What was written is not what was read: the disk or the muxer lost something. Nothing was put in place."""


@dataclass(frozen=True, slots=True)
class Chapter:
    """at: seconds."""

    at: float
    title: str


@dataclass(frozen=True, slots=True)
class Track:
    """template: a file with a stream of the track's form. rate: ticks a second. packets are drawn once; tally counts
    them."""

    media: Media
    template: Path
    rate: int
    packets: Iterator[Placed]
    tally: Tally
    title: str
    language: str = "und"


@dataclass(frozen=True, slots=True)
class Written:
    bytes: int
    sha256: str
    seconds: float


def write(
    path: Path,
    tracks: Sequence[Track],
    *,
    form: str,
    end: float,
    chapters: Sequence[Chapter],
    tags: dict[str, str],
    progress: Callable[[float], None],
) -> Written:
    """Write the tracks into one file, moov first, under another name; put it in place once it is proved whole.

    form: the muxer, ``mp4`` or ``ipod`` (M4A). end: seconds, for the last chapter. progress gets seconds written.
    Raises NotWhole, OSError, and av.FFmpegError when the muxer refuses.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        _mux(part, tracks, form=form, end=end, chapters=chapters, tags=tags, progress=progress)
        seconds = _prove(part, tracks)
        size, sha256 = digest_of(part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return Written(bytes=size, sha256=sha256, seconds=seconds)


def digest_of(file: Path) -> tuple[int, str]:
    """Bytes and SHA-256 of a finished file, which is on the disk when this returns. Raises OSError."""
    with file.open("rb+") as data:
        sha256 = hashlib.file_digest(data, "sha256").hexdigest()
        os.fsync(data.fileno())
        return os.fstat(data.fileno()).st_size, sha256


def _mux(
    part: Path,
    tracks: Sequence[Track],
    *,
    form: str,
    end: float,
    chapters: Sequence[Chapter],
    tags: dict[str, str],
    progress: Callable[[float], None],
) -> None:
    # bitexact: nothing in the file says when or with which version it was written, so the same takes give the same.
    options = {"movflags": "+faststart", "video_track_timescale": str(TICKS), "fflags": "+bitexact"}
    with ExitStack() as stack:
        out = stack.enter_context(av.open(f"file:{part}", "w", format=form, options=options))
        out.metadata.update(tags)
        streams: list[Stream] = []
        for track in tracks:
            template, _ = stack.enter_context(opened(track.template, track.media))
            stream = out.add_stream_from_template(template)
            stream.time_base = Fraction(1, track.rate)
            stream.metadata.update({"handler_name": track.title, "language": track.language})
            streams.append(stream)
        starts = [round(chapter.at * 1000) for chapter in chapters]
        out.set_chapters(
            [
                {"id": n, "start": start, "end": after, "time_base": _MILLI, "metadata": {"title": chapter.title}}
                for n, (start, after, chapter) in enumerate(
                    zip(starts, [*starts[1:], max(round(end * 1000), starts[-1] + 1)], chapters, strict=True)
                )
            ]
        )
        told = 0.0
        due = [_bound_for(stream, track.packets) for stream, track in zip(streams, tracks, strict=True)]
        for at, stream, packet in heapq.merge(*due, key=lambda item: item[0]):
            packet.stream = stream
            out.mux_one(packet)
            if at - told >= 1.0:
                progress(at)
                told = at


def _bound_for(stream: Stream, packets: Iterator[Placed]) -> Iterator[tuple[float, Stream, Packet]]:
    for at, packet in packets:
        yield at, stream, packet


def _prove(part: Path, tracks: Sequence[Track]) -> float:
    """The file's length in seconds. Raises NotWhole."""
    with av.open(f"file:{part}", "r", format="mp4") as container:
        streams: list[Stream] = [
            container.streams.video[0] if track.media == "video" else container.streams.audio[0] for track in tracks
        ]
        found = {stream.index: Tally() for stream in streams}
        for packet in container.demux(streams):
            if packet.size:
                found[packet.stream.index].add(packet)
        if any(
            found[stream.index].total() != track.tally.total() for stream, track in zip(streams, tracks, strict=True)
        ):
            raise NotWhole(f"{part.name} does not hold what was written into it; is the disk in order?")
        return (container.duration or 0) / av.time_base
