"""Who sends an upload: a room by its signed proof, or a program by the token of a ``service``."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from joserfc import jws
from joserfc.errors import JoseError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from lms_server.catalog.rooms import Rooms
from lms_server.catalog.schemas import Person
from lms_server.catalog.tables import Room
from lms_server.catalog.tokens import Tokens, check_scope
from lms_server.errors import Forbidden, Unauthenticated
from lms_sync import wire


@dataclass(frozen=True, slots=True)
class Caller:
    """room: whose proof it was, None for a program. body_sha256: what the proof says the body is; whoever reads the
    body must compare."""

    room: Room | None
    person: Person | None
    body_sha256: str | None


class Callers:
    def __init__(self, rooms: Rooms, tokens: Tokens, clock: Callable[[], float]) -> None:
        self._rooms = rooms
        self._tokens = tokens
        self._clock = clock

    async def identify(self, request: Request) -> Caller:
        """Raises Unauthenticated (not-signed, unknown-room, bad-signature, clock-skew) or Forbidden (room-revoked,
        not-allowed)."""
        authorization = request.headers.get("authorization", "")
        scheme, _, credentials = authorization.partition(" ")
        if scheme.lower() == "bearer":
            return Caller(None, await run_in_threadpool(self._service, credentials.strip()), None)
        if scheme != wire.SCHEME:
            raise Unauthenticated(
                "not-signed",
                "The request is signed by no room and carries no token; enrol the room first.",
                headers={"WWW-Authenticate": f'{wire.SCHEME}, Bearer realm="darsbox"'},
            )
        return await run_in_threadpool(self._room, authorization, request.method, target_of(request))

    def _service(self, token: str) -> Person:
        person = self._tokens.owner(token)
        check_scope(person, "lessons:upload")
        if person.role not in ("service", "admin"):
            raise Forbidden("not-allowed", "Uploading takes the token of a service.")
        return person

    def _room(self, authorization: str, method: str, target: str) -> Caller:
        body = None
        try:
            room = self._rooms.find(wire.proof_room(authorization))
            body = _claimed_body(authorization)
        except wire.BadSignature as error:
            raise Unauthenticated("bad-signature", str(error)) from error
        room = self.check(room, authorization, method=method, target=target, body_sha256=body)
        self._rooms.saw(room)
        return Caller(room, None, body)

    def check(self, room: Room | None, authorization: str, *, method: str, target: str, body_sha256: str) -> Room:
        """Whether this room made this very request. room: the one that the proof names, as it is now. Raises
        Unauthenticated (unknown-room, bad-signature, clock-skew), Forbidden (room-revoked)."""
        if room is None:
            raise Unauthenticated("unknown-room", "The server does not know this room; enrol it again.")
        now = self._clock()
        try:
            key = _key(room.public_key)
            wire.check_proof(authorization, key, method=method, path=target, body_sha256=body_sha256, now=now)
        except wire.BadSignature as error:
            raise Unauthenticated("bad-signature", str(error)) from error
        except wire.ClockSkew as error:
            raise Unauthenticated(
                "clock-skew",
                f"The room's clock is wrong; the server's time is in {wire.TIME_HEADER}.",
                now=now,
            ) from error
        if room.revoked is not None:
            raise Forbidden("room-revoked", "This room was shut out; ask an admin to enrol it again.")
        return room


def target_of(request: Request) -> str:
    """What a proof must name: the path as it came, with its query."""
    target = str(request.scope["raw_path"].decode("ascii"))
    return f"{target}?{request.url.query}" if request.url.query else target


_key = lru_cache(maxsize=16_384)(wire.load_key)


def _claimed_body(authorization: str) -> str:
    """The body's SHA-256 a proof speaks of, read before the proof is checked: the signature covers it."""
    try:
        claims = json.loads(jws.extract_compact(authorization.partition(" ")[2].encode()).payload)
        claimed = claims["bsha"]
    except (JoseError, ValueError, KeyError, TypeError) as error:
        raise wire.BadSignature("The request's signature cannot be read.") from error
    if not isinstance(claimed, str):
        raise wire.BadSignature("The request's signature does not cover its body.")
    return claimed
