"""The teacher's touches."""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from appliance.api.remote import Origin
from appliance.api.room import Here, Room
from appliance.api.views import StatusView

MAX_TITLE = 200

router = APIRouter(prefix="/lesson")


def _printable(text: str) -> str:
    if any(unicodedata.category(char) == "Cc" and not char.isspace() for char in text):
        raise ValueError("has characters that cannot be shown; type it again")
    return text


Name = Annotated[str, Field(max_length=MAX_TITLE), AfterValidator(_printable)]


class Start(BaseModel):
    model_config = ConfigDict(extra="forbid")
    title: Name = ""
    origin: Origin | None = None


class Stop(BaseModel):
    """undo: the stop can be undone for ``[recorder] undo_seconds``."""

    model_config = ConfigDict(extra="forbid")
    origin: Origin | None = None
    undo: bool = False


class MarkMoment(BaseModel):
    model_config = ConfigDict(extra="forbid")
    label: Name = ""


class Extend(BaseModel):
    model_config = ConfigDict(extra="forbid")
    minutes: Annotated[int, Field(ge=1, le=120)] = 10


@router.post("/start")
async def start(room: Here, wish: Start | None = None) -> StatusView:
    """Begin a lesson. Problems: ``already-recording``, ``cannot-record``, ``disk-full``."""
    title = wish.title if wish is not None else ""
    await _order(room, "start", wish.origin if wish is not None else None, lambda: room.recorder.start(title))
    return await room.board.status()


@router.post("/pause")
async def pause(room: Here) -> StatusView:
    """Stop recording for a while. Problems: ``not-recording``, ``wrong-state``."""
    await room.recorder.pause()
    return await room.board.status()


@router.post("/resume")
async def resume(room: Here) -> StatusView:
    """Go on after a pause. Problems: ``not-recording``, ``wrong-state``."""
    await room.recorder.resume()
    return await room.board.status()


@router.post("/stop")
async def stop(room: Here, wish: Stop | None = None) -> StatusView:
    """End the lesson and keep it. Problem: ``not-recording``."""
    stop = room.recorder.stop_softly if wish is not None and wish.undo else room.recorder.stop
    await _order(room, "stop", wish.origin if wish is not None else None, stop)
    return await room.board.status()


@router.post("/undo")
async def undo(room: Here) -> StatusView:
    """The lesson goes on after a stop that can be undone. Problems: ``not-recording``, ``wrong-state``."""
    await room.recorder.undo()
    return await room.board.status()


@router.post("/mark")
async def mark(room: Here, wish: MarkMoment | None = None) -> StatusView:
    """Remember this moment. Problems: ``not-recording``, ``wrong-state``."""
    await room.recorder.mark(wish.label if wish is not None else "")
    return await room.board.status()


@router.post("/extend")
async def extend(room: Here, wish: Extend | None = None) -> StatusView:
    """Let a lesson that the timetable began run on after its end. Problems: ``not-recording``, ``wrong-state`` for a
    lesson that was started by hand, ``disk-full``."""
    await room.timetable.extend((wish or Extend()).minutes)
    return await room.board.status()


async def _order(room: Room, verb: str, origin: Origin | None, do: Callable[[], Awaitable[None]]) -> None:
    """A touch in the room is obeyed as it is; an order of the central server goes on record first."""
    if origin is None:
        await do()
        return
    await asyncio.to_thread(room.remote.announce, verb, origin)
    before = room.recorder.status().lesson
    await do()
    after = room.recorder.status().lesson or before
    await asyncio.to_thread(room.remote.obeyed, verb, origin, after.id if after is not None else "")
