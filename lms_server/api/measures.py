"""Around everything else, as plain ASGI: how many requests there are, how they end and how long they take; and a name
for each, which stands in every line that the log says of it and in the answer (``X-Request-ID``)."""

from __future__ import annotations

import re
import secrets
import time

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lms_server.api.health import Metrics
from lms_sync import wire_control

HEADER = "X-Request-ID"
BEFORE_ROUTING = frozenset({wire_control.HEARTBEATS, wire_control.COMMANDS})
"""What ``api.channel`` answers."""
_NAME = re.compile(r"[A-Za-z0-9._-]{8,64}")


class Measures:
    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get(HEADER, "")
        name = given if _NAME.fullmatch(given) else secrets.token_hex(8)
        status, begun = 500, time.perf_counter()

        async def send_measured(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[HEADER] = name
            await send(message)

        with structlog.contextvars.bound_contextvars(request=name):
            try:
                await self._app(scope, receive, send_measured)
            finally:
                seconds = time.perf_counter() - begun
                self._metrics.answered(scope["method"], route_of(scope), status, seconds)


def route_of(scope: Scope) -> str:
    """The address as it was declared, so that there are no more of them than routes; "" for none of ours."""
    if scope["path"] in BEFORE_ROUTING:
        return str(scope["path"])
    return str(getattr(scope.get("route"), "path", ""))
