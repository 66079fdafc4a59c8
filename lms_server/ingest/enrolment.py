"""A room's first word: a one-time code and the public key of the PC in it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter
from joserfc import jwk
from pydantic import BaseModel, StringConstraints
from starlette.requests import Request

from lms_server.catalog.rooms import Rooms
from lms_server.errors import BadRequest
from lms_sync import wire

Text = Annotated[str, StringConstraints(max_length=200)]


class Enrolment(BaseModel):
    code: Text
    room: Text
    institution: Text = ""
    public_key: dict[str, Any]


class Enrolled(BaseModel):
    """server: the address the room should use. server_key: the JWK that checks receipts. sealing_key: the JWK
    for which the room seals what it carries on a stick. time: Unix seconds."""

    room_id: str
    server: str
    server_key: dict[str, Any]
    sealing_key: dict[str, Any]
    time: float


def router(
    rooms: Rooms,
    key: jwk.OKPKey,
    sealing_key: jwk.OKPKey,
    address: Callable[[Request], str],
    clock: Callable[[], float],
) -> APIRouter:
    """key: signs receipts. sealing_key: see lms_sync.wire.sealing."""
    routes = APIRouter(tags=["rooms"])

    @routes.post(wire.ENROLMENTS, status_code=201, summary="Bind a room's key to the server by a one-time code")
    def enrol(body: Enrolment, request: Request) -> Enrolled:
        try:
            public = wire.load_key(body.public_key)
        except wire.BadSignature as error:
            raise BadRequest("bad-key", f"{error} Send the Ed25519 public key as a JWK.") from error
        room_id = rooms.enrol(body.code, body.room, body.institution, wire.dump_key(public, private=False))
        return Enrolled(
            room_id=room_id,
            server=address(request),
            server_key=json.loads(wire.dump_key(key, private=False)),
            sealing_key=json.loads(wire.dump_key(sealing_key, private=False)),
            time=clock(),
        )

    return routes
