"""The index of a progressive MP4 (ISO/IEC 14496-12), built from whole tables.

libavformat writes everything of it but the tables: a *draft* with the same tracks, length, chapters and tags and next
to no samples. So what players look for (chapters in both their forms, tags, edit lists) is as FFmpeg writes it.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from media.fragments import boxes
from media.probe import Media, Unreadable, opened
from media.samples import Integers, entry_of
from media.tracks import TICKS, Laid

_MILLI = Fraction(1, 1000)
_STRIDE = 3600
"""Seconds between a draft's samples: libavformat takes none that lasts for more than 2^31 ticks."""
_LONGEST = 2**31 - 1
_CONTAINERS = {b"trak", b"mdia", b"minf"}
_HEVC_SETS = {32, 33, 34}
"""VPS, SPS and PPS (ITU-T H.265, table 7-1)."""
_HVCC, _ARRAYS = 78, 22
"""Where a visual sample entry's boxes begin, and in hvcC the number of its arrays (ISO/IEC 14496-15, 8.3.2.1)."""


@dataclass(frozen=True, slots=True)
class Chapter:
    """at: seconds."""

    at: float
    title: str


@dataclass(frozen=True, slots=True)
class Track:
    """template: a take of the track's form. rate: ticks a second of what is laid."""

    media: Media
    template: Path
    rate: int
    laid: Laid
    title: str
    language: str = "und"

    @property
    def delay(self) -> int:
        """Ticks by which the first sample is decoded before it is shown."""
        return -int(self.laid.decoded[0])

    @property
    def ticks(self) -> int:
        """From the first decoding time to the end of the last sample."""
        return self.delay + int(self.laid.decoded[-1]) + self.laid.last


@dataclass(frozen=True, slots=True)
class Chunks:
    """A track's samples as they lie together. counts: samples of each chunk; offsets: its first byte in the file."""

    counts: Integers
    offsets: Integers


@dataclass(frozen=True, slots=True)
class Draft:
    """ftyp and moov of a file with the right tracks and length and the wrong samples; the samples of its chapters'
    text, one after another."""

    ftyp: bytes
    moov: bytes
    text: bytes


def draft_of(
    tracks: Sequence[Track], *, form: str, end: float, chapters: Sequence[Chapter], tags: dict[str, str]
) -> Draft:
    """form: libavformat's muxer. end: seconds, for the last chapter. Raises Unreadable, av.FFmpegError."""
    # bitexact: nothing in the file says when or with which version it was written, so the same takes give the same.
    options = {"video_track_timescale": str(TICKS), "fflags": "+bitexact"}
    data = io.BytesIO()
    with ExitStack() as stack:
        out = stack.enter_context(av.open(data, "w", format=form, options=options))
        out.metadata.update(tags)
        streams = []
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
        for track, stream in zip(tracks, streams, strict=True):
            stride = _STRIDE * track.rate
            for at in range(0, track.ticks, stride):
                packet = av.Packet(b"\0")
                packet.stream, packet.time_base, packet.is_keyframe = stream, Fraction(1, track.rate), True
                packet.dts, packet.pts, packet.duration = at - track.delay, at, min(stride, track.ticks - at)
                out.mux_one(packet)
    written = data.getbuffer()
    top = dict(boxes(written))
    return Draft(_box(b"ftyp", top[b"ftyp"]), bytes(top[b"moov"]), _text(written, top[b"moov"], len(tracks)))


def index_of(draft: Draft, tracks: Sequence[Track], chunks: Sequence[Chunks], text: int) -> bytes:
    """The moov box. text: where the draft's text lies in the file. Raises Unreadable when no MP4 can hold it."""
    written = []
    number = 0
    for kind, payload in boxes(draft.moov):
        body = bytes(payload)
        if kind == b"trak":
            if number < len(tracks):
                track = tracks[number]
                tables = _tables(track, chunks[number], _stbl(payload))
            else:
                tables = b"".join(
                    _box(b"co64", struct.pack(">IIQ", 0, 1, text)) if name == b"stco" else _box(name, content)
                    for name, content in boxes(_stbl(payload))
                )
            body = _with_tables(payload, tables)
            number += 1
        written.append(_box(kind, body))
    return _box(b"moov", b"".join(written))


def _tables(track: Track, chunks: Chunks, draft: memoryview) -> bytes:
    """What stands in a track's stbl."""
    laid = track.laid
    lasts = np.append(np.diff(laid.decoded), laid.last)
    late = laid.shown - laid.decoded
    if max(lasts.max(), late.max()) > _LONGEST:
        raise Unreadable(f"{track.title} has a gap of more than {_LONGEST // track.rate // 3600} hours.")
    tables = [_box(b"stsd", _retagged(entry_of(track.template))), _table(b"stts", *_runs(lasts))]
    if not laid.key.all():
        tables.append(_table(b"stss", np.flatnonzero(laid.key) + 1))
    if late.any():
        tables.append(_table(b"ctts", *_runs(late)))
    changes = np.flatnonzero(np.diff(chunks.counts, prepend=0))
    tables.append(_table(b"stsc", changes + 1, chunks.counts[changes], np.ones_like(changes)))
    tables.append(_box(b"stsz", struct.pack(">III", 0, 0, len(laid.size)) + laid.size.astype(">u4").tobytes()))
    # Always 64 bits, so that the index has the same size wherever the samples begin.
    tables.append(_box(b"co64", struct.pack(">II", 0, len(chunks.offsets)) + chunks.offsets.astype(">u8").tobytes()))
    for kind, payload in boxes(draft):
        if kind == b"sgpd":  # AAC: a decoder that begins anywhere begins one packet before
            tables.append(_box(kind, payload))
        elif kind == b"sbgp":
            tables.append(_box(kind, struct.pack(">I4sIII", 0, bytes(payload[4:8]), 1, len(laid.size), 1)))
    return b"".join(tables)


def _retagged(entry: bytes) -> bytes:
    """The stsd with H.265 named as Safari wants it, where all its parameter sets stand in it."""
    if entry[12:16] != b"hev1":
        return entry
    hvcc = next((bytes(payload) for kind, payload in boxes(entry[16 + _HVCC :]) if kind == b"hvcC"), b"")
    found, at = set(), _ARRAYS + 1
    for _ in range(hvcc[_ARRAYS] if len(hvcc) > _ARRAYS else 0):
        kind, units = struct.unpack_from(">BH", hvcc, at)
        found.add(kind & 0x3F)
        at += 3
        for _ in range(units):
            at += 2 + struct.unpack_from(">H", hvcc, at)[0]
    return entry[:12] + b"hvc1" + entry[16:] if found >= _HEVC_SETS else entry


def _runs(values: Integers) -> tuple[Integers, Integers]:
    """How often, and what: equal values in a row."""
    starts = np.flatnonzero(np.diff(values, prepend=values[0] - 1))
    return np.diff(starts, append=len(values)), values[starts]


def _table(kind: bytes, *columns: Integers) -> bytes:
    """A full box with a table of 32-bit numbers."""
    rows = np.stack(columns, axis=1).astype(">u4")
    return _box(kind, struct.pack(">II", 0, len(rows)) + rows.tobytes())


def _box(kind: bytes, payload: bytes | memoryview) -> bytes:
    return struct.pack(">I4s", 8 + len(payload), kind) + payload


def _with_tables(container: memoryview, tables: bytes) -> bytes:
    """A trak's payload with another stbl."""
    return b"".join(
        _box(kind, tables if kind == b"stbl" else _with_tables(payload, tables) if kind in _CONTAINERS else payload)
        for kind, payload in boxes(container)
    )


def _stbl(trak: memoryview) -> memoryview:
    for wanted in (b"mdia", b"minf", b"stbl"):
        trak = next(payload for kind, payload in boxes(trak) if kind == wanted)
    return trak


def _text(written: memoryview, moov: memoryview, tracks: int) -> bytes:
    """The samples of the track after the others, which libavformat writes together."""
    traks = [payload for kind, payload in boxes(moov) if kind == b"trak"]
    tables = dict(boxes(_stbl(traks[tracks])))
    (begin,) = struct.unpack_from(">I", tables[b"stco"], 8)
    each, count = struct.unpack_from(">II", tables[b"stsz"], 4)
    size = each * count if each else sum(struct.unpack_from(f">{count}I", tables[b"stsz"], 12))
    return bytes(written[begin : begin + size])
