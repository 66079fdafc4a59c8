"""One asset to the server by tus 1.0: created once, then chunk after chunk from wherever the server says it stands.

The server's offset is the truth; ours is only where we expect it. Every chunk carries a hash of each of its pieces, and
our own server keeps what came before the damaged piece or the cut; another one gets that of the whole chunk too, and
refuses it when it is damaged. A server that answers nonsense is asked anew a few times and then left alone for a while
(``Confused``); it never makes us loop, skip or repeat without end.

    SyncError (see client)
    ├── LinkError
    │   └── Garbling        the link damages what we send; our own file was read again and is whole
    └── RequestError
        └── Confused        the server's offsets make no sense, or it keeps losing what it acknowledged

Protocol: tus.io/protocols/resumable-upload 1.0.0 with creation, creation-defer-length and checksum.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from lms_sync import wire
from lms_sync.client import Answer, Client, Conflict, Garbled, Gone, LinkError, NotOurServer, RequestError, TooLarge
from lms_sync.localfile import Source
from lms_sync.pace import SMALLEST, Pace

STUMBLES = 8
"""Steps without new ground after which a server counts as confused."""
LONGEST = 90.0
"""Seconds after which a chunk is given up whose link has become far slower than it was: else what is more urgent would
wait for half an hour. The server keeps what it has proven of it, so it costs a piece of it, and the next is smaller."""
SAME_CHUNK = 3
"""Times a chunk may arrive damaged before our own file is read again."""
_TUS = {"Tus-Resumable": wire.TUS_VERSION}

log = structlog.get_logger("lms_sync.transfer")


class Confused(RequestError):
    code = "server-confused"


class Garbling(LinkError):
    code = "link-damages-data"


class Record(Protocol):
    """What is to be remembered across a kill."""

    def created(self, url: str) -> None:
        """The server keeps the asset at this path (without host)."""

    def reached(self, offset: int) -> None:
        """The server has acknowledged so many bytes."""

    def go_on(self) -> bool:
        """Asked between chunks: False when something more urgent waits."""


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Bytes of the asset from offset on, in a buffer that another chunk gets when this one is done with. digest: base64
    of their SHA-256, empty for a server that holds their pieces against them; pieces: the header of these."""

    offset: int
    buffer: bytearray
    body: memoryview
    digest: str
    pieces: str


@dataclass(slots=True)
class _Journey:
    """Where one call of send stands. best: the furthest offset acknowledged in it. proves: the server has said that it
    is ours, which holds pieces, and in the end the whole, against what arrives. ahead: the chunk after the one that is
    on its way. buffers: memory for chunks to come; to ask for it anew costs a quick link a fifth of its time."""

    asset: wire.Asset
    file: Source
    record: Record
    url: str
    best: int
    stumbles: int = 0
    damaged: int = 0
    renewed: bool = False
    proves: bool = False
    ahead: asyncio.Task[_Chunk] | None = None
    buffers: list[bytearray] = field(default_factory=list)

    async def read(self, offset: int, count: int) -> _Chunk:
        """Raises localfile.LocalFileError."""
        buffer = self.buffers.pop() if self.buffers else bytearray()
        if len(buffer) < count:
            buffer = bytearray(count)
        body, whole = memoryview(buffer)[:count], not self.proves
        await self.file.fill(body, offset, checked=whole)
        return _Chunk(offset, buffer, body, *await asyncio.to_thread(_digests, body, whole=whole))

    def done_with(self, chunk: _Chunk) -> None:
        self.buffers.append(chunk.buffer)

    async def verify(self) -> None:
        """Raises localfile.LocalFileError."""
        await self.settle()
        await self.file.verify()

    async def settle(self) -> None:
        """Nothing reads the file any more."""
        ahead, self.ahead = self.ahead, None
        if ahead is not None:
            await asyncio.wait([ahead])
            ahead.exception()  # it is found again where these bytes are wanted


class Transfer:
    """Sends assets through one client, learning the link's pace as it goes."""

    def __init__(
        self, client: Client, pace: Pace, steady: Callable[[], float] = time.monotonic, *, longest: float = LONGEST
    ) -> None:
        """steady, longest: for tests."""
        self._client = client
        self._pace = pace
        self._longest = longest
        self._steady = steady

    async def send(self, asset: wire.Asset, file: Source, record: Record, *, url: str = "", known: int = 0) -> bool:
        """Bring the asset to its end on the server. An asset without sha256 still grows: it is brought to as far as it
        is now, and its length is not told. url: where an earlier call created it; known: what was acknowledged
        then. False when the record wanted to stop before the end.

        Raises SyncError, localfile.LocalFileError.
        """
        journey = _Journey(asset, file, record, url, known)
        offset = await self._offset(journey, known)
        self._pace.resumed(offset - known)
        try:
            while offset < asset.bytes:
                if not record.go_on():
                    return False
                offset = await self._chunk(journey, offset)
        finally:
            await journey.settle()
        if not asset.bytes:
            await file.verify()
        return True

    async def _offset(self, journey: _Journey, expected: int) -> int:
        """Where the server stands, creating the upload where it has none. expected: what it has acknowledged."""
        while True:
            offset = await self._ask(journey) if journey.url else await self._create(journey)
            if offset is None:
                journey.url = ""
                self._stumble(journey, "the server no longer knows the upload")
            elif offset > journey.asset.bytes:
                await self._renew(journey, f"the server claims {offset} of {journey.asset.bytes} bytes")
            else:
                break
        if offset < expected:
            log.warning("upload.went-back", asset=_name(journey.asset), had=expected, has=offset)
        journey.record.reached(offset)
        return offset

    async def _create(self, journey: _Journey) -> int | None:
        asset = journey.asset
        metadata = ",".join(
            f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in asset.metadata().items()
        )
        length = {"Upload-Length": str(asset.bytes)} if asset.sha256 else {"Upload-Defer-Length": "1"}
        headers = {**_TUS, **length, "Upload-Metadata": metadata}
        try:
            answer = _tus(await self._client.request("POST", wire.UPLOADS, headers=headers), journey)
        except Gone as error:
            raise NotOurServer("The server there takes no uploads.") from error
        location = answer.headers.get("location")
        if not location:
            raise NotOurServer("The server took the upload but did not say where.")
        journey.url = self._client.path_of(location)
        journey.record.created(journey.url)
        # The server may have had it already; one that does not say how far it is, is asked.
        offset = answer.number("upload-offset")
        return offset if offset is not None else await self._ask(journey)

    async def _ask(self, journey: _Journey) -> int | None:
        """The server's offset, None when it has no such upload."""
        began = self._steady()
        try:
            answer = _tus(await self._client.request("HEAD", journey.url, headers=_TUS), journey)
        except Gone:
            return None
        self._pace.answered(self._steady() - began)
        offset, length = answer.number("upload-offset"), answer.number("upload-length")
        if offset is None:
            raise NotOurServer("The server does not say how much of the upload it has.")
        if length is not None and length != journey.asset.bytes and journey.asset.sha256:
            await self._renew(journey, f"the server expects {length} bytes, not {journey.asset.bytes}")
            return None
        return offset

    async def _chunk(self, journey: _Journey, offset: int) -> int:
        """Send the bytes at offset; returns where the server stands then."""
        chunk = await self._next(journey, offset)
        try:
            return await self._patch(journey, chunk)
        finally:
            journey.done_with(chunk)

    async def _patch(self, journey: _Journey, chunk: _Chunk) -> int:
        offset, body = chunk.offset, chunk.body
        headers = {
            **_TUS,
            "Upload-Offset": str(offset),
            **({"Upload-Checksum": f"sha256 {chunk.digest}"} if chunk.digest else {}),
            wire.PIECES_HEADER: chunk.pieces,
            "Content-Type": "application/offset+octet-stream",
        }
        began, kept = self._steady(), journey.proves and len(body) > SMALLEST
        try:
            async with asyncio.timeout(self._longest if kept else None):
                answer = _tus(await self._client.request("PATCH", journey.url, headers=headers, body=body), journey)
        except LinkError:
            self._pace.cut()
            raise
        except TooLarge:
            if not self._pace.too_large(len(body)):
                raise
            return offset
        except Garbled as error:
            return await self._damaged(journey, offset, error)
        except (TimeoutError, Conflict, Gone) as error:
            self._astray(journey, chunk, error)
            return await self._offset(journey, offset)
        reached = answer.number("upload-offset")
        if reached != offset + len(body):
            self._stumble(journey, "the server acknowledged something else than was sent")
            return await self._offset(journey, offset)
        self._pace.sent(len(body), self._steady() - began)
        journey.damaged = 0
        if reached > journey.best:
            journey.best, journey.stumbles = reached, 0
        journey.record.reached(reached)
        return reached

    def _astray(self, journey: _Journey, chunk: _Chunk, error: Exception) -> None:
        """A chunk was given up, or the server does not stand where we thought."""
        if isinstance(error, TimeoutError):
            log.info("upload.slow", asset=_name(journey.asset), offset=chunk.offset, chunk=len(chunk.body))
            self._pace.overdue()
        elif isinstance(error, Gone):
            journey.url = ""
            self._stumble(journey, "the server no longer knows the upload")
        else:
            self._stumble(journey, "the server stands at another offset")

    async def _next(self, journey: _Journey, offset: int) -> _Chunk:
        """The chunk at offset. On a link so quick that chunks are of the largest size, the one after it is read and
        hashed while this one is on its way."""
        ahead, journey.ahead = journey.ahead, None
        chunk = await ahead if ahead is not None else None
        if chunk is not None and (chunk.offset != offset or len(chunk.body) > self._pace.size):
            journey.done_with(chunk)
            chunk = None
        if chunk is None:
            chunk = await journey.read(offset, min(self._pace.size, journey.asset.bytes - offset))
        then = offset + len(chunk.body)
        if self._pace.at_largest and then < journey.asset.bytes:
            count = min(self._pace.size, journey.asset.bytes - then)
            journey.ahead = asyncio.create_task(journey.read(then, count))
        return chunk

    async def _damaged(self, journey: _Journey, offset: int, error: Garbled) -> int:
        """A chunk, or with the last one the whole, was not what its checksum says."""
        self._pace.cut()
        journey.damaged += 1
        log.warning("upload.damaged", asset=_name(journey.asset), offset=offset, times=journey.damaged)
        if journey.damaged >= SAME_CHUNK:
            await journey.verify()
            raise Garbling("What we send arrives damaged; our own file is whole.") from error
        if await self._ask(journey) is None:
            # The server had all bytes, and threw them away because the whole had another SHA-256.
            await journey.verify()
            journey.url = ""
            self._stumble(journey, "the server put the pieces together wrongly")
            return await self._offset(journey, 0)
        reached = await self._offset(journey, offset)
        if reached > offset:  # the pieces before the damaged one are kept
            journey.damaged = 0
        return reached

    async def _renew(self, journey: _Journey, why: str) -> None:
        """The upload at the server cannot be ours: take it away and create it anew, once."""
        log.warning("upload.renewed", asset=_name(journey.asset), why=why)
        if journey.renewed:
            raise Confused(f"The upload makes no sense: {why}.")
        journey.renewed = True
        with contextlib.suppress(RequestError):  # it will not go, or is gone; creating it again shows which
            await self._client.request("DELETE", journey.url, headers=_TUS)
        journey.url = ""

    def _stumble(self, journey: _Journey, why: str) -> None:
        journey.stumbles += 1
        log.info("upload.stumbled", asset=_name(journey.asset), why=why, times=journey.stumbles)
        if journey.stumbles >= STUMBLES:
            raise Confused(f"The upload does not move on: {why}, {journey.stumbles} times in a row.")


def _digests(body: memoryview, *, whole: bool) -> tuple[str, str]:
    """Base64 of the whole's SHA-256 if it is wanted, and the header of its pieces."""
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode() if whole else ""
    return digest, wire.Pieces.of(body).header


def _tus(answer: Answer, journey: _Journey) -> Answer:
    """A tus answer says so; one of our own server also says that it proves pieces. Raises NotOurServer."""
    if answer.headers.get("tus-resumable") != wire.TUS_VERSION:
        raise NotOurServer("The server there does not speak tus 1.0.")
    journey.proves = answer.headers.get(wire.PIECES_HEADER.lower()) == wire.PIECES_HASH
    return answer


def _name(asset: wire.Asset) -> str:
    return f"{asset.lesson}/{asset.path}"
