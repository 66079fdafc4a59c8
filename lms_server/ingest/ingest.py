"""Bytes in, receipts out: the life of an upload from its first byte to the store.

    open ──(bytes, fsynced)──► open, offset = length ──(SHA-256 right)──► verifying ──(in the store)──► stored, receipt
                                                     └─(wrong)──► dropped, nothing stored

Every arrow can be taken again after a kill, and by two processes at once: the offset moves by comparison with where it
was, the whole is proven again from what is durable, adopting what the store has is no error. See ``parts``.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import structlog
from joserfc import jwk
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from lms_server.catalog.tables import Room, UploadRow
from lms_server.catalog.uploads import PARTIAL, Card, Uploads, asset_of
from lms_server.errors import (
    BadRequest,
    Busy,
    ChecksumMismatch,
    Conflict,
    NotFound,
    ServerError,
    TooLarge,
)
from lms_server.ingest.behind import Behind
from lms_server.ingest.body import Body
from lms_server.ingest.holds import Hold, Holds
from lms_server.ingest.intake import Intake, Proof
from lms_server.ingest.manifest import MAX_BYTES, read_card
from lms_server.ingest.parts import Gone, Part, Parts, Whole, full_disk_told, lost, overtaken
from lms_server.settings import Settings
from lms_server.store import Store
from lms_sync import wire
from media.lesson import BadLesson

if TYPE_CHECKING:
    from hashlib import _Hash

WRITE_BYTES = 4 * 1024 * 1024
"""Gathered before a thread writes them: memory is bounded by twice this and one network read per connection."""
CHECKPOINT_BYTES = 32 * 1024 * 1024
CHECKPOINT_SECONDS = 5.0
"""Of a body that may be kept in part so much is made durable at a time, so that a kill costs no more."""
REMEMBERED_HASHES = 512
PROVING = 8
"""Wholes that one process proves and stores at a time, in threads that no other request waits for: each may read a
whole file, and needs some tens of MiB of memory where it is joined of many objects."""
log = structlog.get_logger(__name__)


class Ingest:
    def __init__(
        self,
        *,
        settings: Settings,
        uploads: Uploads,
        parts: Parts,
        store: Store,
        key: jwk.OKPKey,
        clock: Callable[[], float],
        on_stored: Callable[[int], None],
    ) -> None:
        """on_stored: told the bytes of every asset stored, for the metrics."""
        self._settings = settings
        self._uploads = uploads
        self._parts = parts
        self._store = store
        self._key = key
        self._clock = clock
        self._on_stored = on_stored
        self._holds = Holds()
        self._proving = anyio.CapacityLimiter(PROVING)
        self._hashes: OrderedDict[str, tuple[int, _Hash]] = OrderedDict()

    # -- one upload
    # ------------------------------------------------------------------------------------------------------

    async def offset(self, upload_id: str) -> UploadRow:
        """The upload as the next PATCH will find it: a request that is still reading for it is stopped. Raises
        NotFound."""
        await self._holds.interrupt(upload_id, patience=5.0)
        row = await self._row(upload_id)
        left = row.state == "verifying" and not self._holds.held(upload_id)  # by a process that was killed
        if row.offset == row.length and (row.state == "open" or left):
            async with self._holds.of(upload_id):
                try:
                    row = await self._finish(upload_id)
                except Busy:  # another process proves it
                    row = await self._row(upload_id)
        return row

    async def append(
        self,
        upload_id: str,
        offset: int,
        body: Body,
        *,
        announced: int | None,
        proof: Proof,
    ) -> UploadRow:
        """Append a request's body at exactly this offset; the upload as it is then.

        announced: the Content-Length. Of a body with pieces all is kept up to where the connection broke or the first
        damaged piece begins. One that is not what its checksum or its signature says is not kept at all. Without
        either, what arrived before the connection broke is kept: the whole is proven in the end in any case.
        Raises Conflict, TooLarge, ChecksumMismatch, Unauthenticated, StoreFull, NotFound, Busy, BadRequest.
        """
        async with self._holds.of(upload_id) as hold:
            row = await self._row(upload_id)
            if offset != row.offset:
                raise _wrong_offset(row)
            if announced is not None and offset + announced > row.length:
                raise _too_large(row)
            if row.state == "open" and offset < row.length:
                part = await run_in_threadpool(self._open, row)
                try:
                    await self._take_in(row, part, body=body, hold=hold, proof=proof)
                except ServerError:
                    await run_in_threadpool(part.take_back)
                    raise
                finally:
                    await run_in_threadpool(part.close)
            return await self._finish(upload_id)

    async def declare(self, upload_id: str, offset: int, length: int) -> None:
        """The length of an upload that was created without one; said again it changes nothing. Raises Conflict,
        NotFound, Busy, BadRequest."""
        async with self._holds.of(upload_id):
            row = await self._row(upload_id)
            if not row.deferred and length != row.length:
                raise BadRequest("bad-header", f"The upload has {row.length} bytes; its length cannot change.")
            if row.deferred:
                if offset != row.offset:
                    raise _wrong_offset(row)
                if length < offset:
                    raise BadRequest("bad-header", f"The upload has {offset} bytes already; it cannot end before.")
                if not await run_in_threadpool(self._uploads.declare, upload_id, offset, length):
                    raise overtaken()

    async def finish_new(self, upload_id: str) -> UploadRow:
        """An upload of no bytes, of those that its room has sent before, or whose every byte came while it grew, is
        whole when it is created. Raises ChecksumMismatch when what grew is something else: the upload is gone then."""
        async with self._holds.of(upload_id):
            await run_in_threadpool(self._adopt, upload_id)
            return await self._finish(upload_id)

    async def join(self, upload_id: str, parts: Sequence[UploadRow]) -> UploadRow:
        """Fill a new upload with the bytes of whole parts, in this order; they are gone then.

        What fails leaves the parts as they were, to be joined anew, and the upload of a room without a byte; a foreign
        client's, of which it knows no address yet, is gone. A kill leaves the same, or every byte of the whole: then
        it is finished at the next start.
        Raises StoreFull, NotFound when a part lost its bytes (that part is gone then), ChecksumMismatch when the whole
        is not what was announced (the upload is gone then), Busy when another process joins them.
        """
        async with AsyncExitStack() as holds:
            for name in sorted({upload_id, *(part.id for part in parts)}):  # in one order, for two who want the same
                await holds.enter_async_context(self._holds.of(name))
            row = await self._row(upload_id)
            if row.state == "open" and row.offset == 0:
                await run_in_threadpool(self._join, row, parts)
            row = await self._finish(upload_id)
            if row.state == "stored":
                for part in parts:
                    await run_in_threadpool(self._forget, part.id)
        return row

    def _join(self, upload: UploadRow, parts: Sequence[UploadRow]) -> None:
        try:
            try:
                self._parts.join(upload, parts)
            except Gone as error:
                raise self._lost(next((part for part in parts if part.id == error.what), upload)) from error
        except ServerError:
            if upload.asset_key is None:  # nobody can find it
                self._forget(upload.id)
            raise

    async def take_whole(self, room: Room, asset: wire.Asset, file: Path) -> None:
        """Store and receipt an asset whose every byte lies in a file beside the uploads, durable and hashed. The file
        is gone then; an asset that was taken in before stays as it is. Raises StoreFull, Forbidden, and NotFound when
        the disk has lost it."""
        row = await run_in_threadpool(lambda: self._uploads.create(room, asset, join=True))
        async with self._holds.of(row.id):
            await run_in_threadpool(self._place, row.id, asset.sha256, file)
            await self._finish(row.id)

    def _place(self, upload_id: str, sha256: str, file: Path) -> None:
        row = self._uploads.get(upload_id)
        if row is not None and row.state == "open":
            if file.exists():
                with full_disk_told():
                    self._store.adopt(file, sha256)
            elif self._store.size(sha256) != row.length:  # else it was adopted, and the process killed
                raise self._lost(row)
            self._uploads.verifying(upload_id, sha256)
        file.unlink(missing_ok=True)

    def _adopt(self, upload_id: str) -> None:
        row = self._uploads.get(upload_id)
        if row is None or row.state != "open" or row.offset or not row.sha256:
            return
        if self._store.size(row.sha256) == row.length and self._uploads.sent_before(row):
            self._uploads.verifying(upload_id, row.sha256)

    async def drop(self, upload_id: str) -> None:
        """Forget an upload; what it stored stays stored."""
        async with self._holds.of(upload_id):
            await run_in_threadpool(self._forget, upload_id)

    # -- bytes
    # -----------------------------------------------------------------------------------------------------------

    async def _take_in(self, row: UploadRow, part: Part, *, body: Body, hold: Hold, proof: Proof) -> None:
        intake = Intake(part, self._recall(row), proof)
        behind = Behind()
        try:
            broken = await self._read(row, intake, behind, body, hold)
        finally:
            await behind.settle()
        if broken and not intake.damaged and not intake.partial and proof.checksum is not None:
            raise Busy("upload-cut", "The connection broke before the body was whole; send it again.")
        if not broken and not intake.damaged:
            await run_in_threadpool(intake.end)
        await run_in_threadpool(part.commit)
        self._remember(row.id, intake)
        if intake.damaged:
            raise ChecksumMismatch(
                "checksum-mismatch",
                f"A piece of the body arrived damaged; send on from {part.end}.",
                headers={"Upload-Offset": str(part.end)},
                offset=part.end,
            )
        if broken:
            raise Busy("upload-cut", "The connection broke before the body was whole; ask for the offset and go on.")

    async def _read(self, row: UploadRow, intake: Intake, behind: Behind, body: Body, hold: Hold) -> bool:
        """The body as far as it comes, handed over to be written; whether it broke off."""
        room, come = row.length - row.offset, 0
        durable_at = anyio.current_time()
        gathered: list[bytes] = []
        held = 0
        broken = True
        with anyio.CancelScope() as scope:
            hold.reading = scope
            hold.heard()
            try:
                iterator = body.__aiter__()
                while not intake.damaged:
                    with anyio.fail_after(self._settings.body_seconds):
                        piece = await anext(iterator, None)
                    if piece is None:
                        broken = False
                        break
                    hold.heard()
                    come += len(piece)
                    if come > room:
                        raise _too_large(row)
                    gathered.append(piece)
                    held += len(piece)
                    due = intake.partial and anyio.current_time() - durable_at >= CHECKPOINT_SECONDS
                    if due or held >= WRITE_BYTES:
                        await behind.settle()
                        self._remember(row.id, intake)
                        full = intake.part.end + held - intake.part.start >= CHECKPOINT_BYTES
                        commits = due or (intake.partial and full)
                        await behind.hand(partial(intake.write, gathered, commits=commits))
                        gathered, held = [], 0
                        if commits:
                            durable_at = anyio.current_time()
            except (ClientDisconnect, TimeoutError):
                log.info("upload cut", upload=row.id, at=row.offset + come)
        hold.reading = None
        await behind.hand(partial(intake.write, gathered))
        return broken

    def _remember(self, upload_id: str, intake: Intake) -> None:
        """The hash of what is durable; nothing is being written."""
        if intake.whole is None or intake.part.start != intake.part.end:
            return
        self._hashes[upload_id] = (intake.part.end, intake.whole.copy())
        self._hashes.move_to_end(upload_id)
        while len(self._hashes) > REMEMBERED_HASHES:
            self._hashes.popitem(last=False)

    def _recall(self, row: UploadRow) -> _Hash | None:
        """The hash of the durable bytes so far; None after a restart, or when another process has taken some of them:
        then the whole is read again in the end."""
        if row.offset == 0:
            return hashlib.sha256()
        known = self._hashes.get(row.id)
        return known[1].copy() if known is not None and known[0] == row.offset else None

    # -- the end
    # ---------------------------------------------------------------------------------------------------------

    async def _finish(self, upload_id: str) -> UploadRow:
        """Raises NotFound when there is no such upload, and what finish raises."""
        row = await anyio.to_thread.run_sync(self.finish, upload_id, limiter=self._proving)
        if row is None:
            raise _unknown()
        return row

    def finish(self, upload_id: str) -> UploadRow | None:
        """Prove, store and receipt an upload whose bytes are all here; anything else is left alone. Synchronous.

        The upload as it is then, None when there is none. Raises ChecksumMismatch when the whole is not what was
        announced, and NotFound when the disk lost it: the upload is gone then. Busy when another process does the same.
        """
        row = self._uploads.get(upload_id)
        if row is None or row.state == "stored" or row.offset != row.length or row.concat == PARTIAL:
            return row
        try:
            with self._parts.whole(row) as whole:
                if row.state == "open":
                    self._prove(row, whole)
                whole.adopt(row.sha256)
        except Gone:
            now = self._uploads.get(upload_id)
            if now is None or now.state == "stored":
                return now  # another process was first
            if now.state != "verifying" or self._store.size(now.sha256) != row.length:
                raise self._lost(row) from None
            row = now  # it was put into the store, and its process killed
        manifest = self._manifest(row) if row.kind == "manifest" else None
        asset = self._uploads.store(upload_id, self._receipt, manifest)
        self._hashes.pop(upload_id, None)
        self._parts.forget(upload_id)
        if asset is not None:
            log.info("stored", lesson=asset.lesson_id, path=asset.path, bytes=asset.bytes)
            self._on_stored(asset.bytes)
        return self._uploads.get(upload_id)

    def _prove(self, row: UploadRow, whole: Whole) -> None:
        """The whole's SHA-256 is known when this process wrote every byte, else all is read again. Raises Gone,
        ChecksumMismatch."""
        digest = self._recall(row)
        if digest is None:
            digest = hashlib.sha256()
            for piece in whole.read():
                digest.update(piece)
        self._compare(row, digest.hexdigest())
        self._uploads.verifying(row.id, digest.hexdigest())
        row.sha256 = digest.hexdigest()

    def _compare(self, row: UploadRow, sha256: str) -> None:
        """Raises ChecksumMismatch."""
        if row.sha256 and not hmac.compare_digest(sha256, row.sha256):
            self._forget(row.id)
            log.warning("upload discarded", upload=row.id, lesson=row.lesson_id, path=row.path)
            raise ChecksumMismatch(
                "checksum-mismatch",
                "The bytes are not those that were announced; the upload was discarded, begin it again.",
            )

    def _lost(self, row: UploadRow) -> NotFound:
        log.error("upload lost its bytes", upload=row.id, lesson=row.lesson_id, path=row.path)
        self._forget(row.id)
        return lost()

    def half(self, asset: wire.Asset, room: str, has: int) -> str:
        """The server's signed word that it has so many bytes of a file, durable."""
        return wire.sign_half(self._key, server=self._name, room=room, asset=asset, has=has, now=self._clock())

    def _receipt(self, asset: wire.Asset, room: str) -> str:
        return wire.sign_receipt(self._key, server=self._name, room=room, asset=asset, now=self._clock())

    @property
    def _name(self) -> str:
        return self._settings.public_url or "darsbox"

    def _manifest(self, row: UploadRow) -> Card | str:
        """The lesson's card, or the sentence that says what is wrong with it: a bad lesson.json is kept all the
        same."""
        try:
            if row.length > MAX_BYTES:
                raise BadLesson("lesson.json is far too big to be one.")
            with self._store.local(row.sha256) as file:
                return read_card(file.read_bytes(), asset_of(row).lesson)
        except BadLesson as error:
            log.warning("bad lesson.json", lesson=row.lesson_id, problem=str(error))
            return str(error)

    # -- cleaning
    # --------------------------------------------------------------------------------------------------------

    def recover(self) -> None:
        """Finish what a killed process left between the last byte and the receipt."""
        for row in self._uploads.unfinished():
            try:
                self.finish(row.id)
            except (ChecksumMismatch, NotFound):
                continue  # logged and dropped; the room finds no upload and begins it again
            except Busy:
                continue  # another process is at it

    async def sweep(self) -> int:
        """Drop uploads nobody came back for; how many."""
        rows = await run_in_threadpool(self._uploads.expired)
        for row in rows:
            await self.drop(row.id)
        await run_in_threadpool(self._parts.sweep)
        return len(rows)

    def _forget(self, upload_id: str) -> None:
        self._uploads.drop(upload_id)
        self._parts.forget(upload_id)
        self._hashes.pop(upload_id, None)

    def _open(self, row: UploadRow) -> Part:
        try:
            return self._parts.open(row)
        except Gone as error:
            raise self._lost(row) from error

    async def _row(self, upload_id: str) -> UploadRow:
        row = await run_in_threadpool(self._uploads.get, upload_id)
        if row is None:
            raise _unknown()
        return row


def _unknown() -> NotFound:
    return NotFound("no-such-upload", "There is no such upload; create it again.")


def _wrong_offset(row: UploadRow) -> Conflict:
    return Conflict(
        "wrong-offset",
        f"The upload stands at {row.offset}; send from there.",
        headers={"Upload-Offset": str(row.offset)},
        offset=row.offset,
    )


def _too_large(row: UploadRow) -> TooLarge:
    return TooLarge(
        "too-many-bytes", f"The upload was announced with {row.length} bytes; more than that came.", length=row.length
    )
