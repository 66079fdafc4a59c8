"""What stands around every handler, as plain ASGI: headers that protect readers, the server's time for rooms, a limit
for bodies, and the refusal of requests that another site's page made a browser send."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lms_server import captions
from lms_server.api.problems import problem
from lms_sync import wire, wire_control

SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
}
"""A page of ours sets its own policy; whatever does not is data, and runs nothing even when opened as a page."""
MAX_BODY = 256 * 1024
"""Bytes; forms and JSON are far smaller, and uploads have their own way in."""
OWN_BOUNDS = (wire.UPLOADS, "/ingest/")
"""Addresses that bound what they read themselves: files come there."""
MAX_TIMETABLE = wire_control.LARGEST_TIMETABLE + 1024
"""The file, and what a form puts around it."""
MAX_CAPTIONS = captions.LARGEST + 64 * 1024
"""With what a form puts around them."""
_CAPTIONS = re.compile(rf"({wire.API})?/lessons/[^/]+/captions(/[^/]+)?")
CARRIED = frozenset({"bearer", wire.SCHEME.lower()})
"""Ways of signing in that no browser sends by itself, unlike a cookie or Basic."""
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class Shields:
    def __init__(self, app: ASGIApp, *, public_url: str, clock: Callable[[], float]) -> None:
        self._app = app
        self._origin = public_url.rstrip("/").lower()
        self._secure = self._origin.startswith("https://")
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_shielded(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._shield(MutableHeaders(scope=message))
            await send(message)

        headers = Headers(scope=scope)
        uploads = scope["path"].startswith(OWN_BOUNDS)
        if scope["method"] not in SAFE and not self._own_page(headers):
            refusal = problem(
                403, "foreign-origin", "The request came from another site's page; use this server's own."
            )
            await refusal(scope, receive, send_shielded)
        elif not uploads and _length(headers) > (most := _most(scope["path"])):
            refusal = problem(413, "too-large", f"A request to this address has at most {most} bytes.")
            await refusal(scope, receive, send_shielded)
        else:
            await self._app(scope, receive if uploads else _bounded(receive, _most(scope["path"])), send_shielded)

    def _shield(self, headers: MutableHeaders) -> None:
        for name, value in SECURITY.items():
            headers.setdefault(name, value)
        if self._secure:
            headers.setdefault("Strict-Transport-Security", "max-age=31536000")
        headers[wire.TIME_HEADER] = f"{self._clock():.3f}"

    def _own_page(self, headers: Headers) -> bool:
        """A browser says where a request comes from; what says nothing is no browser. A request that carries its own
        proof or token was not made by a browser on its own, wherever its page came from."""
        if headers.get("authorization", "").partition(" ")[0].lower() in CARRIED:
            return True
        origin = headers.get("origin")
        if origin is None:
            return headers.get("sec-fetch-site", "none") in ("same-origin", "none")
        ours = {self._origin.partition("://")[2], headers.get("host", "").lower()} - {""}
        return urlsplit(origin).netloc.lower() in ours


def _length(headers: Headers) -> int:
    text = headers.get("content-length", "0")
    return int(text) if text.isdigit() else 0


def _most(path: str) -> int:
    """Bytes of a body to this address."""
    if _CAPTIONS.fullmatch(path):
        return MAX_CAPTIONS
    rooms = path.startswith((f"{wire.API}/rooms/", "/rooms/"))
    return MAX_TIMETABLE if rooms and path.endswith("/timetable") else MAX_BODY


def _bounded(receive: Receive, most: int) -> Receive:
    """A body that does not announce its length is ended at the limit: what is cut off is no valid form or JSON."""
    seen = 0

    async def bounded() -> Message:
        nonlocal seen
        message = await receive()
        if message["type"] == "http.request":
            seen += len(message.get("body", b""))
            if seen > most:
                return {"type": "http.request", "body": b"", "more_body": False}
        return message

    return bounded
