"""What a room asks now and then, each request signed: what became of its commands, its timetable, its teachers' cards.
What it says and asks all the time is ``channel``'s.
"""

from __future__ import annotations

import hashlib

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from lms_server.api.ranges import matches
from lms_server.api.said import body_of, json_of
from lms_server.catalog.desks import Desks
from lms_server.catalog.tables import Room
from lms_server.errors import BadRequest, Forbidden, Unauthenticated
from lms_server.ingest.callers import Callers
from lms_sync import wire_cards, wire_control


def router(desks: Desks, callers: Callers) -> APIRouter:
    routes = APIRouter(tags=["rooms"])

    @routes.post(f"{wire_control.COMMANDS}/{{command_id}}/outcome", status_code=204, summary="What became of one")
    async def outcome(command_id: str, request: Request) -> Response:
        room, body = await _signed(callers, request)
        try:
            found = wire_control.Outcome.from_json(json_of(body))
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

    @routes.get(wire_cards.CARDS, summary="The teachers' cards that count in the room, a line each")
    async def cards(request: Request) -> Response:
        room, _ = await _signed(callers, request)
        listed, name = await run_in_threadpool(desks.cards, room)
        headers = {"ETag": f'"{name}"', "Cache-Control": "private, no-cache"}
        return Response(listed, headers=headers, media_type="text/plain")

    return routes


async def _signed(callers: Callers, request: Request) -> tuple[Room, bytes]:
    """The room whose proof this is, and the body it covers. Raises Unauthenticated, Forbidden, TooLarge."""
    caller = await callers.identify(request)
    if caller.room is None:
        raise Forbidden("not-allowed", "Only a room may ask this, with its own signature.")
    body = await body_of(request.receive)
    if hashlib.sha256(body).hexdigest() != caller.body_sha256:
        raise Unauthenticated("bad-signature", "The signature belongs to another body.")
    return caller.room, body
