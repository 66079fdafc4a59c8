"""The journal beside a take: one line a fragment, written and synced right after the fragment itself.

JSON lines. The first describes the take, each further one a fragment; with them salvage can tell to the byte what is
whole and prove it by hash, the timeline knows when each moment was recorded, and viewers know where a keyframe is.
Standard library only.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from media.drift import Arrivals, Clock
from media.fragments import Header

TAIL = 8192
"""Bytes that hold the last lines of any journal."""


@dataclass(frozen=True, slots=True)
class TakeEntry:
    """First line: init is the length in bytes of ftyp and moov, init_sha their SHA-256 (hex).

    epoch: the monotonic instant of media time zero if the capture told it, and then its media runs by the monotonic
    clock; else None. boot, mono, wall: when the take began.
    """

    lesson: str
    source: str
    take: int
    span: int
    init: int
    init_sha: str
    codec: str
    width: int
    height: int
    sample_rate: int
    boot: str
    mono: float
    wall: float
    epoch: float | None = None

    @classmethod
    def of(cls, header: Header, **where: object) -> TakeEntry:
        return cls(
            init=len(header.data),
            init_sha=hashlib.sha256(header.data).hexdigest(),
            codec=header.codec,
            width=header.width,
            height=header.height,
            sample_rate=header.sample_rate,
            **where,  # type: ignore[arg-type]  # named by the one caller, checked by the dataclass
        )


@dataclass(frozen=True, slots=True)
class FragmentEntry:
    """n counts from 1; off and len in bytes; t and d are media time and length in seconds; key: begins with a keyframe.

    mono and wall: when the fragment had arrived whole; sha: SHA-256 (hex) of its bytes.
    """

    n: int
    off: int
    len: int
    t: float
    d: float
    key: bool
    mono: float
    wall: float
    sha: str

    @property
    def end(self) -> int:
        return self.off + self.len


@dataclass(frozen=True, slots=True)
class Journal:
    """A journal as read back. torn: whether its last line was cut off."""

    take: TakeEntry
    fragments: list[FragmentEntry]
    torn: bool = False

    @property
    def end(self) -> int:
        """Bytes of the take that the journal vouches for."""
        return self.fragments[-1].end if self.fragments else self.take.init

    @property
    def seconds(self) -> float:
        return max((f.t + f.d for f in self.fragments), default=0.0)

    @property
    def clock(self) -> Clock:
        """Where media time lies on the monotonic clock."""
        if self.take.epoch is not None:
            return Clock(self.take.epoch)
        arrivals = Arrivals()
        for fragment in self.fragments:
            arrivals.add(fragment.t + fragment.d, fragment.mono)
        return arrivals.clock(self.take.mono)


class BadJournal(ValueError):
    """There is no readable first line, so nothing can be proven by it."""


_encode = json.JSONEncoder(separators=(",", ":")).encode


def line(entry: TakeEntry | FragmentEntry) -> bytes:
    # Not dataclasses.asdict, which copies deeply: this is done for every fragment of every source.
    return _encode({name: getattr(entry, name) for name in entry.__slots__}).encode() + b"\n"


def read_first(path: Path) -> TakeEntry:
    """What the journal says of its take. Raises BadJournal, OSError."""
    with path.open("rb") as file:
        return _first(path, file.readline())


def read_last(path: Path) -> FragmentEntry | None:
    """The last fragment whose line is whole, without reading the journal; None if its end holds none. Raises
    OSError."""
    with path.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL))
        lines = file.read().split(b"\n")[:-1]
    for text in reversed(lines):
        try:
            return FragmentEntry(**json.loads(text))
        except (ValueError, TypeError):
            continue
    return None


def shorten(path: Path, fragments: int) -> None:
    """Keep the first line and those of so many fragments; durable when it returns. Raises OSError."""
    with path.open("r+b") as file:
        end = sum(len(file.readline()) for _ in range(1 + fragments))
        if end < file.seek(0, os.SEEK_END):
            file.truncate(end)
        os.fsync(file.fileno())


def _parsed(lines: list[bytes]) -> Iterator[Any]:
    """What the lines say, each a mapping; one that is none is given as an empty one."""
    try:
        every = json.loads(b"[%s]" % b",".join(lines))  # at once, for a long lesson has tens of thousands
    except ValueError:
        every = []
    if len(every) == len(lines):
        yield from (said if type(said) is dict else {} for said in every)
        return
    for text in lines:
        try:
            said = json.loads(text)
        except ValueError:
            said = {}
        yield said if type(said) is dict else {}


def _first(path: Path, text: bytes) -> TakeEntry:
    try:
        return TakeEntry(**json.loads(text))
    except (ValueError, TypeError) as error:
        raise BadJournal(f"{path.name} has no readable first line: {error}") from error


def read(path: Path) -> Journal:
    """All whole lines; a line cut off by a power cut, and all after a damaged one, are left out.

    Raises BadJournal, OSError.
    """
    lines = path.read_bytes().split(b"\n")
    torn = lines.pop() != b""
    take = _first(path, lines[0] if lines else b"")
    fragments: list[FragmentEntry] = []
    at = take.init
    for number, said in enumerate(_parsed(lines[1:]), start=1):
        try:
            entry = FragmentEntry(**said)
        except TypeError:
            torn = True
            break
        if entry.n != number or entry.off != at:
            torn = True
            break
        fragments.append(entry)
        at = entry.end
    return Journal(take, fragments, torn)
