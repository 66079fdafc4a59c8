"""What rooms say and ask all the time: how they are, and whether there is something to do. Each request is signed.

    POST HEARTBEATS · GET COMMANDS?wait=SECONDS       see lms_sync.wire_control

Ten thousand rooms say so once a minute and wait here in between. So these two addresses are plain ASGI in front of the
application, whose routing would cost more than the answer; a wait holds neither a thread nor a session; all waits of
this process share one question to the database a second; and what rooms say is taken down together: see ``clerk``.
"""

from __future__ import annotations

import hashlib
import json
from urllib.parse import parse_qs

import anyio
from sqlalchemy.exc import OperationalError
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send

from lms_server.api import problems
from lms_server.api.clerk import Clerk, Visit
from lms_server.api.said import body_of, json_of
from lms_server.catalog.desks import Desks
from lms_server.errors import BadRequest, ServerError
from lms_sync import wire, wire_control
from lms_sync.wire_control import Orders

LOOK = 1.0
"""Seconds between two questions to the database."""


class Bell:
    """Tells who waits that there is something for them. It must be ``rung`` as long as the server runs."""

    def __init__(self, desks: Desks) -> None:
        self._desks = desks
        self._waiting: dict[str, anyio.Event] = {}
        self._closing = False

    async def wait(self, room_id: str, seconds: float) -> None:
        """Until the room has a command it was not told of, so many seconds went by, or the server ends."""
        if self._closing:
            return
        bell = self._waiting.setdefault(room_id, anyio.Event())
        with anyio.move_on_after(seconds):
            await bell.wait()
        if self._waiting.get(room_id) is bell:
            del self._waiting[room_id]

    async def rung(self) -> None:
        """Until cancelled."""
        while True:
            if self._waiting:
                self._ring(await run_in_threadpool(self._desks.with_news))
            await anyio.sleep(LOOK)

    def close(self) -> None:
        """Send everybody home."""
        self._closing = True
        self._ring(frozenset(self._waiting))

    def _ring(self, rooms: frozenset[str]) -> None:
        for room in rooms & self._waiting.keys():
            self._waiting.pop(room).set()


class Channel:
    def __init__(self, app: ASGIApp, *, clerk: Clerk, bell: Bell) -> None:
        self._app, self._clerk, self._bell = app, clerk, bell

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = (scope.get("method"), scope.get("path"))
        if asked not in (("POST", wire_control.HEARTBEATS), ("GET", wire_control.COMMANDS)):
            await self._app(scope, receive, send)
            return
        try:
            orders = await (self._heard(scope, receive) if asked[0] == "POST" else self._listened(scope, receive))
        except ClientDisconnect:
            return
        except (ServerError, OperationalError) as error:
            await problems.answer(error)(scope, receive, send)
            return
        body = json.dumps(orders.as_json(), ensure_ascii=False, separators=(",", ":")).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _heard(self, scope: Scope, receive: Receive) -> Orders:
        body = await body_of(receive)
        visit = _visit(scope, hashlib.sha256(body).hexdigest())
        try:
            visit.heartbeat = wire_control.Heartbeat.from_json(json_of(body))
        except ValueError as error:
            visit.nonsense = BadRequest("bad-heartbeat", str(error))  # said to nobody but a room
        return await self._clerk.orders(visit)

    async def _listened(self, scope: Scope, receive: Receive) -> Orders:
        await body_of(receive)
        visit, wait = _visit(scope, wire.EMPTY_SHA256), _wait(scope)
        until = anyio.current_time() + wait
        if wait and not await self._clerk.has_news(visit):
            await self._bell.wait(visit.room_id, until - anyio.current_time())
        return await self._clerk.orders(visit)


def _visit(scope: Scope, body_sha256: str) -> Visit:
    authorization = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
    target, query = scope["raw_path"].decode("ascii"), scope["query_string"].decode("ascii", "replace")
    return Visit(
        authorization.decode("latin-1"), scope["method"], f"{target}?{query}" if query else target, body_sha256
    )


def _wait(scope: Scope) -> float:
    """Raises BadRequest."""
    text = parse_qs(scope["query_string"].decode("ascii", "replace")).get("wait", ["0"])[-1]
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= wire_control.LONGEST_WAIT:
        raise BadRequest("bad-wait", f"wait is a number of seconds, at most {wire_control.LONGEST_WAIT:g}.")
    return seconds
