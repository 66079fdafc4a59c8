"""Orders of the central server, which came through the agent: on record before they are done, on the panel after.

The last one lies in ``spool/remote.json``, so that a daemon that was killed still says who started its lesson, and an
agent that was killed finds out whether its order was obeyed.
"""

from __future__ import annotations

import json
import logging
import time
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from appliance.api.views import RemoteView
from appliance.errors import DiskFull
from appliance.spool import audit
from appliance.spool.layout import Spool, write_atomically

log = logging.getLogger(__name__)


class Origin(BaseModel):
    """by: the name of who asked, at the server. command: its id there."""

    model_config = ConfigDict(extra="forbid")
    by: Annotated[str, StringConstraints(max_length=200)]
    command: Annotated[str, StringConstraints(pattern="^[0-7][0-9A-HJKMNP-TV-Z]{25}$")]


class Remote:
    """Blocking: reads and writes the spool."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._file = spool.root / "remote.json"
        self.last = self._read()

    def announce(self, verb: str, origin: Origin) -> None:
        """Put an order on record. Raises DiskFull when that cannot be done: then it is not to be obeyed."""
        line = {"at": round(time.time(), 3), "what": verb, "why": "central-server", **origin.model_dump()}
        try:
            audit.note(self._spool, line)
        except OSError as error:
            raise DiskFull("The order cannot be put on record, so it is not obeyed; free some room.") from error

    def obeyed(self, verb: str, origin: Origin, lesson: str) -> None:
        """Remember an order that was obeyed, and the lesson it was about."""
        self.last = RemoteView(verb=verb, by=origin.by, command=origin.command, lesson=lesson, at=round(time.time(), 3))
        try:
            write_atomically(self._file, self.last.model_dump_json().encode() + b"\n")
        except OSError as error:
            log.warning("The panel forgets who gave the order should the daemon end: %s", error)

    def _read(self) -> RemoteView | None:
        try:
            return RemoteView.model_validate(json.loads(self._file.read_bytes()))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, ValidationError) as error:
            log.warning("%s cannot be read and is passed over: %s", self._file, error)
            return None
