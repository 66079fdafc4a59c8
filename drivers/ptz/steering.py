"""A hand on a stick says more than a camera's line carries: of each kind of wish only the newest is passed on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

STEER_SECONDS = 0.1
"""Between two wishes that are passed on."""
Wish = TypeVar("Wish")


class Steering(Generic[Wish]):
    """For one camera. send: tells it one wish, of a kind (``move``, ``zoom``)."""

    def __init__(self, send: Callable[[str, Wish], Awaitable[None]]) -> None:
        self._send = send
        self._wishes: dict[str, Wish] = {}
        self._busy = False
        self._sent_at = float("-inf")

    async def wish(self, kind: str, wish: Wish) -> None:
        """Pass it on when it is time. Whoever wishes while another is on its way leaves it to that one. Raises what
        ``send`` raises."""
        self._wishes[kind] = wish
        if self._busy:
            return
        self._busy = True
        loop = asyncio.get_running_loop()
        try:
            while self._wishes:
                await asyncio.sleep(max(0.0, self._sent_at + STEER_SECONDS - loop.time()))
                if not self._wishes:  # forgotten meanwhile
                    return
                newest = next(iter(self._wishes))
                self._sent_at = loop.time()
                await self._send(newest, self._wishes.pop(newest))
        finally:
            self._busy = False
            self._wishes.clear()  # after an error a camera must not move later, by an old wish

    def forget(self) -> None:
        """What has not been passed on yet."""
        self._wishes.clear()
