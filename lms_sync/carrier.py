"""This room's bundle on a stick, as it is there: what of it is whole, and how more is added. See ``wire.bundle``.

It may be killed, and the stick pulled out, at any instant: a segment counts once a signed manifest lists it, and a
manifest is durable before the one before goes. Whatever else lies in the room's folder is left over from such an
instant, and is removed.

    OSError
    ├── StickBad        it does not give back what was written to it; one sentence
    └── StickFull       there is no room for it
"""

from __future__ import annotations

import errno
import hashlib
import time
from collections.abc import Callable, Iterable

from joserfc.jwk import OKPKey
from ulid import ULID

from appliance.spool.layout import Spool, make_directory, write_atomically
from lms_sync import wire
from lms_sync.identity import Identity
from lms_sync.localfile import LocalFile
from lms_sync.wire import bundle, sealing
from lms_sync.wire.bundle import Entry, Manifest, Segment
from lms_sync.wire.stick import Folder, NotPlain

Key = tuple[str, str]
"""A lesson's id and a path in it."""
Space = tuple[int, int]
"""Bytes free, and bytes of the smallest piece the file system hands out."""

RESERVE = 1024 * 1024
"""Bytes left free, beside what the manifests and the server's receipts will need."""
SMALLEST = 1024 * 1024
"""Bytes of a file that are worth a segment of their own, when the stick has no room for the rest of it."""
SAVE_EVERY = 2.0
"""Seconds between two manifests while segments are written."""
_PER_FILE, _PER_SEGMENT = 400, 200
"""Bytes of a manifest, amply."""
_READ = 1024 * 1024
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class StickBad(OSError):
    """strerror is one sentence."""


class StickFull(OSError):
    """strerror is one sentence."""


def records(spool: Spool, key: OKPKey) -> Iterable[Manifest]:
    """What this room has put on sticks, each as it last was, by the copies kept in ``spool/sticks``."""
    folder = spool.root / "sticks"
    for file in sorted(folder.glob("*.jws")) if folder.is_dir() else []:
        try:
            yield bundle.verify(file.read_bytes(), key)
        except bundle.BadBundle:
            file.unlink(missing_ok=True)  # of a key that this room no longer has


def forget(spool: Spool, bundle_id: str) -> None:
    """Nothing that was on that stick is on its way any more."""
    (spool.root / "sticks" / f"{bundle_id}.jws").unlink(missing_ok=True)


class Carrier:
    """ours: the room's folder on the stick. space: for tests; what the stick says otherwise."""

    def __init__(
        self,
        spool: Spool,
        who: Identity,
        sealing_key: OKPKey,
        ours: Folder,
        *,
        space: Callable[[], Space] | None = None,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._spool = spool
        self._who = who
        self._sealing_key = sealing_key
        self._ours = ours
        self._space = space or ours.free
        self._steady = steady
        self._addressed = bundle.addressed_to(who.server_key, sealing_key)
        self._assets: dict[Key, wire.Asset] = {}
        self._segments: dict[Key, list[Segment]] = {}
        self._manifest = self._newest()
        self.bundle = self._manifest.bundle if self._manifest else str(ULID())
        self._number = self._manifest.number if self._manifest else 0
        self._next = 1
        self._saved_at = steady()
        self._unsaved = False

    # -- what is there
    # --------------------------------------------------------------------------------------------------

    def entries(self) -> tuple[Entry, ...]:
        """Every file that is on the stick, wholly or in part, in the order of sending."""
        return tuple(
            Entry.of(self._assets[key], tuple(sorted(self._segments[key], key=lambda segment: segment.offset)))
            for key in sorted(self._assets, key=lambda key: (wire.TIERS.index(self._assets[key].tier), *key))
        )

    def segments(self, key: Key) -> list[Segment]:
        return self._segments.get(key, [])

    def take_stock(self, wanted: Callable[[Entry, Segment], bool], listed: Callable[[Entry], bool]) -> None:
        """Keep what an earlier export left here, as far as it is still to be carried and can be read back whole; the
        rest is removed. Raises OSError."""
        for entry in self._manifest.entries if self._manifest else ():
            kept = [segment for segment in entry.segments if wanted(entry, segment) and self._whole(segment)]
            if kept or (not entry.segments and listed(entry)):
                self._assets[entry.lesson, entry.path] = entry.asset
                self._segments[entry.lesson, entry.path] = kept
        if self._manifest is not None and self.entries() != self._manifest.entries:
            self.save()
        self._tidy()
        numbers = (bundle.number_of(part.file, "seg") or 0 for parts in self._segments.values() for part in parts)
        self._next = max(numbers, default=0) + 1

    def _newest(self) -> Manifest | None:
        """The manifest of the highest number that is ours and for our server."""
        numbers = [number for name in self._ours.names() if (number := bundle.number_of(name, "jws")) is not None]
        for number in sorted(numbers, reverse=True):
            try:
                data = self._ours.read(bundle.manifest_name(number), bundle.LARGEST_MANIFEST + bundle.LARGEST_HEAD)
                found = bundle.verify(data, self._who.key)
            except (bundle.BadBundle, NotPlain):
                continue
            if (found.room, found.server, found.sealed_for) == (self._who.room, *self._addressed):
                return found
        return None

    def _whole(self, segment: Segment) -> bool:
        """Whether it lies there to the byte."""
        digest, size = hashlib.sha256(), 0
        try:
            with self._ours.open(segment.file) as file:
                while piece := file.read(_READ):
                    digest.update(piece)
                    size += len(piece)
        except (FileNotFoundError, NotPlain):
            return False
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            return False
        return (size, digest.hexdigest()) == (segment.bytes, segment.sha256)

    def _tidy(self) -> None:
        """Remove what no manifest lists."""
        known = {segment.file for segments in self._segments.values() for segment in segments}
        if self._manifest is not None:
            known.add(bundle.manifest_name(self._manifest.number))
        for name in self._ours.names():
            kind = name.removesuffix(".new")
            ours = bundle.number_of(kind, "seg") is not None or bundle.number_of(kind, "jws") is not None
            if ours and name not in known:
                self._ours.remove(name)
        self._ours.sync()

    # -- adding
    # ---------------------------------------------------------------------------------------------------------

    @property
    def free(self) -> int:
        """Bytes of the stick that nobody uses."""
        return self._space()[0]

    def room_for(self, missing: int) -> int:
        """Bytes of a file that fit into the next segment, when so many are missing; 0 when it is not worth one."""
        free, block = self._space()
        segments = sum(map(len, self._segments.values())) + 1
        files = len(self._assets) + 1
        reserve = RESERVE + 2 * (_PER_FILE * files + _PER_SEGMENT * segments) + files * max(block, 4096)
        room = (free - reserve) // block * block - sealing.LARGEST_WRAP - 16
        fits = room - sealing.TAG * (1 + max(0, room) // sealing.FRAME)
        found = min(missing, bundle.SEGMENT, fits)
        return found if found >= min(missing, SMALLEST) else 0

    async def add(
        self, asset: wire.Asset, file: LocalFile, offset: int, length: int, wrote: Callable[[int], None]
    ) -> None:
        """Write and read back one segment; length 0 for an empty file, which has none. wrote: told of each frame's
        bytes.

        Raises LocalFileError, StickFull, StickBad, OSError.
        """
        if length:
            segment = await self._write(asset, file, offset, length, wrote)
            if not self._whole(segment):
                self._ours.remove(segment.file)
                raise StickBad(errno.EIO, "The stick does not give back what was written to it; use another one.")
        else:
            await file.verify()
        key = asset.lesson, asset.path
        self._assets[key] = asset
        self._segments.setdefault(key, [])
        if length:
            self._segments[key].append(segment)
        self._unsaved = True
        if self._steady() - self._saved_at >= SAVE_EVERY:
            self.save()

    async def _write(
        self, asset: wire.Asset, file: LocalFile, offset: int, length: int, wrote: Callable[[int], None]
    ) -> Segment:
        name = bundle.segment_name(self._next)
        self._next += 1
        sealer = sealing.Sealer(self._sealing_key, sealing.context(self._who.room, asset, offset, length))
        digest, size = hashlib.sha256(sealer.head), len(sealer.head)
        try:
            with self._ours.create(name) as out:
                out.write(sealer.head)
                for at in range(0, length, sealing.FRAME):
                    plain = await file.read(offset + at, min(sealing.FRAME, length - at))
                    sealed = sealer.frame(plain, last=at + len(plain) == length)
                    out.write(sealed)
                    digest.update(sealed)
                    size += len(sealed)
                    wrote(len(plain))
            self._ours.sync()
        except OSError as error:
            raise _full(error) from error
        return Segment(file=name, offset=offset, length=length, bytes=size, sha256=digest.hexdigest())

    def drop(self, key: Key) -> None:
        """Carry nothing of this file: it is not what it should be."""
        self._assets.pop(key, None)
        self._segments.pop(key, None)
        self._unsaved = True

    def save(self) -> None:
        """Sign for what is there now. Raises StickFull, OSError."""
        before = self._manifest
        self._number += 1
        manifest = Manifest(
            self.bundle, self._who.room, *self._addressed, self._number, float(int(time.time())), self.entries()
        )
        data = manifest.sign(self._who.key)
        try:
            self._ours.write(bundle.manifest_name(self._number), data)
        except OSError as error:
            raise _full(error) from error
        self._manifest = manifest
        if before is not None:
            self._ours.remove(bundle.manifest_name(before.number))
        copies = self._spool.root / "sticks"
        make_directory(copies)
        write_atomically(copies / f"{self.bundle}.jws", data)
        self._saved_at, self._unsaved = self._steady(), False

    def finish(self) -> None:
        """Raises StickFull, OSError."""
        if self._unsaved:
            self.save()
            self._tidy()
        if not self._assets:
            forget(self._spool, self.bundle)


def _full(error: OSError) -> OSError:
    if error.errno in FULL:
        return StickFull(error.errno, "The stick is full")
    return error
