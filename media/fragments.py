"""Fragmented MP4 as a stream of boxes: the header once, then whole fragments.

ISO/IEC 14496-12. Takes have one track and default-base-is-moof, as FFmpeg writes them with
``+empty_moov+default_base_moof+delay_moov``. Only what the recorder needs is read: where a fragment begins and ends,
when it lies in media time, and whether a decoder can begin with it. Standard library only.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

MAX_BOX = 64 * 1024 * 1024
"""A box larger than this is no box of a camera's 0.25 s, but garbage."""
MAX_HEADER = 1024 * 1024

_NOT_SYNC = 0x00010000
_H264 = (0, 0x1F, range(1, 6), 7)
_H265 = (1, 0x3F, range(32), 33)
"""Of a unit's first byte: bits to the right of its kind, and the kind's mask; the kinds of slices and of the sequence
parameter set (ITU-T H.264, table 7-1; H.265, table 7-1)."""


class BadStream(ValueError):
    """The bytes are not a fragmented MP4 of one track."""


@dataclass(frozen=True, slots=True)
class Header:
    """ftyp and moov.

    start: media time in units at which presentation begins (the edit list's), timescale: units a second. nal: bytes of
    the length before each unit of H.264 or H.265, 0 for anything else.
    """

    data: bytes
    timescale: int
    start: int
    codec: str
    width: int
    height: int
    sample_rate: int
    default_duration: int
    default_flags: int
    nal: int = 0


@dataclass(frozen=True, slots=True)
class Fragment:
    """One moof and its mdat. time and seconds on the presentation timeline of the take, in seconds.

    form: the sequence parameter sets (size, profile) that its first picture brings along, if it is a keyframe
    and brings any.
    """

    data: bytes
    time: float
    seconds: float
    key: bool
    form: frozenset[bytes] = frozenset()


def boxes(data: bytes | memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """(type, payload) of the boxes that lie one after another in data. Raises BadStream."""
    view = memoryview(data)
    while view:
        if len(view) < 8:
            raise BadStream("A box is cut off.")
        size, kind = struct.unpack_from(">I4s", view)
        if size < 8 or size > len(view):
            raise BadStream(f"A {kind!r} box has an impossible size.")
        yield kind, view[8:size]
        view = view[size:]


def read_stream(read: Callable[[int], bytes | memoryview]) -> Iterator[Header | Fragment]:
    """The header, then every whole fragment. read(n) gives exactly n bytes, or fewer at the end of the stream; what it
    gives need not outlive the next call.

    A fragment that is cut off by the end is not given. Raises BadStream.
    """
    header: Header | None = None
    pending = b""
    while True:
        head = bytes(read(8))
        if len(head) < 8:
            return
        size, kind = struct.unpack(">I4s", head)
        if not 8 <= size <= MAX_BOX:
            raise BadStream("The stream is not an MP4.")
        body = read(size - 8)
        if len(body) < size - 8:
            return
        if header is None:
            pending = b"".join((pending, head, body))
            if len(pending) > MAX_HEADER:
                raise BadStream("The stream does not begin like an MP4.")
            if kind == b"moov":
                header = parse_header(pending)
                pending = b""
                yield header
        elif kind == b"moof":
            pending = b"".join((head, body))
        elif kind == b"mdat" and pending:
            # Joined once: most of the work is copying. Not kept, so that the next one may have its memory.
            yield parse_fragment(header, b"".join((pending, head, body)), len(pending))
            pending = b""
        # mfra, free and sidx say nothing that a take needs


def parse_header(data: bytes) -> Header:
    """From ftyp and moov. Raises BadStream when there is not exactly one track of a known kind."""
    try:
        moov = _child(data, b"moov")
        tracks = [payload for kind, payload in boxes(moov) if kind == b"trak"]
        if len(tracks) != 1:
            raise BadStream(f"The stream has {len(tracks)} tracks; a take has one.")
        mdia = _child(tracks[0], b"mdia")
        mdhd = _child(mdia, b"mdhd")
        timescale = struct.unpack_from(">I", mdhd, 20 if mdhd[0] == 1 else 12)[0]
        if not timescale:
            raise BadStream("The stream's track has no clock.")
        codec, width, height, rate, nal = _sample_entry(_child(_child(_child(mdia, b"minf"), b"stbl"), b"stsd"))
        trex = _child(_child(moov, b"mvex"), b"trex")
        duration, _size, flags = struct.unpack_from(">III", trex, 12)
        return Header(data, timescale, _edit_start(tracks[0]), codec, width, height, rate, duration, flags, nal)
    except (struct.error, KeyError, IndexError) as error:
        raise BadStream(f"The stream's header is damaged: {error}.") from error


def parse_fragment(header: Header, data: bytes, mdat: int) -> Fragment:
    """data: a moof, and the mdat that begins at that byte. Raises BadStream."""
    try:
        traf = _child(_child(data, b"moof"), b"traf")
        tfhd = _child(traf, b"tfhd")
        flags = struct.unpack(">I", tfhd[:4])[0] & 0xFFFFFF
        at = 8 + (8 if flags & 0x1 else 0) + (4 if flags & 0x2 else 0)
        duration, sample_flags = header.default_duration, header.default_flags
        if flags & 0x8:
            duration = struct.unpack_from(">I", tfhd, at)[0]
            at += 4
        if flags & 0x10:
            at += 4
        if flags & 0x20:
            sample_flags = struct.unpack_from(">I", tfhd, at)[0]
        tfdt = _child(traf, b"tfdt")
        begin = struct.unpack_from(">Q" if tfdt[0] == 1 else ">I", tfdt, 4)[0]
        total, first_flags = _run(traf, duration, sample_flags)
        key = not first_flags & _NOT_SYNC
        return Fragment(
            data,
            (begin - header.start) / header.timescale,
            total / header.timescale,
            key,
            _form(header, data, mdat) if key and header.nal else frozenset(),
        )
    except (struct.error, KeyError, IndexError) as error:
        raise BadStream(f"A fragment is damaged: {error}.") from error


def earlier(header: Header, fragment: Fragment, units: int) -> Fragment:
    """The same fragment so many units of media time earlier: for a take that begins in the midst of a stream."""
    data = bytearray(fragment.data)
    tfdt = _child(_child(_child(memoryview(data), b"moof"), b"traf"), b"tfdt")
    form = ">Q" if tfdt[0] == 1 else ">I"
    struct.pack_into(form, tfdt, 4, struct.unpack_from(form, tfdt, 4)[0] - units)
    return replace(fragment, data=bytes(data), time=fragment.time - units / header.timescale)


def decode_time(header: Header, fragment: Fragment) -> int:
    """When a fragment begins, in units of media time from the beginning of the stream, encoder priming included."""
    return round(fragment.time * header.timescale) + header.start


def first_sample(fragment: Fragment) -> bytes:
    """The first picture, or piece of sound, as the decoder takes it. Raises BadStream."""
    try:
        moof = _child(fragment.data, b"moof")
        traf = _child(moof, b"traf")
        tfhd, trun = _child(traf, b"tfhd"), _child(traf, b"trun")
        flags, first_flags = (struct.unpack_from(">I", box)[0] & 0xFFFFFF for box in (tfhd, trun))
        if not first_flags & 0x1:
            raise BadStream("A fragment does not say where its samples are.")
        begin = struct.unpack_from(">i", trun, 8)[0]
        if first_flags & 0x200:
            at = 12 + 4 * sum(1 for bit in (0x4, 0x100) if first_flags & bit)
            size = struct.unpack_from(">I", trun, at)[0]
        elif flags & 0x10:
            at = 8 + sum(width for bit, width in ((0x1, 8), (0x2, 4), (0x8, 4)) if flags & bit)
            size = struct.unpack_from(">I", tfhd, at)[0]
        else:
            raise BadStream("A fragment does not say how large its samples are.")
        return fragment.data[begin : begin + size]
    except (struct.error, KeyError, IndexError) as error:
        raise BadStream(f"A fragment is damaged: {error}.") from error


def _run(traf: memoryview, default_duration: int, default_flags: int) -> tuple[int, int]:
    """Sum of the samples' durations, and the flags of the first sample."""
    total = 0
    first: int | None = None
    for kind, trun in boxes(traf):
        if kind != b"trun":
            continue
        flags, count = struct.unpack_from(">II", trun)
        at = 8 + (4 if flags & 0x1 else 0)
        first_flags: int | None = None
        if flags & 0x4:
            first_flags = struct.unpack_from(">I", trun, at)[0]
            at += 4
        width = 4 * sum(1 for bit in (0x100, 0x200, 0x400, 0x800) if flags & bit)
        if flags & 0x400 and first_flags is None and count:
            first_flags = struct.unpack_from(">I", trun, at + 4 * bool(flags & 0x100) + 4 * bool(flags & 0x200))[0]
        if first is None:
            first = default_flags if first_flags is None else first_flags
        if flags & 0x100:
            total += sum(struct.unpack_from(">I", trun, at + index * width)[0] for index in range(count))
        else:
            total += count * default_duration
    if first is None:
        raise BadStream("A fragment has no samples.")
    return total, first


def _form(header: Header, data: bytes, mdat: int) -> frozenset[bytes]:
    """The sequence parameter sets before the first slice."""
    nal = header.nal
    shift, mask, slices, sequence = _H265 if header.codec.startswith("h") else _H264
    found: set[bytes] = set()
    at = mdat + 8
    while at + nal < len(data):
        length = int.from_bytes(data[at : at + nal], "big")
        at += nal
        kind = data[at] >> shift & mask
        if kind in slices or at + length > len(data):
            break
        if kind == sequence:
            found.add(data[at : at + length])
        at += length
    return frozenset(found)


def _edit_start(trak: memoryview) -> int:
    """The media time of the first edit that is not empty: what comes before is encoder priming, not sound."""
    for kind, payload in boxes(trak):
        if kind != b"edts":
            continue
        elst = _child(payload, b"elst")
        version, count = elst[0], struct.unpack_from(">I", elst, 4)[0]
        for index in range(count):
            if version == 1:
                time = struct.unpack_from(">q", elst, 8 + index * 20 + 8)[0]
            else:
                time = struct.unpack_from(">i", elst, 8 + index * 12 + 4)[0]
            if time >= 0:
                return int(time)
    return 0


def _sample_entry(stsd: memoryview) -> tuple[str, int, int, int, int]:
    """Codec as RFC 6381 where it is H.264 or H.265, width, height, sample rate, bytes of a unit's length."""
    for kind, entry in boxes(stsd[8:]):
        name = kind.decode("ascii", "replace")
        if name in {"mp4a", "Opus"}:
            return ("mp4a.40.2" if name == "mp4a" else "opus"), 0, 0, struct.unpack_from(">I", entry, 24)[0] >> 16, 0
        nal = 0
        width, height = struct.unpack_from(">HH", entry, 24)
        if name in {"avc1", "avc3"}:
            avcc = _child(entry[78:], b"avcC")
            name = f"{name}.{avcc[1]:02x}{avcc[2]:02x}{avcc[3]:02x}"
            nal = (avcc[4] & 3) + 1
        elif name in {"hvc1", "hev1"}:
            hvcc = _child(entry[78:], b"hvcC")
            compatible = int(f"{int.from_bytes(hvcc[2:6], 'big'):032b}"[::-1], 2)
            name = f"{name}.{hvcc[1] & 0x1F}.{compatible:X}.{'H' if hvcc[1] & 0x20 else 'L'}{hvcc[12]}"
            nal = (hvcc[21] & 3) + 1
        return name, width, height, 0, nal
    raise BadStream("The stream's track has no codec.")


def _child(data: bytes | memoryview, kind: bytes) -> memoryview:
    for name, payload in boxes(data):
        if name == kind:
            return payload
    raise KeyError(f"no {kind.decode()} box")
