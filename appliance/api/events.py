"""The room's events over a WebSocket: the status at once and on each change, levels while someone listens."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, field

from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from appliance.api.room import Pages, Room
from appliance.api.views import StatusView
from appliance.events import Event, Level

LEVELS_EVERY = 0.1
"""Seconds between two messages of levels."""
RECORDING_EVERY = 1.0
"""Seconds between two statuses while a lesson runs: the time on the panel goes on."""
IDLE_LOOK = 2.0
"""Seconds between two looks at what no event tells (disk, sending), while somebody looks on."""
IDLE_EVERY = 10.0
"""Seconds after which the same status is sent again, so that the panel knows that it is still true."""

router = APIRouter()


@router.websocket("/events")
async def events(socket: WebSocket) -> None:
    """Everything a panel shows, until it goes away."""
    room: Room = socket.app.state.room
    await socket.accept()
    talk = asyncio.create_task(_Talk(room, socket).run())
    leave = asyncio.create_task(_until_gone(socket, room.pages))
    try:
        await asyncio.wait({talk, leave}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (talk, leave):
            task.cancel()
        results = await asyncio.gather(talk, leave, return_exceptions=True)
        for result in results:
            if isinstance(result, Exception) and not isinstance(result, WebSocketDisconnect):
                raise result


async def _until_gone(socket: WebSocket, pages: Pages) -> None:
    """What a panel says here is of no interest; that it says something is, and that it is gone."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        pages.hear()


@dataclass(slots=True)
class _Talk:
    room: Room
    socket: WebSocket
    _levels: dict[str, list[float]] = field(default_factory=dict)
    _levels_at: float = 0.0
    _status: StatusView | None = None
    _status_at: float = 0.0

    async def run(self) -> None:
        with self.room.bus.subscribe() as queue, self.room.preview.listen():
            changed = True
            while True:
                await self._send(changed=changed)
                changed = False
                try:
                    async with asyncio.timeout(self._patience()):
                        changed |= self._take_in(await queue.get())
                except TimeoutError:
                    continue  # it is time to look, even though nothing was told
                while not queue.empty():
                    changed |= self._take_in(queue.get_nowait())

    def _take_in(self, event: Event) -> bool:
        """Whether the status may have changed."""
        if isinstance(event, Level):
            self._levels[event.source] = [event.rms_db, event.peak_db]
            return False
        return True

    def _every(self) -> float:
        return RECORDING_EVERY if self._status is not None and self._status.lesson is not None else IDLE_LOOK

    def _patience(self) -> float:
        """Seconds until something is to be done without an event."""
        now = time.monotonic()
        wait = self._status_at + self._every() - now
        if self._levels:
            wait = min(wait, self._levels_at + LEVELS_EVERY - now)
        return max(0.0, wait)

    async def _send(self, *, changed: bool) -> None:
        now = time.monotonic()
        if self._levels and now - self._levels_at >= LEVELS_EVERY:
            levels, self._levels, self._levels_at = self._levels, {}, now
            await self.socket.send_text(json.dumps({"type": "levels", "levels": levels}))
        if not changed and now - self._status_at < self._every():
            return
        self._status_at = now
        self.room.devices.look_sometimes()
        status = await self.room.board.status()
        if changed or status.lesson is not None or self._news(status):
            self._status = status
            await self.socket.send_text(json.dumps({"type": "status", **status.model_dump(mode="json")}))

    def _news(self, status: StatusView) -> bool:
        """Whether an idle room has anything to tell: more than that time went by and a few bytes of disk."""
        last = self._status
        if last is None or status.now - last.now >= IDLE_EVERY or status.now < last.now:
            return True
        return status != last.model_copy(update={"now": status.now, "disk": status.disk})
