"""Chores: what some worker sees to now and again. Of several workers one does each, and one that was killed over it is
followed by another when it is due again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy.exc import OperationalError
from sqlmodel import col, update

from lms_server.catalog.database import Database, made_once
from lms_server.catalog.tables import ChoreRow
from lms_server.errors import ServerError

LOOK = 5.0
"""Seconds between two looks at what is due."""
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Chore:
    """every: seconds between two beginnings. do: may be begun again at any time, and raises OSError, ServerError or
    OperationalError for what is to be waited out; anything else ends the worker, and the unit starts it afresh."""

    name: str
    every: float
    do: Callable[[], object]


class Chores:
    def __init__(self, database: Database, clock: Callable[[], float], chores: Sequence[Chore]) -> None:
        self._database = database
        self._clock = clock
        self._chores = chores

    def run(self, stop: threading.Event) -> None:
        """Until stop is set."""
        while not stop.is_set():
            self.once(stop)
            stop.wait(LOOK)

    def once(self, stop: threading.Event) -> None:
        """All that is due."""
        for chore in self._chores:
            if stop.is_set():
                return
            try:
                if self._mine(chore):
                    chore.do()
            except (OSError, ServerError, OperationalError) as error:
                log.error("chore put off", chore=chore.name, problem=str(error))

    def _mine(self, chore: Chore) -> bool:
        """Whether it is due, and now this worker's. A time far ahead was written by a clock that has since been set
        back."""
        now = self._clock()
        with self._database.read() as session:
            row = session.get(ChoreRow, chore.name)
        if row is not None and now < row.due <= now + 2 * chore.every:
            return False
        with self._database.write() as session:
            made_once(session, lambda: session.get(ChoreRow, chore.name), ChoreRow(name=chore.name, due=0.0))
            due = col(ChoreRow.due)
            mine = (col(ChoreRow.name) == chore.name) & ((due <= now) | (due > now + 2 * chore.every))
            return session.exec(update(ChoreRow).where(mine).values(due=now + chore.every)).rowcount == 1
