"""The real server's application at the end of a cable that breaks as told: httpx's transport over ASGI, in one process
and without a clock, for tests that try thousands of orders of events."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterable
from typing import Any, Literal

import httpx
from starlette.types import ASGIApp

Fault = Literal["none", "unreachable", "half", "deaf", "damaged", "error", "portal", "killed"]


class Killed(BaseException):
    """Whoever sent this request is gone."""


class Cable(httpx.AsyncBaseTransport):
    """faults: what becomes of the next requests, one each; after them all is well.

    unreachable: nothing passes. half: half of the body passes. deaf: all passes but the answer. damaged: a bit of the
    body is flipped. error, portal: somebody else answers. killed: the sender ends before the answer.
    """

    def __init__(self, app: ASGIApp, chance: random.Random) -> None:
        self.app = app
        self.faults: deque[Fault] = deque()
        self._chance = chance

    def break_next(self, faults: Iterable[Fault]) -> None:
        self.faults = deque(faults)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        body = await request.aread()
        fault = self.faults.popleft() if self.faults else "none"
        if fault == "unreachable":
            raise httpx.ConnectError("the cable is out", request=request)
        if fault == "error":
            return _page(502, b"<html>proxy</html>")
        if fault == "portal":
            return _page(200, b"<html>log in</html>")
        if fault == "damaged" and body:
            at = self._chance.randrange(len(body))
            body = body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]
        passed = body[: len(body) // 2] if fault == "half" else body
        answer = await self._ask(request, passed, whole=fault != "half")
        if fault == "killed":
            raise Killed
        if fault in {"half", "deaf"}:
            raise httpx.ReadError("the cable broke", request=request)
        return answer

    async def _ask(self, request: httpx.Request, body: bytes, *, whole: bool) -> httpx.Response:
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": request.method,
            "scheme": request.url.scheme,
            "path": request.url.path,
            "raw_path": request.url.raw_path.partition(b"?")[0],
            "query_string": request.url.query,
            "root_path": "",
            "headers": [(name.lower(), value) for name, value in request.headers.raw],
            "client": ("127.0.0.1", 40000),
            "server": (request.url.host, request.url.port or 80),
        }
        coming: deque[dict[str, Any]] = deque([{"type": "http.request", "body": body, "more_body": not whole}])
        said: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return coming.popleft() if coming else {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            said.append(message)

        await self.app(scope, receive, send)
        start = next(message for message in said if message["type"] == "http.response.start")
        content = b"".join(message.get("body", b"") for message in said if message["type"] == "http.response.body")
        headers = [(name.decode(), value.decode()) for name, value in start["headers"]]
        return httpx.Response(start["status"], headers=headers, stream=httpx.ByteStream(content))


def _page(status: int, content: bytes) -> httpx.Response:
    """As it comes from a network: not read yet."""
    return httpx.Response(status, headers={"Content-Type": "text/html"}, stream=httpx.ByteStream(content))
