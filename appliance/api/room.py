"""What the API needs of the rest of the daemon, as it is handed to every request."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from appliance.api.board import Board
from appliance.api.books import Books
from appliance.api.desk import Desk
from appliance.api.devices import Devices
from appliance.api.remote import Remote
from appliance.config import Config
from appliance.events import Bus
from appliance.recorder.preview import Preview
from appliance.recorder.selftesting import SelfTesting
from appliance.recorder.touches import Panel
from appliance.room.fittings import Fittings
from appliance.room.scenes import Scenes
from appliance.room.timetable import Follower
from appliance.spool.layout import Spool


class Pages:
    """Whether the panel's page lives in some browser, by what it says itself."""

    def __init__(self) -> None:
        self._heard: float | None = None

    def hear(self) -> None:
        self._heard = time.monotonic()

    @property
    def silent(self) -> float | None:
        """Seconds since a page was last heard; None while none has been."""
        return None if self._heard is None else time.monotonic() - self._heard


@dataclass(frozen=True, slots=True)
class Room:
    """Everything a request may ask."""

    config: Config
    recorder: Panel
    preview: Preview
    spool: Spool
    bus: Bus
    books: Books
    board: Board
    devices: Devices
    remote: Remote
    timetable: Follower
    fittings: Fittings
    scenes: Scenes
    testing: SelfTesting
    desk: Desk
    pages: Pages = field(default_factory=Pages)
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the daemon ends: living pictures, which never end by themselves, end then."""


def room_of(connection: HTTPConnection) -> Room:
    room: Room = connection.app.state.room
    return room


Here = Annotated[Room, Depends(room_of)]
