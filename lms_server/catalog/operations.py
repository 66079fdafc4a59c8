"""How the whole server does, in a few figures: for who runs it, and for no institution alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import case, func
from sqlmodel import col, select

from lms_server.catalog.database import Database
from lms_server.catalog.tables import AlarmRow, ChoreRow, LessonRow, Room, UploadRow

HEARD = 900.0
"""Seconds since its last signed request in which a room counts as heard."""
ALIVE, ALIVE_EVERY = "alive", 30.0
"""The chore by which workers show that they are there, and its seconds."""


@dataclass(frozen=True, slots=True)
class Figures:
    """lessons: by state, without those that were deleted. uploads: by state. rooms: heard, silent, revoked. alarms:
    that last, by kind. worker: seconds since some worker gave a sign of life; None when none ever did."""

    lessons: dict[str, int]
    uploads: dict[str, int]
    rooms: dict[str, int]
    alarms: dict[str, int]
    worker: float | None


class Operations:
    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock

    def figures(self) -> Figures:
        """Reads every lesson's state: for who asks now and again."""
        contact = case(
            (col(Room.revoked).is_not(None), "revoked"),
            (col(Room.last_seen) > self._clock() - HEARD, "heard"),
            else_="silent",
        )
        living = select(LessonRow.state, func.count()).where(col(LessonRow.deleted).is_(None))
        raised = col(AlarmRow.lasts).is_(True), col(AlarmRow.raised).is_not(None)
        lasting = select(AlarmRow.kind, func.count()).where(*raised)
        with self._database.read() as session:
            return Figures(
                lessons=dict(session.exec(living.group_by(col(LessonRow.state))).all()),
                uploads=dict(session.exec(select(UploadRow.state, func.count()).group_by(col(UploadRow.state))).all()),
                rooms=dict(session.exec(select(contact, func.count()).group_by(contact)).all()),
                alarms=dict(session.exec(lasting.group_by(col(AlarmRow.kind))).all()),
                worker=self._worker(session.get(ChoreRow, ALIVE)),
            )

    def worker(self) -> float | None:
        """As of the figures, at the price of one small question: the database answers."""
        with self._database.read() as session:
            return self._worker(session.get(ChoreRow, ALIVE))

    def _worker(self, row: ChoreRow | None) -> float | None:
        return None if row is None else max(0.0, self._clock() - (row.due - ALIVE_EVERY))
