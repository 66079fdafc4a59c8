"""What people do with the room besides recording: panels, cameras that turn, scenes, and the test before class."""

from __future__ import annotations

from typing import Annotated, Self

from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from appliance.api.room import Here
from appliance.api.views import StatusView
from appliance.errors import NotFound, WrongState
from appliance.scenes import Order, Switch

PLACE_LENGTH = 60

router = APIRouter()


class Place(BaseModel):
    model_config = ConfigDict(extra="forbid")
    preset: str = Field(min_length=1, max_length=PLACE_LENGTH)


class Wish(BaseModel):
    """One thing, in the words of room.toml's scenes. volume: percent."""

    model_config = ConfigDict(extra="forbid")
    power: Switch | None = None
    input: str | None = Field(None, min_length=1, max_length=60)
    volume: int | None = Field(None, ge=0, le=100)
    mute: Switch | None = None
    freeze: Switch | None = None
    blank: Switch | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if len(self.said) != 1:
            raise ValueError("must say one thing to do")
        return self

    @property
    def said(self) -> dict[str, str | int]:
        return self.model_dump(exclude_none=True)


@router.post("/devices/{device}/order")
async def order(room: Here, device: str, wish: Wish) -> StatusView:
    """Tell a panel one thing. Answers within two seconds: a panel that takes longer is ``telling`` in the status until
    it has obeyed or is ``untold``. Problems: ``not-found``, ``device-trouble``."""
    ((action, value),) = wish.said.items()
    await room.fittings.tell(Order(device, action, value))
    return await room.board.status()


@router.post("/devices/{device}/preset")
async def preset(room: Here, device: str, wish: Place) -> StatusView:
    """Turn a camera to one of its places. Answers as ``order`` does. Problems: ``not-found``, ``device-trouble``."""
    await room.fittings.tell(Order(device, "preset", wish.preset))
    return await room.board.status()


@router.post("/devices/{device}/place")
async def place(room: Here, device: str, wish: Place) -> StatusView:
    """Make where a camera looks now this place, and take its picture. Answers as ``order`` does. Problems:
    ``not-found``, ``device-trouble``."""
    await room.fittings.tell(Order(device, "store", wish.preset))
    return await room.board.status()


@router.get("/devices/{device}/place.jpg", response_class=Response, responses={200: {"content": {"image/jpeg": {}}}})
async def picture(
    room: Here, device: str, preset: Annotated[str, Query(max_length=PLACE_LENGTH)], v: str = ""
) -> Response:
    """What a place showed when it was made. v: its version as the status has it; then browsers may keep it. Problem:
    ``not-found``."""
    jpeg = room.fittings.picture(device, preset)
    kept = "private, max-age=31536000, immutable" if v else "no-store"
    return Response(jpeg, media_type="image/jpeg", headers={"Cache-Control": kept})


@router.post("/scenes/{scene}")
async def scene(room: Here, scene: str) -> StatusView:
    """Have the room's devices do what a named scene says; the status tells how it goes. Problem: ``not-found``."""
    try:
        room.scenes.play(scene)
    except KeyError as error:
        raise NotFound(f'The room has no scene "{scene[:60]}".') from error
    return await room.board.status()


@router.post("/selftest")
async def selftest(room: Here) -> StatusView:
    """Try every source for ten seconds; the status tells what was found. Problem: ``wrong-state`` while a lesson is on,
    and where there is nothing to try."""
    if not room.testing.wish():
        raise WrongState("The room can only be tried while no lesson is on, and where it has cameras or microphones.")
    return await room.board.status()
