"""What a room asks beside its uploads, each request signed: it says how it is, and hears what it shall do.

A long poll holds neither a thread nor a session: all that wait in this process share one question to the database a
second, so that a command is heard whichever web process took it.
"""

from __future__ import annotations

import hashlib
import json
import time
from typing import Annotated, Any

import anyio
from fastapi import APIRouter, Query
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from lms_server.api.ranges import matches
from lms_server.catalog.desks import Desks
from lms_server.catalog.tables import Room
from lms_server.errors import BadRequest, Forbidden, TooLarge, Unauthenticated
from lms_server.ingest.callers import Callers
from lms_sync import wire_control

LOOK = 1.0
"""Seconds between two questions to the database."""


class Bell:
    """Tells who waits that there is something for them. ``closing`` sends them home when the server ends."""

    def __init__(self, desks: Desks) -> None:
        self._desks = desks
        self._rooms: frozenset[str] = frozenset()
        self._looked = -LOOK
        self._looking = anyio.Lock()
        self.closing = False

    async def wait(self, room_id: str, seconds: float) -> None:
        """Until the room has a command it was not told of, or so many seconds went by."""
        until = time.monotonic() + seconds
        while room_id not in await self._look():
            left = until - time.monotonic()
            if left <= 0 or self.closing:
                return
            await anyio.sleep(min(LOOK, left))

    async def _look(self) -> frozenset[str]:
        async with self._looking:
            if time.monotonic() - self._looked >= LOOK:
                self._rooms = await run_in_threadpool(self._desks.with_news)
                self._looked = time.monotonic()
            return self._rooms


def router(desks: Desks, callers: Callers, bell: Bell) -> APIRouter:
    routes = APIRouter(tags=["rooms"])

    @routes.post(wire_control.HEARTBEATS, summary="A room says how it is, and hears what it shall do")
    async def heartbeat(request: Request) -> dict[str, Any]:
        room, body = await _signed(callers, request)
        try:
            found = wire_control.Heartbeat.from_json(_json(body))
        except ValueError as error:
            raise BadRequest("bad-heartbeat", str(error)) from error
        return (await run_in_threadpool(desks.heard, room, found)).as_json()

    @routes.get(wire_control.COMMANDS, summary="What a room shall do, as soon as there is something new")
    async def commands(
        request: Request, wait: Annotated[float, Query(ge=0, le=wire_control.LONGEST_WAIT)] = 0.0
    ) -> dict[str, Any]:
        room, _ = await _signed(callers, request)
        await bell.wait(room.id, wait)
        return (await run_in_threadpool(desks.orders, room)).as_json()

    @routes.post(f"{wire_control.COMMANDS}/{{command_id}}/outcome", status_code=204, summary="What became of one")
    async def outcome(command_id: str, request: Request) -> Response:
        room, body = await _signed(callers, request)
        try:
            found = wire_control.Outcome.from_json(_json(body))
        except ValueError as error:
            raise BadRequest("bad-outcome", str(error)) from error
        await run_in_threadpool(desks.settle, room, command_id, found)
        return Response(status_code=204)

    @routes.get(wire_control.TIMETABLE, summary="The room's timetable, iCalendar")
    async def timetable(request: Request) -> Response:
        room, _ = await _signed(callers, request)
        calendar, name = await run_in_threadpool(desks.timetable, room)
        headers = {"ETag": f'"{name}"', "Cache-Control": "private, no-cache"}
        if matches(request.headers.get("if-none-match"), headers["ETag"]):
            return Response(status_code=304, headers=headers)
        return Response(calendar, headers=headers, media_type="text/calendar")

    return routes


async def _signed(callers: Callers, request: Request) -> tuple[Room, bytes]:
    """The room whose proof this is, and the body it covers. Raises Unauthenticated, Forbidden, TooLarge."""
    caller = await callers.identify(request)
    if caller.room is None:
        raise Forbidden("not-allowed", "Only a room may ask this, with its own signature.")
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > wire_control.LARGEST_HEARTBEAT:
            raise TooLarge("too-large", "No room has so much to say at once.")
    if hashlib.sha256(body).hexdigest() != caller.body_sha256:
        raise Unauthenticated("bad-signature", "The signature belongs to another body.")
    return caller.room, bytes(body)


def _json(body: bytes) -> object:
    try:
        return json.loads(body)
    except ValueError as error:
        raise ValueError("The body is no JSON.") from error
