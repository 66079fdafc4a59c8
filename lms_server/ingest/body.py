"""A request's body, read once by whoever gets there first."""

from __future__ import annotations

from collections.abc import AsyncIterator

import anyio
from starlette.requests import ClientDisconnect, Request

DRAIN_BYTES = 8 * 1024 * 1024
DRAIN_SECONDS = 10.0


class Body:
    """Pieces as they come; remembers whether the end was seen, because asking beyond it would wait for ever."""

    def __init__(self, request: Request) -> None:
        self._receive = request.receive
        self.whole = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Raises ClientDisconnect when the connection breaks before the end."""
        while not self.whole:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                self.whole = True
                raise ClientDisconnect
            self.whole = not message.get("more_body", False)
            if piece := message.get("body", b""):
                yield piece

    async def drain(self) -> None:
        """Read away, within bounds, a body that will not be taken: else many clients see a broken connection in place
        of the answer."""
        seen = 0
        with anyio.move_on_after(DRAIN_SECONDS):
            try:
                async for piece in self:
                    seen += len(piece)
                    if seen > DRAIN_BYTES:
                        return
            except ClientDisconnect:
                return
