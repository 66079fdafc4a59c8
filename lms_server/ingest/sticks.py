"""What rooms without a link have put on a stick, taken in; and the receipts for it, put back. See ``wire.bundle``.

Nothing on a stick is believed but what an enrolled room has signed, nothing outside of it is followed, nothing of it is
executed. Bytes go the way of every upload: the same offsets, the same proof of the whole, the same receipts. So an
import can be killed and begun again, can run while the server runs, and changes nothing the second time; and a file
that came in part goes on from there by the next stick or the link.

A bundle that is refused costs one sentence, and the rest of the stick is taken all the same.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import anyio
from joserfc import jwk
from starlette.requests import Request
from starlette.types import Message

from lms_server.catalog.rooms import Rooms
from lms_server.catalog.tables import Room, UploadRow
from lms_server.catalog.uploads import Uploads
from lms_server.errors import Busy, Conflict, NotFound, ServerError, StartError, StoreFull, TooLarge
from lms_server.ingest.body import Body
from lms_server.ingest.headers import parse_asset
from lms_server.ingest.ingest import Ingest
from lms_server.ingest.intake import Proof
from lms_server.settings import Settings
from lms_sync import wire
from lms_sync.wire import bundle, sealing
from lms_sync.wire.bundle import BadBundle, Entry, Manifest, Segment
from lms_sync.wire.stick import Folder, NotPlain

MANIFESTS = 8
"""As many of the newest are looked at until one is good."""
TRIES = 20
"""Times an upload is tried again that its room is sending by the link in this moment."""
TRY_AGAIN = 0.5
"""Seconds between them."""
_READ = 1024 * 1024

Moved = Callable[[str, int], None]
"""Told the path of a file, and how many bytes of it have been dealt with."""


class Refused(Exception):
    """Why something on the stick is not taken: one sentence."""


@dataclass(frozen=True, slots=True)
class Half:
    """A file of which the server has so many bytes now."""

    asset: wire.Asset
    has: int

    def as_json(self) -> dict[str, Any]:
        return {"lesson": self.asset.lesson, "path": self.asset.path, "bytes": self.asset.bytes, "has": self.has}


@dataclass(slots=True)
class BundleReport:
    """stored: files that this import made whole; known: those the server had; half: those it has in part. receipts: as
    many were written to the stick. refused: a sentence each."""

    folder: str
    room: str = ""
    stored: int = 0
    known: int = 0
    bytes: int = 0
    receipts: int = 0
    half: list[Half] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    hint: str = ""

    def as_json(self) -> dict[str, Any]:
        facts = {name: getattr(self, name) for name in ("folder", "room", "stored", "known", "bytes", "receipts")}
        return {**facts, "half": [half.as_json() for half in self.half], "refused": self.refused, "hint": self.hint}


class Sticks:
    def __init__(
        self,
        *,
        settings: Settings,
        rooms: Rooms,
        uploads: Uploads,
        ingest: Ingest,
        key: jwk.OKPKey,
        sealing_key: jwk.OKPKey,
    ) -> None:
        """key: signs receipts; sealing_key: opens what was sealed for this server."""
        self._settings = settings
        self._rooms = rooms
        self._uploads = uploads
        self._ingest = ingest
        self._sealing_key = sealing_key
        self._addressed = bundle.addressed_to(key, sealing_key)

    async def take_in(self, stick: Path, begun: Callable[[int], None], moved: Moved) -> list[BundleReport]:
        """Everything on a stick, room by room. begun: told of more bytes that are to be dealt with.

        Raises StartError when there is nothing of ours on it, StoreFull when the server's disk is full.
        """
        nothing = f"There is nothing of a Darsbox room on {stick}; name the folder where the stick is mounted."
        reports: list[BundleReport] = []
        try:
            with Folder.at(stick) as top, top.folder(bundle.FOLDER) as folder:
                for name in (name for name in folder.names() if not name.startswith(".")):
                    report = BundleReport(name)
                    reports.append(report)
                    await self._take(folder, report, begun, moved)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise StartError(nothing) from error
        except NotPlain as error:
            raise StartError(f"{error.strerror}; {stick} was not taken in.") from error
        if not reports:
            raise StartError(nothing)
        return reports

    async def _take(self, folder: Folder, report: BundleReport, begun: Callable[[int], None], moved: Moved) -> None:
        """Raises StoreFull."""
        try:
            with folder.folder(report.folder) as ours:
                found = self._manifest(ours, report)
                if found is None:
                    return
                manifest, room = found
                report.room = room.name
                begun(sum(entry.here for entry in manifest.entries))
                for entry in manifest.entries:
                    await self._file(ours, room, entry, report, moved)
        except NotPlain as error:
            report.refused.append(f"{report.folder[:40]!r}: {error.strerror}.")
        except OSError as error:
            if isinstance(error.filename, str) and Path(error.filename).is_absolute():
                raise  # names on the stick are single names: this is the server's own disk
            report.refused.append(f"{report.folder[:40]!r} cannot be read any further: {error.strerror}.")

    # -- whose it is
    # ----------------------------------------------------------------------------------------------------

    def _manifest(self, ours: Folder, report: BundleReport) -> tuple[Manifest, Room] | None:
        """The newest that its room signed. Those that nobody may have written are refused, each with a sentence."""
        numbers = [number for name in ours.names() if (number := bundle.number_of(name, "jws")) is not None]
        for number in sorted(numbers, reverse=True)[:MANIFESTS]:
            name = bundle.manifest_name(number)
            try:
                return self._judge(ours.read(name, bundle.LARGEST_MANIFEST + bundle.LARGEST_HEAD))
            except (Refused, BadBundle) as error:
                report.refused.append(f"{report.folder[:40]!r}, {name}: {error}")
            except NotPlain as error:
                report.refused.append(f"{report.folder[:40]!r}: {error.strerror}.")
        if not numbers:
            report.refused.append(f"{report.folder[:40]!r} holds no list that a room has signed.")
        return None

    def _judge(self, data: bytes) -> tuple[Manifest, Room]:
        """Raises Refused, BadBundle."""
        if len(data) > bundle.LARGEST_MANIFEST + bundle.LARGEST_HEAD:
            raise Refused("It is far too large to be a list of lessons.")
        head = bundle.claimed(data)
        if (head.server, head.sealed_for) != self._addressed:
            raise Refused("It is for another server than this one, or for keys that this one no longer has.")
        room = self._rooms.find(head.room)
        if room is None:
            raise Refused("It is of a room that is not enrolled here.")
        if room.revoked is not None:
            raise Refused(f"{room.name} was shut out of this server; enrol it again, then export again.")
        try:
            key = wire.load_key(room.public_key)
        except wire.BadSignature as error:
            raise Refused(f"The key of {room.name} cannot be read: {error}") from error
        return bundle.verify(data, key), room

    # -- one file
    # -------------------------------------------------------------------------------------------------------

    async def _file(self, ours: Folder, room: Room, entry: Entry, report: BundleReport, moved: Moved) -> None:
        """Raises StoreFull, OSError."""
        what = f"{entry.path} of {entry.lesson}"
        try:
            first, row, refused = await self._bring(ours, room, entry, moved)
        except StoreFull:
            raise
        except ServerError as error:
            report.refused.append(f"{what}: {error.detail}")
            return
        if refused:
            report.refused.append(f"{what}: {refused}")
        report.bytes += max(0, row.offset - first.offset)
        if row.state == "stored":
            report.known += first.state == "stored"
            report.stored += first.state != "stored"
            self._answer(ours, entry.asset, row, report)
        elif row.offset:
            report.half.append(Half(entry.asset, row.offset))
            self._answer_half(ours, room, entry.asset, row.offset, report)

    async def _bring(self, ours: Folder, room: Room, entry: Entry, moved: Moved) -> tuple[UploadRow, UploadRow, str]:
        """The upload as it was, as it is now, and why not all of the segments were taken, "" when they were. Raises
        ServerError, OSError."""
        asset = parse_asset(entry.asset.metadata(), entry.bytes, foreign=False)
        if asset.bytes > self._settings.max_upload:
            raise TooLarge("too-large", f"The server takes at most {self._settings.max_upload} bytes in one file.")
        first = row = self._uploads.create(room, asset, join=True)
        for last in (number == TRIES for number in range(1, TRIES + 1)):
            try:
                await self._append(ours, room, entry, row, moved)
                refused = ""
            except Refused as error:
                refused = str(error)
            except (Busy, Conflict, NotFound):  # the room, by its link, in this very moment
                if last:
                    raise
                await anyio.sleep(TRY_AGAIN)
                row = self._uploads.create(room, asset, join=True)
                continue
            return first, self._uploads.get(row.id) or row, refused
        raise AssertionError("The last try returns or raises.")

    async def _append(self, ours: Folder, room: Room, entry: Entry, row: UploadRow, moved: Moved) -> None:
        """Every byte that fits to where the upload stands. Raises ServerError, Refused, OSError."""
        for segment in entry.segments:
            if row.state == "open" and segment.end > row.offset:
                if segment.offset > row.offset:
                    raise Refused(
                        f"The stick goes on at byte {segment.offset}, but the server has only {row.offset}; import the "
                        f"stick before this one first, or export again with --whole."
                    )
                row = await self._segment(ours, room, entry, segment, row)
            moved(entry.path, segment.length)
        if row.state != "stored" and row.offset == row.length:
            self._ingest.finish(row.id)

    async def _segment(self, ours: Folder, room: Room, entry: Entry, segment: Segment, row: UploadRow) -> UploadRow:
        about = sealing.context(room.id, entry.asset, segment.offset, segment.length)
        try:
            with ours.open(segment.file) as file:
                _prove(file, segment)
                pieces = _skip(
                    sealing.unseal(file, self._sealing_key, about, segment.length), row.offset - segment.offset
                )
                return await self._ingest.append(
                    row.id,
                    row.offset,
                    _body(pieces),
                    announced=segment.end - row.offset,
                    proof=Proof(),
                )
        except FileNotFoundError as error:
            raise Refused(f"{segment.file} is missing on the stick; export again.") from error
        except NotPlain as error:
            raise Refused(f"{error.strerror}.") from error
        except sealing.BadSeal as error:
            raise Refused(f"{segment.file} cannot be opened. {error}") from error

    # -- the answer
    # -----------------------------------------------------------------------------------------------------

    def _answer(self, ours: Folder, asset: wire.Asset, row: UploadRow, report: BundleReport) -> None:
        """Put the receipt on the stick; where that cannot be written, the link brings it."""
        receipt = self._uploads.receipt(row)
        if receipt is not None:
            report.receipts += self._put(ours, bundle.RECEIPTS, asset, receipt, report)

    def _answer_half(self, ours: Folder, room: Room, asset: wire.Asset, has: int, report: BundleReport) -> None:
        """So that one stick is enough for a file larger than it: the next export goes on there, in the same room."""
        self._put(ours, bundle.HALVES, asset, self._ingest.half(asset, room.id, has), report)

    @staticmethod
    def _put(ours: Folder, where: str, asset: wire.Asset, signed: str, report: BundleReport) -> bool:
        """Whether it was not there yet, and now is."""
        name = bundle.receipt_name(asset)
        if report.hint:
            return False
        try:
            with ours.folder(where, make=True) as folder:
                if name in folder.names() and folder.read(name, bundle.LARGEST_RECEIPT) == signed.encode():
                    return False
                folder.write(name, signed.encode())
        except OSError as error:
            report.hint = f"Receipts cannot be written to the stick ({error.strerror}); the room gets them by its link."
            return False
        return True


def _prove(file: BinaryIO, segment: Segment) -> None:
    """What lies there is, to the byte, what the room signed for. Raises Refused, OSError."""
    if os.fstat(file.fileno()).st_size != segment.bytes:
        raise Refused(f"{segment.file} was cut off, or has grown, since the room wrote it; export again.")
    digest = hashlib.sha256()
    while piece := file.read(_READ):
        digest.update(piece)
    if digest.hexdigest() != segment.sha256:
        raise Refused(f"{segment.file} is not what the room wrote: the stick is damaged, or it was changed.")
    file.seek(0)


def _skip(pieces: Iterator[bytes], count: int) -> Iterator[bytes]:
    """Without the first bytes: the server has them."""
    for piece in pieces:
        if count < len(piece):
            yield piece[count:]
        count = max(0, count - len(piece))


def _body(pieces: Iterator[bytes]) -> Body:
    """As a request brings it, though no network was there."""

    async def receive() -> Message:
        piece = next(pieces, None)
        return {"type": "http.request", "body": piece or b"", "more_body": piece is not None}

    return Body(Request({"type": "http", "method": "PATCH", "headers": []}, receive))
