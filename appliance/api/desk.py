"""What stands behind the panel's doors, for the routes that need it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header
from starlette.requests import HTTPConnection

from appliance.api.doors import Doors
from appliance.api.errands import Errands
from appliance.api.setup import Setup
from appliance.api.who import Who
from appliance.logs import Recent


@dataclass(frozen=True, slots=True)
class Desk:
    """restart: ends the daemon in a moment as a crash would, so that keepers record on; the service manager starts it
    anew."""

    doors: Doors
    who: Who
    errands: Errands
    recent: Recent
    restart: Callable[[], None]
    setup: Setup

    async def close(self) -> None:
        logging.getLogger().removeHandler(self.recent)
        self.setup.candidates.leave()
        await self.errands.close()


def desk_of(connection: HTTPConnection) -> Desk:
    desk: Desk = connection.app.state.room.desk
    return desk


AtDesk = Annotated[Desk, Depends(desk_of)]
Authorization = Annotated[str | None, Header()]


def signed_in(desk: AtDesk, authorization: Authorization = None) -> Desk:
    """Raises NotSignedIn."""
    desk.doors.require(authorization)
    return desk


SignedIn = Annotated[Desk, Depends(signed_in)]
