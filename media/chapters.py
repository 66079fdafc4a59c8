"""The chapters of an MP4 without a media library: they stand in its head, in Nero's box (moov/udta/chpl), which FFmpeg
writes beside the QuickTime form. At most 255 of them, as that box can hold.

For whoever answers people while they wait and should not open a stranger's file with a decoder's whole machinery.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

from media.fragments import BadStream, boxes

LARGEST = 32 * 1024 * 1024
"""Bytes of a head that is looked at; a day's slidecast has a fraction of it."""
_TICKS = 10_000_000
"""To a second, as the box counts."""


def chapters_of(read: Callable[[int, int], bytes], size: int) -> list[tuple[float, str]]:
    """(seconds, title) of each chapter, in the file's order; none for a file without them, or whose head is not first.

    read(start, length): that many bytes of the file, or fewer at its end. size: bytes of the whole file.
    Raises BadStream for what is no MP4.
    """
    at = 0
    while at + 8 <= size:
        head = read(at, 8)
        if len(head) < 8:
            return []
        length, kind = struct.unpack(">I4s", head)
        if kind == b"moov" and 8 <= length <= LARGEST:
            return list(_listed(read(at + 8, length - 8)))
        if kind not in (b"ftyp", b"free") or length < 8:
            return []
        at += length
    return []


def _listed(moov: bytes) -> Iterator[tuple[float, str]]:
    listing = _inside(_inside(memoryview(moov), b"udta"), b"chpl")
    if len(listing) < 9:
        return
    count, at = listing[8], 9
    for _ in range(count):
        if at + 9 > len(listing):
            raise BadStream("The list of chapters is cut off.")
        start, length = struct.unpack_from(">QB", listing, at)
        title = bytes(listing[at + 9 : at + 9 + length]).decode("utf-8", errors="replace")
        yield start / _TICKS, title
        at += 9 + length


def _inside(container: memoryview, wanted: bytes) -> memoryview:
    """The payload of the first box of this kind; empty when there is none."""
    return next((payload for kind, payload in boxes(container) if kind == wanted), memoryview(b""))
