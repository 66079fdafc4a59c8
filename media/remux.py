"""Writing one progressive MP4 from tables, and proving that what stands in it is what stood in the takes.

The samples are copied in large pieces, pictures and sound by turns, and hashed on the way. What is proved, and by
whom: docs/decisions/0023-files-from-tables.md.
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import av
import numpy as np
from av.stream import Stream

from media.moov import Chapter, Chunks, Track, draft_of, index_of
from media.probe import Unreadable
from media.samples import Integers
from media.tracks import Laid

_CHUNK = 0.5
"""Seconds of one track that lie together: a player over a thin line has sound and picture when it has the bytes."""
_BLOCK = 1024 * 1024
_HEAD = 16
"""Bytes of the mdat's own header, which may be longer than 4 GB."""


class NotWhole(Exception):
    """What was written is not what was read: the disk or the muxer lost something. Nothing was put in place."""


class Torn(Unreadable):
    """A take could be read up to a byte when its tables were read and no longer now."""

    def __init__(self, path: Path, at: int) -> None:
        super().__init__(f"{path.name} breaks off in the middle.")
        self.path, self.at = path, at


@dataclass(frozen=True, slots=True)
class Written:
    bytes: int
    sha256: str
    seconds: float


@dataclass(frozen=True, slots=True)
class _Spans:
    """What is copied, in the order of the file; arrays of one length. due: seconds of the lesson."""

    track: Integers
    origin: Integers
    position: Integers
    length: Integers
    due: Integers


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
    Raises Unreadable for what no file can be made of, Torn, NotWhole, OSError, and av.FFmpegError from the muxer.
    """
    if not all(len(track.laid.size) for track in tracks):
        raise Unreadable("nothing of its takes is left")
    draft = draft_of(tracks, form=form, end=end, chapters=chapters, tags=tags)
    spans, chunks = _plan(tracks)
    begin = len(draft.ftyp) + len(index_of(draft, tracks, chunks, 0)) + _HEAD
    chunks = [Chunks(each.counts, each.offsets + begin + len(draft.text)) for each in chunks]
    size = len(draft.text) + int(spans.length.sum())
    mdat = struct.pack(">I4sQ", 1, b"mdat", _HEAD + size)
    head = b"".join((draft.ftyp, index_of(draft, tracks, chunks, begin), mdat, draft.text))
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb", buffering=0) as out:
            for block in _blocks(head, tracks, spans, lambda at: progress(at / 2)):
                _write(out, block)
        sha256 = _compare(part, _blocks(head, tracks, spans, lambda at: progress((end + at) / 2)))
        seconds = _look(part, tracks, chunks)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return Written(bytes=begin + size, sha256=sha256, seconds=seconds)


def digest_of(file: Path) -> tuple[int, str]:
    """Bytes and SHA-256 of a finished file, which is on the disk when this returns. Raises OSError."""
    with file.open("rb+") as data:
        sha256 = hashlib.file_digest(data, "sha256").hexdigest()
        os.fsync(data.fileno())
        return os.fstat(data.fileno()).st_size, sha256


def _plan(tracks: Sequence[Track]) -> tuple[_Spans, list[Chunks]]:
    """In which order what is copied, and where each track's chunks begin, counted from the first sample."""
    columns: list[Integers] = []
    counts: list[Integers] = []
    for number, track in enumerate(tracks):
        laid = track.laid
        due = (laid.decoded - laid.decoded[0]) // round(_CHUNK * track.rate)
        fresh = np.diff(due, prepend=-1) != 0
        counts.append(np.diff(np.flatnonzero(fresh), append=len(due)))
        follows = (laid.position[1:] == laid.position[:-1] + laid.size[:-1]) & (laid.origin[1:] == laid.origin[:-1])
        starts = np.flatnonzero(fresh | ~np.append(False, follows))
        columns.append(
            np.stack(
                (
                    np.full(len(starts), number),
                    laid.origin[starts],
                    laid.position[starts],
                    np.add.reduceat(laid.size, starts),
                    due[starts],
                    fresh[starts],
                )
            )
        )
    table = np.concatenate(columns, axis=1)
    track_of, origin, position, length, due, fresh = table[:, np.lexsort((table[0], table[4]))]
    offsets = np.cumsum(length) - length
    chunks = [Chunks(count, offsets[(track_of == number) & (fresh != 0)]) for number, count in enumerate(counts)]
    return _Spans(track_of, origin, position, length, due), chunks


class _Takes:
    """The take each track is being read from, one open at a time."""

    def __init__(self, tracks: Sequence[Track]) -> None:
        self._tracks = tracks
        self._open: dict[int, tuple[int, BinaryIO]] = {}

    def __enter__(self) -> _Takes:
        return self

    def __exit__(self, *_: object) -> None:
        for track in list(self._open):
            self._close(track)

    def _close(self, track: int) -> None:
        if track in self._open:
            self._open.pop(track)[1].close()

    def read(self, track: int, origin: int, position: int, into: memoryview) -> None:
        """Raises Torn."""
        source = self._tracks[track].laid.origins[origin]
        if isinstance(source, bytes):
            into[:] = source[position : position + len(into)]
            return
        try:
            if track not in self._open or self._open[track][0] != origin:
                self._close(track)
                self._open[track] = origin, source.open("rb", buffering=0)
            read = os.preadv(self._open[track][1].fileno(), [into], position)
        except OSError as error:
            raise Torn(source, position) from error
        if read != len(into):
            raise Torn(source, position + read)


def _blocks(
    head: bytes, tracks: Sequence[Track], spans: _Spans, progress: Callable[[float], None]
) -> Iterator[bytes | bytearray]:
    """The file as it shall be, one piece after another; a piece lives until the next. Raises Torn."""
    yield head
    block = bytearray(_BLOCK)  # compared as such: comparing memoryviews takes ten times as long
    into, filled, told = memoryview(block), 0, 0.0
    with _Takes(tracks) as takes:
        columns = (each.tolist() for each in (spans.track, spans.origin, spans.position, spans.length, spans.due))
        for track, origin, position, length, due in zip(*columns, strict=True):
            at, left = position, length
            while left:
                fits = min(left, _BLOCK - filled)
                takes.read(track, origin, at, into[filled : filled + fits])
                at, left, filled = at + fits, left - fits, filled + fits
                if filled == _BLOCK:
                    yield block
                    filled = 0
            if due * _CHUNK - told >= 1.0:
                told = due * _CHUNK
                progress(told)
    yield bytes(into[:filled])


def _write(out: BinaryIO, data: bytes | bytearray) -> None:
    """All of it. Raises OSError."""
    view = memoryview(data)
    while view:
        view = view[os.write(out.fileno(), view) :]


def _compare(part: Path, blocks: Iterable[bytes | bytearray]) -> str:
    """Read the file back, byte for byte what it shall be; its SHA-256. It is on the disk when this returns.

    Raises NotWhole, Torn, OSError.
    """
    sha256 = hashlib.sha256()
    with part.open("rb+", buffering=0) as file, ThreadPoolExecutor(2) as aside:  # both leave Python to others
        synced = aside.submit(os.fsync, file.fileno())
        hashed = aside.submit(sha256.update, b"")
        for block in blocks:
            found = file.read(len(block))
            if found != block:
                raise NotWhole(f"{part.name} does not hold what was written into it; is the disk in order?")
            hashed.result()
            hashed = aside.submit(sha256.update, found)
        if file.read(1):
            raise NotWhole(f"{part.name} holds more than was written into it; is the disk in order?")
        hashed.result()
        synced.result()
    return sha256.hexdigest()


def _look(part: Path, tracks: Sequence[Track], chunks: Sequence[Chunks]) -> float:
    """libavformat finds the ends of every chunk where they lie, and around the seams the very packets of the takes.

    The file's length in seconds. Raises NotWhole, Torn.
    """
    with av.open(f"file:{part}", "r", format="mp4") as container, _Takes(tracks) as takes:
        for number, (track, each) in enumerate(zip(tracks, chunks, strict=True)):
            stream: Stream = container.streams.video[0] if track.media == "video" else container.streams.audio[0]
            laid = track.laid
            wanted = _ends(laid, each)
            entries = stream.index_entries
            if len(entries) != len(laid.size) or wanted != {
                at: (entries[at].pos, entries[at].size, entries[at].timestamp, entries[at].is_keyframe) for at in wanted
            }:
                raise NotWhole(f"{part.name} cannot be read as it was written.")
            for at in _seams(laid):
                data = memoryview(bytearray(int(laid.size[at])))
                takes.read(number, int(laid.origin[at]), int(laid.position[at]), data)
                due, shown = int(laid.decoded[at]), int(laid.shown[at])
                container.seek(due, stream=stream, any_frame=True)
                found = next((packet for packet in container.demux(stream) if (packet.dts or 0) >= due), None)
                if found is None or (found.dts, found.pts) != (due, shown) or bytes(found) != data:
                    raise NotWhole(f"{part.name} cannot be read as it was written.")
        return (container.duration or 0) / av.time_base


def _ends(laid: Laid, chunks: Chunks) -> dict[int, tuple[int, int, int, bool]]:
    """Place, size, decoding time and kind of the first and the last sample of every chunk; between them nothing can be
    wrong in a table of lengths without moving the last."""
    firsts = np.cumsum(chunks.counts) - chunks.counts
    before = np.cumsum(laid.size) - laid.size
    places = before + np.repeat(chunks.offsets - before[firsts], chunks.counts)
    ends = np.union1d(firsts, firsts + chunks.counts - 1)
    columns = (column[ends].tolist() for column in (places, laid.size, laid.decoded, laid.key))
    return dict(zip(ends.tolist(), zip(*columns, strict=True), strict=True))


def _seams(laid: Laid) -> list[int]:
    """The numbers of the samples on either side of where another take begins, of the first and of the last."""
    changes = np.flatnonzero(np.diff(laid.origin))
    seams: list[int] = np.unique([0, len(laid.size) - 1, *changes, *(changes + 1)]).tolist()
    return seams
