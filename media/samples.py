"""Where the samples of a take lie and when they are due: its fragments' tables, read without its pictures and sound.

Takes are fragmented MP4 of one track (ISO/IEC 14496-12), as FFmpeg writes them for the recorder: each fragment a moof
with one traf of one trun, and the mdat that its samples fill from the first byte to the last. A file of another form
is refused. What a reader of whole packets does sample by sample is done here for all samples at once.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeAlias

import numpy as np
from numpy.typing import NDArray

from media.fragments import MAX_BOX, MAX_HEADER, BadStream, Header, boxes, parse_header
from media.probe import Unreadable

Integers: TypeAlias = NDArray[np.int64]

_BOX = struct.Struct(">I4s")
_WINDOW = 1024
"""Bytes in which a moof and the head of its mdat mostly lie."""
_BETWEEN = {b"styp", b"sidx", b"free", b"mfra"}
"""Boxes that may stand beside the fragments; a take needs none of them."""
_NOT_SYNC = 0x00010000
_BASE_OFFSET, _DATA_OFFSET, _FIRST_FLAGS = 0x1, 0x1, 0x4
_FIELDS = (0x100, 0x200, 0x400, 0x800)
"""Of a trun: which of duration, size, flags and composition offset stand there for each sample."""


@dataclass(frozen=True, slots=True)
class Samples:
    """A take's samples in decoding order; arrays of one length.

    position, size: bytes in the file. decoded, shown, lasts: units, of which a second has ``timescale``, from the
    beginning of the presentation. broken: the file breaks off, or is damaged, after the last of them.
    """

    path: Path
    timescale: int
    position: Integers
    size: Integers
    decoded: Integers
    shown: Integers
    lasts: Integers
    key: NDArray[np.bool_]
    broken: bool


@dataclass(slots=True)
class _Fragments:
    """What stands in the fragments, one item each. numbers: begin, samples, their place and bytes, the trun's flags,
    the defaults of duration, size and flags, and the flags of the first sample, or -1."""

    numbers: list[tuple[int, ...]]
    rows: list[bytes]
    broken: bool = False


def samples_of(path: Path, until: int | None = None) -> Samples:
    """Read a take's tables; of its first ``until`` bytes only, if given. Raises Unreadable."""
    with _reading(path) as (file, size):
        end = size if until is None else min(size, until)
        header, at = _header(file, end)
        return _joined(path, header, _fragments(file, header, at, end), end)


def entry_of(path: Path) -> bytes:
    """The payload of a take's stsd box: how its samples are coded. Raises Unreadable."""
    with _reading(path) as (file, size):
        found = memoryview(_header(file, size)[0].data)
    for wanted in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd"):  # parse_header has been there before
        found = next(payload for kind, payload in boxes(found) if kind == wanted)
    return bytes(found)


@contextmanager
def _reading(path: Path) -> Iterator[tuple[BinaryIO, int]]:
    """A take and its size. What goes wrong with it inside is Unreadable."""
    try:
        with path.open("rb", buffering=0) as file:
            yield file, os.fstat(file.fileno()).st_size
    except (BadStream, struct.error) as error:
        raise Unreadable(f"{path.name} is not a recording of this program ({error}).") from error
    except OSError as error:
        raise Unreadable(
            f"{path.name} cannot be read as a recording ({(error.strerror or str(error)).lower()})."
        ) from error


def _header(file: BinaryIO, end: int) -> tuple[Header, int]:
    """The header, and where it ends. Raises BadStream, OSError."""
    data, at = b"", 0
    while at + _BOX.size <= end:
        size, kind = _BOX.unpack(os.pread(file.fileno(), _BOX.size, at))
        if not _BOX.size <= size <= MAX_HEADER - len(data):
            break
        data += os.pread(file.fileno(), size, at)
        at += size
        if kind == b"moov":
            return parse_header(data), at
    raise BadStream("It does not begin like an MP4.")


def _fragments(file: BinaryIO, header: Header, at: int, end: int) -> _Fragments:
    """Every fragment up to the first that is none; the last one's mdat may be cut off. Raises OSError."""
    found = _Fragments([], [])
    while at < end:
        window = os.pread(file.fileno(), _WINDOW, at)
        if len(window) < _BOX.size:
            break
        size, kind = _BOX.unpack_from(window)
        if not _BOX.size <= size <= MAX_BOX:
            break
        if kind == b"moof":
            if size + _BOX.size > len(window):
                window = os.pread(file.fileno(), size + _BOX.size, at)
            try:
                numbers, rows, filled = _fragment(header, window, size, at)
            except (BadStream, struct.error, KeyError):
                break
            found.numbers.append(numbers)
            found.rows.append(rows)
            size += filled
        elif kind not in _BETWEEN:
            break
        at += size
    # An index at the end (mfra) may be cut off without harm, but a byte too few of anything else is a loss.
    found.broken = at != end
    return found


def _fragment(header: Header, data: bytes, size: int, begins: int) -> tuple[tuple[int, ...], bytes, int]:
    """The numbers and rows of a moof of that size, and how many bytes its mdat has.

    Raises BadStream, struct.error, KeyError.
    """
    found: dict[bytes, int] = {}
    at = _BOX.size
    while at < size:
        length, kind = _BOX.unpack_from(data, at)
        if not _BOX.size <= length <= size - at or kind in found:
            raise BadStream("A fragment has an impossible box, or one of them twice.")
        found[kind] = at + _BOX.size
        at += _BOX.size if kind == b"traf" else length
    defaults = _defaults(header, data, found[b"tfhd"])
    tfdt, trun = found[b"tfdt"], found[b"trun"]
    (time,) = struct.unpack_from(">Q" if data[tfdt] == 1 else ">I", data, tfdt + 4)
    flags, count = struct.unpack_from(">II", data, trun)
    flags &= 0xFFFFFF
    place, at, first = size + _BOX.size, trun + 8, -1
    if flags & _DATA_OFFSET:
        (place,) = struct.unpack_from(">i", data, at)
        at += 4
    if flags & _FIRST_FLAGS:
        (first,) = struct.unpack_from(">I", data, at)
        at += 4
    rows = data[at : at + 4 * count * sum(1 for bit in _FIELDS if flags & bit)]
    filled, kind = _BOX.unpack_from(data, size)
    if kind != b"mdat" or filled < _BOX.size or not count or at + len(rows) > size or place != size + _BOX.size:
        raise BadStream("A fragment's samples are not those of its data.")
    return (time, count, begins + place, filled - _BOX.size, flags, *defaults, first), rows, filled


def _defaults(header: Header, data: bytes, tfhd: int) -> tuple[int, int, int]:
    """Duration, size and flags of a fragment's samples that do not say theirs. Raises BadStream, struct.error."""
    (flags,) = struct.unpack_from(">I", data, tfhd)
    if flags & _BASE_OFFSET:
        raise BadStream("A fragment does not count from its own beginning.")
    at = tfhd + 8 + 4 * bool(flags & 0x2)
    defaults = [header.default_duration, 0, header.default_flags]
    for number, bit in enumerate((0x8, 0x10, 0x20)):
        if flags & bit:
            (defaults[number],) = struct.unpack_from(">I", data, at)
            at += 4
    return defaults[0], defaults[1], defaults[2]


def _joined(path: Path, header: Header, fragments: _Fragments, end: int) -> Samples:
    """All fragments' samples in a row, up to the first fragment that its samples do not fill, or to the file's end."""
    numbers = np.array(fragments.numbers, np.int64).reshape(-1, 9)
    times, counts, places, filled, kinds, lasts_each, bytes_each, flags_each, first = numbers.T
    columns = [np.repeat(each, counts) for each in (lasts_each, bytes_each, flags_each, np.zeros_like(times))]
    starts = np.cumsum(counts) - counts
    columns[2][starts[first >= 0]] = first[first >= 0]
    for kind in np.unique(kinds).tolist():
        given = [column for bit, column in zip(_FIELDS, columns, strict=True) if kind & bit]
        if given:
            mine = kinds == kind
            rows = np.frombuffer(b"".join(fragments.rows[n] for n in np.flatnonzero(mine)), ">u4")
            for column, values in zip(given, rows.reshape(-1, len(given)).T, strict=True):
                column[np.repeat(mine, counts)] = values
    lasts, size, flags, late = columns
    late = late.astype(np.int32).astype(np.int64)  # signed in version 1; FFmpeg writes no version 0 that is not small
    position = np.repeat(places, counts) + _within_each(size, starts, counts)
    decoded = np.repeat(times, counts) + _within_each(lasts, starts, counts) - header.start
    unfilled = np.flatnonzero(np.add.reduceat(size, starts) != filled) if len(starts) else starts
    whole = int(starts[unfilled[0]]) if len(unfilled) else len(size)
    outside = np.flatnonzero(position[:whole] + size[:whole] > end)
    whole = int(outside[0]) if len(outside) else whole
    kept = slice(whole)
    return Samples(
        path, header.timescale, position[kept], size[kept], decoded[kept], (decoded + late)[kept],
        lasts[kept], flags[kept] & _NOT_SYNC == 0, fragments.broken or whole < len(size),
    )  # fmt: skip


def _within_each(values: Integers, starts: Integers, counts: Integers) -> Integers:
    """The sum of what is before each value in its own fragment."""
    before = np.cumsum(values) - values
    return before - np.repeat(before[starts], counts)
