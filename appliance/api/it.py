"""The IT screen: behind its PIN, and for what needs that. Start, pause, mark and stop never do."""

from __future__ import annotations

import asyncio
import socket
import time
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from appliance.api import sticks
from appliance.api.desk import AtDesk, Authorization, SignedIn
from appliance.api.doors import SESSION
from appliance.api.room import Here
from appliance.api.views import ExportView, FindingView, ItView, LogView, SessionView, StickView
from appliance.errors import LessonOn, NotFound

router = APIRouter(prefix="/it")

Digits = Annotated[str, Field(max_length=64)]


class Login(BaseModel):
    model_config = ConfigDict(extra="forbid")
    pin: Digits


class Carry(BaseModel):
    """stick: the path of one that is listed."""

    model_config = ConfigDict(extra="forbid")
    stick: Annotated[str, Field(max_length=4096)]


class Restart(BaseModel):
    """confirmed: how often somebody has said that it is meant; a lesson that is on wants two."""

    model_config = ConfigDict(extra="forbid")
    confirmed: Annotated[int, Field(ge=0, le=2)] = 0


@router.post("/enter")
async def enter(desk: AtDesk, wish: Login) -> SessionView:
    """A session, for the header ``Authorization: Bearer``. Problems: ``no-pin``, ``wrong-pin``, ``must-wait``,
    ``disk-full``."""
    return SessionView(token=await desk.doors.enter(wish.pin), seconds=SESSION)


@router.post("/leave")
async def leave(desk: AtDesk, authorization: Authorization = None) -> SessionView:
    """The session ends, if it is one."""
    desk.doors.leave(authorization)
    return SessionView(token="", seconds=0)


@router.get("")
async def screen(room: Here, desk: SignedIn, authorization: Authorization = None) -> ItView:
    """What the screen shows beside the status. Problem: ``not-signed-in``."""
    found = await asyncio.to_thread(sticks.removable, room.spool.root)
    export = desk.errands.export
    return ItView(
        seconds=round(desk.doors.remaining(authorization)),
        host=socket.gethostname(),
        addresses=_addresses(),
        sticks=[StickView(path=stick.path, free=stick.free, total=stick.total) for stick in found],
        export=None
        if export is None
        else ExportView(path=export.path, state=export.state, bytes=export.bytes, left=export.left, said=export.said),
        log=[LogView(at=line.at, level=line.level, text=line.text) for line in desk.recent.lines],
    )


@router.post("/doctor")
async def doctor(desk: SignedIn) -> list[FindingView]:
    """Everything the room needs, looked at without opening a device. Takes seconds. Problem: ``not-signed-in``."""
    return [FindingView.model_validate(finding) for finding in await desk.errands.examine()]


@router.post("/export")
async def export(room: Here, desk: SignedIn, wish: Carry) -> ExportView:
    """Begin to put on a stick what the server lacks. Problems: ``not-signed-in``, ``not-found`` for what is not listed,
    ``wrong-state`` while one is being filled, ``disk-full``."""
    if wish.stick not in [stick.path for stick in await asyncio.to_thread(sticks.removable, room.spool.root)]:
        raise NotFound("No such stick is in; put it in, and look again.")
    await desk.doors.note({"at": round(time.time(), 3), "what": "export", "why": "it-screen", "path": wish.stick})
    desk.errands.carry(wish.stick)
    return ExportView(path=wish.stick, state="running")


@router.post("/restart")
async def restart(room: Here, desk: SignedIn, wish: Restart | None = None) -> SessionView:
    """Start the daemon anew; a lesson that is on is recorded on meanwhile, and found again. Problems:
    ``not-signed-in``, ``lesson-on`` until it is confirmed twice, ``disk-full``."""
    lesson = room.recorder.status().lesson
    confirmed = wish.confirmed if wish is not None else 0
    if lesson is not None and confirmed < 2:
        raise LessonOn("A lesson is being recorded; confirm twice, or wait until it is over.", confirmed=confirmed)
    await desk.doors.note({"at": round(time.time(), 3), "what": "restart", "why": "it-screen"})
    desk.restart()
    return SessionView(token="", seconds=0)


def _addresses() -> list[str]:
    """Those by which this machine goes out, none without a network. Nothing is sent."""
    found = []
    for family, somewhere in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect((somewhere, 9))
            except OSError:
                continue
            found.append(str(probe.getsockname()[0]))
    return found
