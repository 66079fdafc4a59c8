"""The first-boot wizard's routes. On the first boot they need no PIN, later that of the IT screen."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from appliance.api.candidates import Candidate
from appliance.api.desk import AtDesk, Authorization
from appliance.api.devices import problem_view
from appliance.api.doors import SESSION
from appliance.api.room import Here
from appliance.api.setup import Setup
from appliance.api.views import CandidateView, ChosenView, SessionView, SetupView
from appliance.config import Language
from appliance.spool.draft import Device

router = APIRouter(prefix="/setup")

SCREEN = "screen"


def permitted(desk: AtDesk, authorization: Authorization = None) -> Setup:
    """Raises NotSignedIn."""
    if not desk.setup.first_boot:
        desk.doors.require(authorization)
    return desk.setup


Permitted = Annotated[Setup, Depends(permitted)]


class Choice(BaseModel):
    """What is left out stays as it is. devices: keys of those that shall be recorded, the preferred one first. later:
    the server is left for another day."""

    model_config = ConfigDict(extra="forbid")
    language: Language | None = None
    name: Annotated[str, Field(max_length=200)] | None = None
    devices: Annotated[list[Annotated[str, Field(max_length=64)]], Field(max_length=32)] | None = None
    later: bool | None = None


class NetworkCamera(BaseModel):
    """address: that of its stream, or only the camera's, which is then asked by ONVIF."""

    model_config = ConfigDict(extra="forbid")
    address: Annotated[str, Field(max_length=500)]
    user: Annotated[str, Field(max_length=100)] = ""
    password: Annotated[str, Field(max_length=200)] = ""


class Invitation(BaseModel):
    """code: the one-time code that the server gave for this room."""

    model_config = ConfigDict(extra="forbid")
    server: Annotated[str, Field(max_length=500)]
    code: Annotated[str, Field(max_length=100)]


class NewPin(BaseModel):
    model_config = ConfigDict(extra="forbid")
    pin: Annotated[str, Field(max_length=64)]


@router.get("")
async def state(room: Here, setup: Permitted) -> SetupView:
    """What was chosen so far. Problem: ``not-signed-in``, as for every route here."""
    return await asyncio.to_thread(_view, room, setup)


@router.post("/choose")
async def choose(room: Here, setup: Permitted, choice: Choice) -> SetupView:
    """Keep a step. Problems: ``bad-request``, ``disk-full``."""
    await setup.choose(language=choice.language, name=choice.name, keys=choice.devices, later=choice.later)
    return await asyncio.to_thread(_view, room, setup)


@router.post("/look")
async def look(setup: Permitted) -> list[CandidateView]:
    """Look for devices, which takes seconds; their pictures and levels can be had by their ``source`` until ``leave``.
    Problem: ``lesson-on``."""
    seen, chosen = await setup.look(), setup.draft.devices
    keys = _usual(seen) if chosen is None else {device.key for device in chosen}
    return [_candidate(each, keys) for each in seen]


@router.post("/camera")
async def camera(setup: Permitted, wish: NetworkCamera) -> list[CandidateView]:
    """Add a network camera, which is tried first. Problems: ``bad-request``, ``device-trouble``, ``lesson-on``."""
    key = await setup.add_camera(wish.address, wish.user, wish.password)
    seen, chosen = await setup.look(), setup.draft.devices
    keys = _usual(seen) if chosen is None else {device.key for device in chosen}
    return [_candidate(each, keys | {key}) for each in seen]


@router.post("/join")
async def join_server(room: Here, setup: Permitted, invitation: Invitation) -> SetupView:
    """Join a server, for good. Problem: ``join-refused``, with what the server or the way to it said as ``problem``."""
    await setup.join(invitation.server, invitation.code)
    return await asyncio.to_thread(_view, room, setup)


@router.post("/pin")
async def pin(setup: Permitted, wish: NewPin) -> SessionView:
    """Set the PIN of the IT screen; from now on its session is needed here too. Problem: ``unfit-pin``."""
    return SessionView(token=await setup.set_pin(wish.pin), seconds=SESSION)


@router.post("/write")
async def write(room: Here, setup: Permitted) -> SetupView:
    """Write room.toml and start the daemon anew. Problems: ``nothing-chosen``, ``no-pin``, ``lesson-on``,
    ``cannot-write``, ``bad-request``, ``disk-full``."""
    await setup.write()
    return await asyncio.to_thread(_view, room, setup)


@router.post("/leave")
async def leave(room: Here, setup: Permitted) -> SetupView:
    """Nobody looks at devices any more. What was chosen stays."""
    setup.candidates.leave()
    return await asyncio.to_thread(_view, room, setup)


def _view(room: Here, setup: Setup) -> SetupView:
    draft = setup.draft
    return SetupView(
        first_boot=setup.first_boot,
        language=draft.language,
        name=draft.name,
        suggested=room.config.room.name,
        devices=None if draft.devices is None else [_chosen(each) for each in draft.devices],
        server=setup.server,
        later=draft.later,
        pin=setup.pin,
    )


def _chosen(device: Device) -> ChosenView:
    return ChosenView(key=device.key, kind=device.kind, title=device.title)


def _candidate(each: Candidate, chosen: set[str]) -> CandidateView:
    device = each.device
    return CandidateView(
        key=device.key,
        kind=device.kind,
        driver=device.driver,
        title=device.title,
        source=each.source,
        problem=problem_view(each.problem),
        chosen=device.key in chosen,
    )


def _usual(seen: list[Candidate]) -> set[str]:
    """What most rooms want: every camera that is willing, and one microphone. A screen is never recorded unasked."""
    well = [each for each in seen if each.problem is None and each.device.driver != SCREEN]
    cameras = {each.device.key for each in well if each.device.kind == "camera"}
    microphones = [each.device.key for each in well if each.device.kind == "microphone"]
    return cameras | set(microphones[:1])
