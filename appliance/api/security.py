"""The door of the API, before anything else sees a request: who may ask, how much, and what browsers are told.

The API listens on this machine only, yet any web page open on it could speak to it. A page of another origin is known
by its Origin or Sec-Fetch-Site, a name that was made to point here (DNS rebinding) by its Host. Forms, the one way a
page can post without asking first, cannot send JSON: whatever changes anything must be JSON or have no body at all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from appliance.api.problems import answer
from appliance.errors import ForeignOrigin, RoomError, TooLarge, TooSlow
from kiosk_ui.page import POLICY

MAX_BODY = 64 * 1024
BODY_SECONDS = 10.0
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_OWN_SITE = frozenset({"same-origin", "none"})
SECURITY_HEADERS = {
    "content-security-policy": POLICY.format(inline=""),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), display-capture=()",
}


def hosts_of(host: str, port: int) -> frozenset[str]:
    """The Host headers under which a browser on this machine reaches us."""
    name = f"[{host}]" if ":" in host else host
    names = {name, "localhost"} if host != "localhost" else {"localhost", "127.0.0.1"}
    return frozenset({f"{n}:{port}" for n in names} | (names if port == 80 else set()))


class Guard:
    """ASGI middleware around the whole application, the WebSocket included."""

    def __init__(self, app: ASGIApp, hosts: Iterable[str]) -> None:
        self.app = app
        self._hosts = frozenset(hosts)
        self._origins = frozenset(f"http://{host}" for host in self._hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        is_http = scope["type"] == "http"
        try:
            self._admit(scope)
            if is_http and scope["method"] not in _READING:
                receive = await _with_body(scope, receive)
        except RoomError as error:
            if is_http or "websocket.http.response" in scope.get("extensions", {}):
                await answer(error)(scope, receive, _with_headers(send))
            else:
                await send({"type": "websocket.close", "code": 1008, "reason": error.code})
            return
        await self.app(scope, receive, _with_headers(send) if is_http else send)

    def _admit(self, scope: Scope) -> None:
        """Raises ForeignOrigin."""
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        if len(hosts) != 1 or hosts[0].lower() not in self._hosts:
            raise ForeignOrigin("The panel's API answers only under this machine's own name.", host=_one(hosts))
        origins = headers.getlist("origin")
        if origins and (len(origins) != 1 or origins[0].lower() not in self._origins):
            raise ForeignOrigin("Only the panel's own page may ask this.", origin=_one(origins))
        site = headers.get("sec-fetch-site", "none")
        if site not in _OWN_SITE and not _is_a_visit(scope, headers):
            raise ForeignOrigin("Another site's page may not ask this.")
        if scope["type"] == "http" and scope["method"] not in _READING:
            kind = headers.get("content-type")
            if kind is not None and kind.partition(";")[0].strip().lower() != "application/json":
                raise ForeignOrigin("Orders are sent as JSON, with Content-Type: application/json.")


def _is_a_visit(scope: Scope, headers: Headers) -> bool:
    """A link or a typed address that opens our page: nothing of ours can be read by where it came from."""
    return (
        scope["type"] == "http"
        and scope["method"] in _READING
        and headers.get("sec-fetch-mode") == "navigate"
        and headers.get("sec-fetch-dest") == "document"
    )


def _one(values: list[str]) -> str:
    return values[0][:200] if values else ""


async def _with_body(scope: Scope, receive: Receive) -> Receive:
    """The body, read whole before anything looks at it. Raises TooLarge, TooSlow."""
    too_large = TooLarge(f"The panel's API takes at most {MAX_BODY // 1024} KiB at once.", limit=MAX_BODY)
    length = Headers(scope=scope).get("content-length", "0")
    if not length.isdecimal() or int(length) > MAX_BODY:
        raise too_large
    body = bytearray()
    last: Message = {"type": "http.disconnect"}
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    last = message
                    break
                body += message.get("body", b"")
                if len(body) > MAX_BODY:
                    raise too_large
                if not message.get("more_body", False):
                    last = {"type": "http.request", "body": bytes(body), "more_body": False}
                    break
    except TimeoutError as error:
        raise TooSlow("The request's body did not come in time; send it again.") from error
    pending: list[Message] = [last]

    async def replay() -> Message:
        return pending.pop() if pending else await receive()

    return replay


def _with_headers(send: Send) -> Send:
    async def wrapped(message: Message) -> None:
        if message["type"] in {"http.response.start", "websocket.http.response.start"}:
            headers = MutableHeaders(raw=message.setdefault("headers", []))
            for name, value in SECURITY_HEADERS.items():
                headers.setdefault(name, value)
            headers.setdefault("cache-control", "no-store")
        await send(message)

    return wrapped
