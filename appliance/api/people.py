"""Who teaches: a teacher may say so by PIN or card, and nobody has to. A guest can always record."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from appliance.api.desk import AtDesk
from appliance.api.room import Here
from appliance.api.views import StatusView
from appliance.api.who import running
from appliance.errors import BadRequest

router = APIRouter(prefix="/who")


class Said(BaseModel):
    """One of both."""

    model_config = ConfigDict(extra="forbid")
    pin: Annotated[str, Field(max_length=64)] = ""
    card: Annotated[str, Field(max_length=64)] = ""


@router.post("")
async def came(room: Here, desk: AtDesk, wish: Said) -> StatusView:
    """The lesson that is on, else the next one, carries this teacher's name. Problems: ``no-pin``, ``wrong-pin``,
    ``must-wait``, ``disk-full``."""
    if bool(wish.pin) == bool(wish.card):
        raise BadRequest("Say who you are by a PIN or by a card.")
    name = await desk.doors.teacher(pin=wish.pin, card=wish.card)
    desk.who.came(name)
    if running(room.recorder.status()):
        await room.recorder.taught_by(name)
    return await room.board.status()


@router.post("/leave")
async def left(room: Here, desk: AtDesk) -> StatusView:
    """The next lesson is a guest's; the one that is on keeps its name."""
    desk.who.leave()
    return await room.board.status()
