"""Alarms: what is wrong with a room for long enough that somebody must know, told once, until it is over."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence

from sqlmodel import Session, col, delete, select

from lms_server.catalog import overview
from lms_server.catalog.database import Database
from lms_server.catalog.fleet import ALARMS, fresh, holds
from lms_server.catalog.placing import day_of
from lms_server.catalog.schemas import AlarmView, Person, RoomView, Trouble, TroubleCode
from lms_server.catalog.scoping import row_id, within
from lms_server.catalog.tables import AlarmRow, BacklogLow, Room
from lms_server.errors import Forbidden, NotFound

FORGET = 400 * 86400.0
"""Seconds for which alarms that are over are kept: a year's, for who asks which rooms were a burden."""
DAYS = 4
"""For which the least of a backlog is kept."""
FINE = 0.98
"""A least that falls by less is not written down."""


class Alarms:
    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock

    # -- for the worker
    # ---------------------------------------------------------------------------------------------------

    def look(self) -> Sequence[AlarmView]:
        """Look at every room once; the alarms that were raised or cleared by it. Writes only what has changed."""
        now = self._clock()
        with self._database.read() as session:
            rooms = overview.rooms(session, now)
            known = set(session.exec(select(AlarmRow.room_id).where(col(AlarmRow.lasts).is_(True))))
            lows = _lows(session)
        ebbing = [room for room in rooms if _ebbs(room, lows[room.id], now)]
        restless = [room for room in rooms if room.id in known or room.troubles]
        if not ebbing and not restless:
            return []
        with self._database.write() as session:
            for room in ebbing:
                _note_low(session, room, now)
            rows = session.exec(select(AlarmRow).where(col(AlarmRow.lasts).is_(True)).with_for_update(key_share=True))
            lasting = {(row.room_id, row.kind): row for row in rows}
            steps = [
                _step(session, lasting.get((room.id, kind)), kind, room, now) for room in restless for kind in ALARMS
            ]
            session.exec(delete(AlarmRow).where(col(AlarmRow.cleared) < now - FORGET))
            session.flush()
            changed = [row.id for row in steps if row is not None]
            return overview.alarms(session, col(AlarmRow.id).in_(changed)) if changed else []

    # -- for people
    # -------------------------------------------------------------------------------------------------------

    def of(self, person: Person, *, lasting: bool = False, limit: int = 200) -> Sequence[AlarmView]:
        """The newest first. lasting: only those that are not over. Raises Forbidden."""
        if not person.sees_everything:
            raise Forbidden("not-allowed", "Only an admin, IT or a service may see the alarms.")
        only = [col(AlarmRow.lasts).is_(True)] if lasting else []
        with self._database.read() as session:
            return overview.alarms(session, *only, *within(person, Room.institution_id), limit=limit)

    def acknowledge(self, person: Person, alarm_id: str) -> None:
        """Somebody sees to it; the first who said so stands. Raises Forbidden, NotFound."""
        if person.role not in ("admin", "it"):
            raise Forbidden("not-allowed", "Only an admin or IT may acknowledge an alarm.")
        with self._database.write() as session:
            row = session.exec(
                select(AlarmRow)
                .join(Room, col(AlarmRow.room_id) == col(Room.id))
                .where(col(AlarmRow.id) == row_id(alarm_id), col(AlarmRow.raised).is_not(None))
                .where(*within(person, Room.institution_id))
                .with_for_update(key_share=True, of=AlarmRow)
            ).first()
            if row is None:
                raise NotFound("no-such-alarm", "There is no such alarm.")
            if row.acknowledged is None:
                row.acknowledged, row.acknowledged_by = self._clock(), person.name


def _step(session: Session, row: AlarmRow | None, kind: TroubleCode, room: RoomView, now: float) -> AlarmRow | None:
    """One alarm of one room a look further; the row when it was raised or cleared."""
    rule, found = ALARMS[kind], holds(kind, room, now)
    if isinstance(found, Trouble):
        if row is None:
            row = AlarmRow(room_id=room.id, kind=kind, since=now)
            session.add(row)
        row.calm = None
        if row.raised is None and now - row.since >= rule.after:
            row.raised, row.trouble = now, found.model_dump()
            return row
    elif row is not None and found is False:
        if row.raised is None:
            session.delete(row)
            return None
        row.calm = row.calm or now
        if now - row.calm >= rule.calm:
            row.cleared, row.lasts = now, None
            return row
    return None


def _lows(session: Session) -> dict[str, dict[str, int]]:
    """What is written down of each room's backlog, by day."""
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for low in session.exec(select(BacklogLow)):
        found[low.room_id][low.day] = low.least
    return found


def _ebbs(room: RoomView, lows: dict[str, int], now: float) -> bool:
    """Whether there is something new to write down of what waits in a room."""
    said = fresh(room, now)
    if said is None:
        return False
    if not said.waiting:
        return bool(lows)
    return said.waiting < FINE * lows.get(day_of(now), math.inf)


def _note_low(session: Session, room: RoomView, now: float) -> None:
    waiting = room.health.waiting if room.health is not None else 0
    rows = session.exec(
        select(BacklogLow).where(col(BacklogLow.room_id) == room.id).order_by(col(BacklogLow.day).desc())
    ).all()
    today = next((low for low in rows if low.day == day_of(now)), None)
    if waiting and today is not None:
        today.least = waiting
        return
    if waiting:
        session.add(BacklogLow(room_id=room.id, day=day_of(now), least=waiting))
    for low in rows[DAYS - 1 if waiting else 0 :]:
        session.delete(low)
