"""What can be read: the status, the devices, the lessons in the spool."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from appliance.api import deliveries as books
from appliance.api.desk import AtDesk, Authorization
from appliance.api.listing import list_lessons, read_entry
from appliance.api.room import Here
from appliance.api.views import DeliveriesView, DeviceView, LessonEntry, StatusView
from appliance.errors import DiskFull, NotFound
from appliance.spool import keeping

router = APIRouter()


class Keep(BaseModel):
    """keep: false undoes it."""

    model_config = ConfigDict(extra="forbid")
    keep: bool = True


@router.get("/status")
async def status(room: Here) -> StatusView:
    """The whole room at a glance."""
    return await room.board.status()


@router.get("/devices")
async def devices(room: Here) -> list[DeviceView]:
    """Those of room.toml, each asked whether it is willing, and those found beside them."""
    return await room.devices.report()


@router.get("/deliveries")
async def deliveries(room: Here, desk: AtDesk, authorization: Authorization = None) -> DeliveriesView:
    """The newest lessons on their way to the server. Where the room knows teachers: those of guests and of the teacher
    who stands at the panel, and all of them in a session of the IT screen."""
    all_of_them = not desk.who.asked or desk.doors.remaining(authorization)
    seen_by = None if all_of_them else desk.who.name(room.recorder.status())
    return await asyncio.to_thread(books.deliveries, room.spool, seen_by)


@router.get("/lessons")
async def lessons(room: Here) -> list[LessonEntry]:
    """Every lesson in the spool, oldest first."""
    return await asyncio.to_thread(list_lessons, room.spool)


@router.post("/lessons/{lesson}/keep")
async def keep(room: Here, lesson: str, wish: Keep | None = None) -> LessonEntry:
    """Keep a lesson's recordings in the room, or undo that. Problem: ``not-found``."""
    do = keeping.keep if wish is None or wish.keep else keeping.release
    try:
        await asyncio.to_thread(do, room.spool, lesson)
    except (ValueError, FileNotFoundError):
        pass  # said below, in the same words as for one that is only looked for
    except OSError as error:
        raise DiskFull(f"The wish cannot be written ({error.strerror}); free some room.") from error
    return await lesson_here(room, lesson)


@router.get("/lessons/{lesson}")
async def lesson_here(room: Here, lesson: str) -> LessonEntry:
    """One lesson. Problem: ``not-found``."""
    entry = await asyncio.to_thread(read_entry, room.spool, lesson)
    if entry is None:
        raise NotFound(f'There is no lesson "{lesson[:60]}" in this room.', lesson=lesson[:60])
    return entry
