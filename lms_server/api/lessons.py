"""Lessons and the session, for programs and for pages that use scripts."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, StringConstraints
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from lms_server.api.gate import Gate
from lms_server.api.problems import problem
from lms_server.api.ranges import NotSatisfiable, disposition, matches, parse_range
from lms_server.bodies import FileResponse
from lms_server.catalog import Catalog
from lms_server.catalog.audit import Event
from lms_server.catalog.schemas import File, LessonDetail, LessonPage, Person
from lms_server.errors import BadRequest, NotFound
from lms_server.store import NotStored, Store
from lms_sync.wire import API

DAY = 86400.0
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
FILE_POLICY = "default-src 'none'; media-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"
"""A browser shows a recording that is opened by itself in a page of its own making; nothing in it may run."""


class Login(BaseModel):
    name: Annotated[str, StringConstraints(max_length=200)]
    password: Annotated[str, StringConstraints(max_length=1000)]


def router(catalog: Catalog, gate: Gate, store: Store) -> APIRouter:
    routes = APIRouter(prefix=API)

    @routes.post("/session", tags=["session"], summary="Sign in: sets the login cookie")
    def sign_in(body: Login, request: Request) -> Person:
        return gate.sign_in(request, body.name, body.password)

    @routes.get("/session", tags=["session"], summary="Who am I?")
    def whoami(request: Request) -> Person:
        return gate.require(request)

    @routes.delete("/session", tags=["session"], status_code=204, summary="Sign out")
    def sign_out(request: Request) -> Response:
        gate.sign_out(request)
        return Response(status_code=204)

    @routes.get("/lessons", tags=["lessons"], summary="List and search lessons, newest first")
    def lessons(
        request: Request,
        *,
        q: Annotated[
            str, Query(max_length=200, description="Words of its title, room, teacher or marks, or their beginnings")
        ] = "",
        room: Annotated[str, Query(max_length=200, description="A room's name or id")] = "",
        course: Annotated[str, Query(max_length=100, description="A course's id or code")] = "",
        term: Annotated[str, Query(max_length=200, description="A term's id or name")] = "",
        teacher: Annotated[str, Query(max_length=200, description="Words of the teacher's name")] = "",
        since: Annotated[str, Query(max_length=40, description="ISO date or time, or Unix seconds")] = "",
        until: Annotated[str, Query(max_length=40, description="Likewise; a date is meant with all of its day")] = "",
        page: Annotated[str, Query(max_length=100, description="`next` of the page before")] = "",
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> LessonPage:
        person = gate.require(request, scope="lessons:read")
        return catalog.lessons.search(
            person,
            q=q,
            room=room,
            course=course,
            term=term,
            teacher=teacher,
            since=parse_since(since) if since else None,
            until=parse_until(until) if until else None,
            page=page or None,
            limit=limit,
        )

    @routes.get("/lessons/{lesson_id}", tags=["lessons"], summary="One lesson with its files, gaps and marks")
    def lesson(lesson_id: str, request: Request) -> LessonDetail:
        person = gate.require(request, scope="lessons:read")
        found = catalog.lessons.get(person, lesson_id)
        catalog.visits.once(Event("lesson-opened", lesson_id, None, person))
        return found

    @routes.get("/lessons/{lesson_id}/files/{name:path}", tags=["lessons"], summary="A file; ranges are welcome")
    @routes.head("/lessons/{lesson_id}/files/{name:path}", include_in_schema=False)
    def file(
        lesson_id: str,
        name: str,
        request: Request,
        download: bool = False,
        token: Annotated[str, Query(max_length=200, description="A token for lessons:read alone")] = "",
    ) -> Response:
        person = gate.require(request, scope="lessons:read", token=token)
        found = catalog.lessons.file(person, lesson_id, name)
        title = catalog.lessons.get(person, lesson_id).title if download else ""
        if request.method == "GET":
            _tell(catalog, person, lesson_id, found, download)
        return serve(request, store, found, lesson_id, title if download else None)

    return routes


def _tell(catalog: Catalog, person: Person, lesson_id: str, file: File, download: bool) -> None:
    """A page shows pictures and captions by itself; a program fetches."""
    if download or person.token:
        facts = {"file": file.name, "sha256": file.sha256, "bytes": file.bytes}
        catalog.visits.once(Event("file-fetched", lesson_id, None, person, facts=facts))
    elif file.kind not in ("poster", "thumbnail", "captions"):
        catalog.visits.once(Event("lesson-played", lesson_id, None, person))


def serve(request: Request, store: Store, file: File, lesson_id: str, title: str | None) -> Response:
    """The file, a range of it, or word that the reader has it already. title: for a download's name; None shows it."""
    etag = f'"{file.sha256}"'
    plain = re.sub(r"[^A-Za-z0-9._-]", "-", f"{lesson_id}-{file.name}")
    spoken = f"{title} – {file.name.replace('/', ' ')}" if title else plain
    headers = {
        "ETag": etag,
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-cache",
        "Content-Security-Policy": FILE_POLICY,
        "Content-Disposition": disposition("inline" if title is None else "attachment", spoken, plain),
    }
    if matches(request.headers.get("if-none-match"), etag):
        return Response(status_code=304, headers=headers)
    wanted = request.headers.get("range") if request.headers.get("if-range", etag) == etag else None
    try:
        part = parse_range(wanted, file.bytes)
    except NotSatisfiable:
        return problem(
            416, "no-such-range", f"The file has {file.bytes} bytes.", None, {"Content-Range": f"bytes */{file.bytes}"}
        )
    start, length = part or (0, file.bytes)
    headers["Content-Length"] = str(length)
    if part is not None:
        headers["Content-Range"] = f"bytes {start}-{start + length - 1}/{file.bytes}"
    status = 206 if part is not None else 200
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type=file.content_type)
    try:
        opened = store.opened(file.sha256)
        if opened is not None:
            return FileResponse(opened, (start, length), status, headers, file.content_type)
        pieces = store.read(file.sha256, start, length)
    except NotStored as error:
        raise NotFound("file-lost", "The server's store no longer has this file; tell its administrator.") from error
    return StreamingResponse(pieces, status, headers, file.content_type)


def parse_since(text: str) -> float:
    """Unix seconds of an ISO date (midnight UTC), an ISO time, or a number. Raises BadRequest."""
    return _moment("since", text)


def parse_until(text: str) -> float:
    """The same; a date means its end. Raises BadRequest."""
    return _moment("until", text) + (DAY if _DATE.fullmatch(text) else 0.0)


def _moment(name: str, text: str) -> float:
    try:
        seconds: float | None = float(text)
    except ValueError:
        seconds = None
    try:
        if seconds is None:
            moment = datetime.fromisoformat(text.replace(" ", "+"))
            seconds = (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        seconds = math.nan
    if not math.isfinite(seconds):
        raise BadRequest(f"bad-{name}", f"{name} is a date such as 2026-09-01, or Unix seconds.")
    return seconds
