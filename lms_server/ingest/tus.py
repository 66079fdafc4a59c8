"""tus 1.0 as a FastAPI router: creation, creation-with-upload, creation-defer-length, checksum, concatenation,
termination, expiration. https://tus.io"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from lms_server.catalog.rooms import Rooms
from lms_server.catalog.tables import Room, UploadRow
from lms_server.catalog.uploads import FINAL, PARTIAL, Uploads, asset_of
from lms_server.errors import (
    BadRequest,
    Conflict,
    Forbidden,
    NotFound,
    ServerError,
    StoreFull,
    TooLarge,
    Unauthenticated,
    WrongMediaType,
    WrongVersion,
)
from lms_server.ingest.body import Body
from lms_server.ingest.callers import Caller, Callers
from lms_server.ingest.headers import (
    CHECKSUMS,
    CONTENT_TYPE,
    format_metadata,
    http_date,
    parse_asset,
    parse_checksum,
    parse_concat,
    parse_length,
    parse_metadata,
    parse_number,
    parse_pieces,
)
from lms_server.ingest.ingest import Ingest
from lms_server.ingest.intake import Proof
from lms_server.settings import Settings
from lms_server.store import Store
from lms_sync import wire


class Tus:
    """The handlers; ``router()`` gives them their addresses."""

    def __init__(
        self,
        *,
        settings: Settings,
        callers: Callers,
        rooms: Rooms,
        uploads: Uploads,
        ingest: Ingest,
        store: Store,
        address: Callable[[Request], str],
    ) -> None:
        """address: the server's own, as this request's sender knows it, without a slash at its end."""
        self._settings = settings
        self._callers = callers
        self._rooms = rooms
        self._uploads = uploads
        self._ingest = ingest
        self._store = store
        self._address = address

    def router(self) -> APIRouter:
        routes = APIRouter(tags=["uploads"])
        one = f"{wire.UPLOADS}/{{upload_id}}"
        add = routes.add_api_route
        add(wire.UPLOADS, self.options, methods=["OPTIONS"], status_code=204, summary="What this tus server can do")
        add(one, self.options, methods=["OPTIONS"], include_in_schema=False)
        add(wire.UPLOADS, self.create, methods=["POST"], status_code=201, summary="Create an upload (tus)")
        add(one, self.head, methods=["HEAD"], summary="How far an upload is (tus)")
        add(one, self.patch, methods=["PATCH"], status_code=204, summary="Append bytes (tus)")
        add(one, self.delete, methods=["DELETE"], status_code=204, summary="Forget an upload (tus)")
        add(one, self.override, methods=["POST"], include_in_schema=False)
        add(f"{one}/receipt", self.receipt, methods=["GET"], summary="The signed receipt of a stored upload")
        return routes

    async def options(self) -> Response:
        return Response(
            status_code=204,
            headers={
                "Tus-Resumable": wire.TUS_VERSION,
                "Tus-Version": wire.TUS_VERSION,
                "Tus-Extension": ",".join(wire.TUS_EXTENSIONS),
                "Tus-Max-Size": str(self._settings.max_upload),
                "Tus-Checksum-Algorithm": ",".join(CHECKSUMS),
            },
        )

    async def create(self, request: Request) -> Response:
        async with _answered(request) as body:
            caller = await self._enter(request)
            return await self._create(request, caller, body)

    async def _create(self, request: Request, caller: Caller, body: Body) -> Response:
        concat = parse_concat(request.headers.get("upload-concat"))
        parts = await self._parts(caller, concat) if isinstance(concat, list) else []
        declared = sum(part.length for part in parts) if parts else parse_length(request.headers)
        length = self._fit(self._settings.max_upload if declared is None else declared)
        if concat == PARTIAL:
            return await self._create_part(request, caller, length, body)
        metadata = parse_metadata(request.headers.get("upload-metadata"))
        asset = parse_asset(metadata, length, foreign=caller.room is None or declared is None)
        room = caller.room
        if room is None:
            room = await run_in_threadpool(self._room_named, caller, metadata.get("room", ""))
        with_body = request.headers.get("content-type", "").partition(";")[0].strip() == CONTENT_TYPE
        if not with_body:
            await _no_body(body, caller)
        create = partial(self._uploads.create, join=caller.room is not None, deferred=declared is None)
        row = await run_in_threadpool(create, room, asset)
        if row.state == "open" and (row.offset == length or (row.offset == 0 and caller.room is not None)):
            row = await self._ingest.finish_new(row.id)
        free = await run_in_threadpool(self._store.free_bytes)
        missing = 0 if row.deferred else length - row.offset
        if row.state == "open" and free is not None and free < missing + self._settings.reserve:
            raise StoreFull("server-full", "The server has no room for this file; free some on it.", free_bytes=free)
        if parts:
            row = await self._ingest.join(row.id, parts)
        elif with_body and row.state == "open" and row.offset == 0:
            row = await self._append(request, caller, row.id, 0, body)
        elif with_body:
            await body.drain()  # the upload stands further on already: its sender reads Upload-Offset and goes on
        return self._created(request, row)

    async def _create_part(self, request: Request, caller: Caller, length: int, body: Body) -> Response:
        """A piece of an upload whose other pieces come beside it."""
        if "upload-defer-length" in request.headers:
            raise BadRequest("bad-header", "A part must have an Upload-Length.")
        owner = caller.person.institution_id if caller.person is not None else None
        row = await run_in_threadpool(self._uploads.create_part, caller.room, length, owner)
        if request.headers.get("content-type", "").partition(";")[0].strip() == CONTENT_TYPE:
            row = await self._append(request, caller, row.id, 0, body)
        else:
            await _no_body(body, caller)
        return self._created(request, row)

    def _created(self, request: Request, row: UploadRow) -> Response:
        location = f"{self._address(request)}{wire.UPLOADS}/{row.id}"
        return Response(status_code=201, headers={"Location": location, **_progress(row)})

    async def _parts(self, caller: Caller, names: list[str]) -> list[UploadRow]:
        """Those that are to be joined, each whole. Raises NotFound, BadRequest, Conflict."""
        if len(set(names)) < len(names):
            raise BadRequest("bad-header", "Upload-Concat names a part twice.")
        parts = [await self._own(caller, name) for name in names]
        if not all(part.concat == PARTIAL for part in parts):
            raise BadRequest("bad-header", "Upload-Concat names an upload that is no part.")
        if not all(part.offset == part.length for part in parts):
            raise Conflict("not-complete", "A part is not whole yet; send the rest of it first.")
        return parts

    async def head(self, upload_id: str, request: Request) -> Response:
        async with _answered(request) as body:
            caller = await self._enter(request)
            await _no_body(body, caller)
            await self._own(caller, upload_id)
            row = await self._ingest.offset(upload_id)
        return Response(
            status_code=200,
            headers={
                **({"Upload-Defer-Length": "1"} if row.deferred else {"Upload-Length": str(row.length)}),
                **({} if row.lesson_id is None else {"Upload-Metadata": format_metadata(asset_of(row).metadata())}),
                **({"Upload-Concat": row.concat} if row.concat else {}),
                "Cache-Control": "no-store",
                **_progress(row),
            },
        )

    async def patch(self, upload_id: str, request: Request) -> Response:
        async with _answered(request) as body:
            caller = await self._enter(request)
            if (await self._own(caller, upload_id)).concat.startswith(FINAL):
                raise Forbidden("joined", "This upload was joined from parts; nothing can be appended to it.")
            if request.headers.get("content-type", "").partition(";")[0].strip() != CONTENT_TYPE:
                raise WrongMediaType("wrong-content-type", f"A PATCH must have the Content-Type {CONTENT_TYPE}.")
            offset = parse_number("Upload-Offset", request.headers.get("upload-offset"))
            if "upload-length" in request.headers:
                length = self._fit(parse_number("Upload-Length", request.headers["upload-length"]))
                await self._ingest.declare(upload_id, offset, length)
            row = await self._append(request, caller, upload_id, offset, body)
        return Response(status_code=204, headers=_progress(row))

    async def delete(self, upload_id: str, request: Request) -> Response:
        async with _answered(request) as body:
            caller = await self._enter(request)
            await self._own(caller, upload_id)
            await _no_body(body, caller)
            await self._ingest.drop(upload_id)
        return Response(status_code=204, headers={"Tus-Resumable": wire.TUS_VERSION})

    async def override(self, upload_id: str, request: Request) -> Response:
        """Clients behind old proxies send POST and say in X-HTTP-Method-Override what they mean."""
        meant = request.headers.get("x-http-method-override", "").upper()
        if meant == "PATCH":
            return await self.patch(upload_id, request)
        if meant == "DELETE":
            return await self.delete(upload_id, request)
        raise BadRequest("bad-method", "A POST to an upload needs X-HTTP-Method-Override: PATCH or DELETE.")

    async def receipt(self, upload_id: str, request: Request) -> Response:
        caller = await self._callers.identify(request)
        await _no_body(Body(request), caller)
        row = await self._own(caller, upload_id)
        signed = await run_in_threadpool(self._uploads.receipt, row)
        if signed is not None:
            return JSONResponse({"receipt": signed})
        if row.offset == row.length:
            raise Conflict("verifying", "Every byte is here and is being proven; ask again in a while.")
        raise NotFound("not-complete", f"The upload stands at {row.offset} of {row.length} bytes.", offset=row.offset)

    # -- shared
    # ---------------------------------------------------------------------------------------------------------

    async def _enter(self, request: Request) -> Caller:
        if request.headers.get("tus-resumable") != wire.TUS_VERSION:
            raise WrongVersion(
                "wrong-tus-version",
                f"This server speaks tus {wire.TUS_VERSION}; send it as Tus-Resumable.",
                headers={"Tus-Version": wire.TUS_VERSION},
            )
        return await self._callers.identify(request)

    def _fit(self, length: int) -> int:
        if length > self._settings.max_upload:
            raise TooLarge("too-large", f"The server takes at most {self._settings.max_upload} bytes in one file.")
        return length

    async def _own(self, caller: Caller, upload_id: str) -> UploadRow:
        """The upload, when it is this caller's; a stranger's is as good as none."""
        if caller.room is not None:
            row = await run_in_threadpool(self._uploads.get, upload_id)
            row = row if row is not None and row.room_id == caller.room.id else None
        else:
            row = await run_in_threadpool(self._uploads.of, caller.person, upload_id) if caller.person else None
        if row is None:
            raise NotFound("no-such-upload", "There is no such upload; create it again.")
        return row

    def _room_named(self, caller: Caller, name: str) -> Room:
        room = self._rooms.named(caller.person, name) if name and caller.person is not None else None
        if room is None:
            raise NotFound("no-such-room", "Name an enrolled room, by its name or id, in the Upload-Metadata `room`.")
        return room

    async def _append(self, request: Request, caller: Caller, upload_id: str, offset: int, body: Body) -> UploadRow:
        length = request.headers.get("content-length")
        announced = parse_number("Content-Length", length) if length is not None else None
        proof = _proof(request, caller)
        return await self._ingest.append(upload_id, offset, body, announced=announced, proof=proof)


def _proof(request: Request, caller: Caller) -> Proof:
    """Raises BadRequest, and Unauthenticated when the room signed other pieces."""
    pieces = parse_pieces(request.headers.get(wire.PIECES_HEADER))
    checksum = parse_checksum(request.headers.get("upload-checksum"))
    if pieces is None:
        return Proof(None, checksum, caller.body_sha256)
    if caller.body_sha256 not in {None, hashlib.sha256(request.headers[wire.PIECES_HEADER].encode()).hexdigest()}:
        raise Unauthenticated("bad-signature", "The signature belongs to another body.")
    return Proof(pieces)


def _progress(row: UploadRow) -> dict[str, str]:
    headers = {
        "Tus-Resumable": wire.TUS_VERSION,
        "Upload-Offset": str(row.offset),
        wire.PIECES_HEADER: wire.PIECES_HASH,
    }
    if row.state == "open":
        headers["Upload-Expires"] = http_date(row.expires)
    return headers


async def _no_body(body: Body, caller: Caller) -> None:
    """A body where none belongs is read away; a proof must have covered that there is none."""
    await body.drain()
    if caller.body_sha256 is not None and caller.body_sha256 != wire.EMPTY_SHA256:
        raise Unauthenticated("bad-signature", "The signature belongs to another body.")


@asynccontextmanager
async def _answered(request: Request) -> AsyncIterator[Body]:
    """The request's body; a refusal is answered in the manner of tus, after the body was read away."""
    body = Body(request)
    try:
        yield body
    except ServerError as error:
        error.headers.setdefault("Tus-Resumable", wire.TUS_VERSION)
        await body.drain()
        raise
