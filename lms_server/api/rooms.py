"""Rooms as admins see and steer them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from lms_server.api.gate import Gate
from lms_server.catalog import Catalog
from lms_server.catalog.schemas import AlarmView, CommandView, JobView, RoomView
from lms_server.errors import BadRequest, TooLarge
from lms_sync.wire import API
from lms_sync.wire_control import LARGEST_TIMETABLE, Verb
from lms_sync.wire_policy import MEMBERS, Policy


class NewCommand(BaseModel):
    """seconds: after which it shall not be done any more."""

    model_config = ConfigDict(extra="forbid")
    verb: Verb
    title: Annotated[str, StringConstraints(max_length=200)] = ""
    lesson: Annotated[str, StringConstraints(max_length=26)] = ""
    seconds: Annotated[float, Field(gt=0, le=90 * 86400)] | None = None


def router(catalog: Catalog, gate: Gate) -> APIRouter:
    routes = APIRouter(prefix=API, tags=["rooms"])

    @routes.get("/rooms", summary="Every room: when it was last heard of, and how it is")
    def rooms(request: Request) -> list[RoomView]:
        return catalog.rooms.all(gate.require(request, scope="rooms:read"))

    @routes.get("/rooms/{room_id}", summary="One room")
    def room(room_id: str, request: Request) -> RoomView:
        return catalog.rooms.get(gate.require(request, scope="rooms:read"), room_id)

    @routes.get("/alarms", summary="What was wrong with rooms for a while, the newest first")
    def alarms(request: Request, *, lasting: bool = False) -> Sequence[AlarmView]:
        """lasting: only what is not over yet."""
        return catalog.alarms.of(gate.require(request, scope="rooms:read"), lasting=lasting)

    @routes.get("/jobs", summary="What the server's workers do, wait for, and have given up")
    def jobs(request: Request) -> Sequence[JobView]:
        return catalog.progress.of(gate.require(request, scope="rooms:read"))

    @routes.post("/alarms/{alarm_id}/acknowledge", status_code=204, summary="Say that somebody sees to it")
    def acknowledge(alarm_id: str, request: Request) -> Response:
        catalog.alarms.acknowledge(gate.require(request, scope="rooms:command"), alarm_id)
        return Response(status_code=204)

    @routes.post("/rooms/{room_id}/revoke", status_code=204, summary="Shut a room out")
    def revoke(room_id: str, request: Request) -> Response:
        catalog.rooms.revoke(gate.require(request, scope="rooms:command"), room_id)
        return Response(status_code=204)

    @routes.post("/rooms/{room_id}/commands", status_code=201, summary="Tell a room what to do")
    def command(room_id: str, body: NewCommand, request: Request) -> CommandView:
        person = gate.require(request, scope="rooms:command")
        return catalog.desks.order(
            person, room_id, body.verb, title=body.title, lesson=body.lesson, patience=body.seconds
        )

    @routes.get("/rooms/{room_id}/commands", summary="What a room was told lately, and what became of it")
    def commands(room_id: str, request: Request) -> Sequence[CommandView]:
        return catalog.desks.commands(gate.require(request, scope="rooms:read"), room_id)

    @routes.put("/rooms/{room_id}/timetable", status_code=204, summary="Give a room its timetable, iCalendar")
    async def timetable(room_id: str, request: Request) -> Response:
        person = await run_in_threadpool(lambda: gate.require(request, scope="rooms:command"))
        try:
            calendar = (await _read(request)).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise BadRequest("bad-timetable", "The timetable is not text in UTF-8.") from error
        etag = await run_in_threadpool(catalog.desks.set_timetable, person, room_id, calendar)
        return Response(status_code=204, headers={"ETag": f'"{etag}"'})

    @routes.put("/rooms/{room_id}/policy", status_code=204, summary="What a room may do with its link")
    def policy(room_id: str, body: dict[str, Any], request: Request) -> Response:
        person = gate.require(request, scope="rooms:command")
        strange = sorted(body.keys() - MEMBERS)
        if strange:
            known = ", ".join(sorted(MEMBERS))
            raise BadRequest("bad-policy", f"A policy has no member {strange[0][:60]!r}; it may have {known}.")
        try:
            wanted = Policy.from_json(body)
        except ValueError as error:
            raise BadRequest("bad-policy", str(error)) from error
        catalog.desks.set_policy(person, room_id, wanted)
        return Response(status_code=204)

    @routes.get("/rooms/{room_id}/policy", summary="What a room was told about its link")
    def current_policy(room_id: str, request: Request) -> dict[str, Any]:
        return catalog.desks.policy(gate.require(request, scope="rooms:read"), room_id).as_json()

    @routes.post("/lessons/{lesson_id}/send-now", status_code=202, summary="Ask the room to send a lesson first")
    def send_now(lesson_id: str, request: Request) -> CommandView:
        return catalog.desks.send_now(gate.require(request, scope="rooms:command"), lesson_id)

    return routes


async def _read(request: Request) -> bytes:
    """Raises TooLarge."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > LARGEST_TIMETABLE:
            raise TooLarge("too-large", "A timetable has at most 1 MiB; export a shorter time.")
    return bytes(body)
