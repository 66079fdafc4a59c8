"""Takes on disk: appended fragment by fragment, durable as each one completes, made whole again after a crash.

A take is three files: ``take-001.mp4`` (only ever appended to), ``take-001.journal`` (a line a fragment) and, once it
is closed, ``take-001.json`` (its facts). A take without the third was cut off, and salvage truncates it to its last
whole fragment, proven by hash. The hash of a salvaged take's whole file takes longer than a room may wait for its
return, and comes afterwards (seal). Standard library only: the keeper uses it.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from appliance.spool.layout import make_directory, sync_directory, write_atomically
from media import journal as journals
from media.drift import Arrivals
from media.drift import Clock as MediaClock
from media.fragments import Fragment, Header
from media.journal import FragmentEntry, Journal, TakeEntry
from media.lesson import Take, take_file

PROVEN_TAIL = 64
"""Fragments at the end of a take whose hashes salvage checks: far more than a disk holds back un-flushed between two
syncs."""


PARTS = (".mp4", ".journal", ".json")
"""The files of a take."""
SEAL_CHUNK = 4 << 20


class Unsalvageable(Exception):
    """Nothing whole is in the take: not even its header arrived on the disk."""


@dataclass(frozen=True, slots=True)
class Clock:
    """One instant on both clocks, in seconds: mono drives the timeline, wall is kept beside it."""

    mono: float
    wall: float


class TakeWriter:
    """Writes one take. Use from one thread; every method may raise OSError, and loses nothing durable when it does."""

    def __init__(self, folder: Path, header: Header, entry: TakeEntry) -> None:
        """Creates the files; they must not exist. Their names are durable when it returns."""
        make_directory(folder)
        self.file = folder / Path(take_file(entry.source, entry.take)).name
        self.journal_file = self.file.with_suffix(".journal")
        self.entry = entry
        self.fragments = 0
        self.size = 0
        self.seconds = 0.0
        self._arrivals = Arrivals()
        self._sha = hashlib.sha256()
        self._media = os.open(self.file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        self._journal = os.open(self.journal_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        self._write(header.data)
        _write_all(self._journal, journals.line(entry))
        os.fdatasync(self._media)
        os.fdatasync(self._journal)
        sync_directory(folder)
        self._accept(header.data)

    @property
    def epoch(self) -> float:
        """The monotonic instant of media time zero, as well as it is known by now."""
        return self._arrivals.epoch(self.entry.mono) if self.entry.epoch is None else self.entry.epoch

    def append(self, fragment: Fragment, arrived: Clock) -> FragmentEntry:
        """The fragment is durable when this returns."""
        entry = FragmentEntry(
            n=self.fragments + 1,
            off=self.size,
            len=len(fragment.data),
            t=round(fragment.time, 6),
            d=round(fragment.seconds, 6),
            key=fragment.key,
            mono=round(arrived.mono, 6),
            wall=round(arrived.wall, 6),
            sha=hashlib.sha256(fragment.data).hexdigest(),
        )
        self._write(fragment.data)
        try:
            _write_all(self._journal, journals.line(entry))
            os.fdatasync(self._media)
            os.fdatasync(self._journal)
        except OSError:
            os.ftruncate(self._media, self.size)
            raise
        self._accept(fragment.data)
        self.fragments += 1
        self.seconds = max(self.seconds, fragment.time + fragment.seconds)
        self._arrivals.add(entry.t + entry.d, entry.mono)
        return entry

    def close(self, ended: str) -> Take | None:
        """Writes the facts. A take without a single fragment is taken away, and None returned."""
        os.close(self._media)
        os.close(self._journal)
        if not self.fragments:
            _remove(self.file)
            return None
        take = _take(
            self.entry,
            size=self.size,
            sha256=self._sha.hexdigest(),
            clock=self._arrivals.clock(self.entry.mono) if self.entry.epoch is None else MediaClock(self.entry.epoch),
            seconds=self.seconds,
            ended=ended,
        )
        write_atomically(self.file.with_suffix(".json"), _facts(take))
        return take

    def _write(self, data: bytes) -> None:
        try:
            _write_all(self._media, data)
        except OSError:
            os.ftruncate(self._media, self.size)
            raise

    def _accept(self, data: bytes) -> None:
        self._sha.update(data)
        self.size += len(data)


def take_numbers(folder: Path) -> list[int]:
    """Numbers of the takes in a source's folder, closed or not; also of one of which a cut left only a part."""
    parts = (path for path in folder.glob("take-*") if path.suffix in PARTS)
    names = {path.stem.removeprefix("take-") for path in parts}
    return sorted(int(name) for name in names if name.isdigit())


def closed_take(file: Path) -> Take | None:
    """The facts of a take that was closed in order or salvaged; None when it was neither."""
    try:
        return Take(**json.loads(file.with_suffix(".json").read_bytes()))
    except FileNotFoundError:
        return None


def salvage(file: Path, ended: str = "cut") -> Take:
    """Make a cut-off take whole: truncate it to its last fragment that is there and proven by hash, and close it.

    Its sha256 is empty until it is sealed. Idempotent, and may itself be cut off at any instant. Raises Unsalvageable
    (nothing recorded is lost by that), OSError.
    """
    found = closed_take(file)
    if found is not None:
        return found
    try:
        journal = journals.read(file.with_suffix(".journal"))
    except (journals.BadJournal, FileNotFoundError) as error:
        raise Unsalvageable(f"{file.name} has no readable journal.") from error
    if not file.exists():
        raise Unsalvageable(f"{file.name} is not there, only its journal.")
    with file.open("r+b") as media:
        whole = _proven(media.fileno(), journal)
        if not whole.fragments:
            raise Unsalvageable(f"{file.name} holds no whole fragment.")
        media.truncate(whole.end)
        os.fsync(media.fileno())
    journals.shorten(file.with_suffix(".journal"), len(whole.fragments))
    take = _take(whole.take, size=whole.end, sha256="", clock=whole.clock, seconds=whole.seconds, ended=ended)
    write_atomically(file.with_suffix(".json"), _facts(take))
    return take


def seal(file: Path, given_up: threading.Event, *, gently: bool) -> Take | None:
    """Give a salvaged take the SHA-256 of its whole file, durably; of a sealed one, just its facts.

    gently: rest as long as it works, for a recording goes on. None if it was given up. Raises FileNotFoundError when
    the take is not closed, OSError.
    """
    take = closed_take(file)
    if take is None:
        raise FileNotFoundError(f"{file.name} is not closed.")
    if take.sha256:
        return take
    digest = hashlib.sha256()
    with file.open("rb", buffering=0) as media:
        began = time.monotonic()
        while chunk := media.read(SEAL_CHUNK):
            digest.update(chunk)
            if given_up.wait(time.monotonic() - began if gently else 0.0):
                return None
            began = time.monotonic()
    take.sha256 = digest.hexdigest()
    write_atomically(file.with_suffix(".json"), _facts(take))
    return take


def salvage_folder(folder: Path) -> tuple[list[Take], list[str]]:
    """All takes of a source's folder, made whole where needed, and one sentence for each that held nothing.

    Only while no keeper writes there.
    """
    takes: list[Take] = []
    lost: list[str] = []
    for number in take_numbers(folder):
        file = folder / f"take-{number:03d}.mp4"
        try:
            takes.append(salvage(file))
        except Unsalvageable as error:
            lost.append(str(error))
            # Kept for a human to look at, out of the way of what counts takes.
            aside = _unused(folder, f"empty-{file.stem}")
            for suffix in PARTS:
                part = file.with_suffix(suffix)
                if part.exists():
                    part.rename(folder / f"{aside}{suffix}")
    return takes, lost


def _unused(folder: Path, stem: str) -> str:
    """The stem itself, or with the first number under which no part of a take lies in the folder."""
    names = itertools.chain([stem], (f"{stem}-{number}" for number in itertools.count(2)))
    return next(name for name in names if not any((folder / f"{name}{suffix}").exists() for suffix in PARTS))


def _proven(descriptor: int, journal: Journal) -> Journal:
    """The journal up to the last fragment whose bytes are there with the right hash."""
    size = os.fstat(descriptor).st_size
    fragments = list(journal.fragments)
    while fragments and fragments[-1].end > size:
        fragments.pop()
    tail = fragments[-PROVEN_TAIL:]
    head = fragments[: len(fragments) - len(tail)]
    proven: list[FragmentEntry] = []
    for entry in tail:
        if hashlib.sha256(os.pread(descriptor, entry.len, entry.off)).hexdigest() != entry.sha:
            break
        proven.append(entry)
    if not head and hashlib.sha256(os.pread(descriptor, journal.take.init, 0)).hexdigest() != journal.take.init_sha:
        proven = []
    return Journal(journal.take, head + proven)


def _take(entry: TakeEntry, *, size: int, sha256: str, clock: MediaClock, seconds: float, ended: str) -> Take:
    return Take(
        source=entry.source,
        number=entry.take,
        span=entry.span,
        file=take_file(entry.source, entry.take),
        bytes=size,
        sha256=sha256,
        epoch=round(clock.epoch, 6),
        pace=round(clock.pace, 9),
        seconds=round(seconds, 6),
        ended=ended,
        codec=entry.codec,
        width=entry.width,
        height=entry.height,
        sample_rate=entry.sample_rate,
    )


def _facts(take: Take) -> bytes:
    return json.dumps(asdict(take), indent=1).encode() + b"\n"


def _remove(file: Path) -> None:
    for suffix in PARTS:
        file.with_suffix(suffix).unlink(missing_ok=True)


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
