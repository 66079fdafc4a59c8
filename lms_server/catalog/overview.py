"""Rooms as people see them: what each said last, what waits there, and what is wrong."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from sqlalchemy import ColumnElement, func
from sqlmodel import Session, col, select

from lms_server.catalog import fleet
from lms_server.catalog.schemas import AlarmView, Health, RoomView, Trouble
from lms_server.catalog.tables import AlarmRow, BacklogLow, Institution, LessonRow, RingRow, Room, RoomDesk


def rooms(session: Session, now: float, *where: ColumnElement[bool]) -> list[RoomView]:
    """Those that fit, by institution and name."""
    rows = session.exec(
        select(Room, Institution.name)
        .join(Institution, col(Room.institution_id) == col(Institution.id))
        .where(*where)
        .order_by(col(Institution.name), col(Room.name))
    ).all()
    mine = select(Room.id).where(*where)
    desks = {
        room: (heartbeat, received, etag != "")
        for room, heartbeat, received, etag in session.exec(
            select(RoomDesk.room_id, RoomDesk.heartbeat, RoomDesk.received, RoomDesk.calendar_etag).where(
                col(RoomDesk.room_id).in_(mine)
            )
        )
    }
    rings = {ring.name: ring for ring in session.exec(select(RingRow))}
    placed = select(RoomDesk.room_id, RoomDesk.ring).where(col(RoomDesk.room_id).in_(mine))
    ringed = dict(session.exec(placed).all())
    tally = session.exec(
        select(col(LessonRow.room_id), col(LessonRow.state), func.count(), func.max(col(LessonRow.started)))
        .where(col(LessonRow.room_id).in_(mine), col(LessonRow.trashed).is_(None))
        .group_by(col(LessonRow.room_id), col(LessonRow.state))
    ).all()
    counts: dict[str, dict[str, int]] = {}
    last: dict[str, float] = {}
    for room_id, state, count, started in tally:
        counts.setdefault(room_id, {})[state] = count
        last[room_id] = max(started, last.get(room_id, started))
    lows: dict[str, list[int]] = defaultdict(list)
    for low in session.exec(select(BacklogLow).where(col(BacklogLow.room_id).in_(mine)).order_by(col(BacklogLow.day))):
        lows[low.room_id].append(low.least)
    lasting: dict[str, list[AlarmView]] = defaultdict(list)
    for alarm in alarms(session, col(AlarmRow.lasts).is_(True), *where):
        lasting[alarm.room_id].append(alarm)
    found = []
    for room, institution in rows:
        heartbeat, received, has_timetable = desks.get(room.id, (None, None, False))
        ring = rings.get(ringed.get(room.id, ""))
        view = RoomView(
            id=room.id,
            name=room.name,
            institution=institution,
            enrolled=room.enrolled,
            last_seen=room.last_seen,
            revoked=room.revoked is not None,
            lessons=sum(counts.get(room.id, {}).values()),
            receiving=counts.get(room.id, {}).get("receiving", 0),
            failed=counts.get(room.id, {}).get("failed", 0),
            last_lesson=last.get(room.id),
            health=health(heartbeat, received),
            has_timetable=has_timetable,
            lows=lows[room.id],
            wanted=ring.version if ring is not None else "",
            released=ring.released if ring is not None else None,
            alarms=lasting[room.id],
        )
        found.append(view.model_copy(update={"troubles": fleet.troubles(view, now)}))
    return found


def health(heartbeat: Mapping[str, object] | None, received: float | None) -> Health | None:
    """None when the room has not said anything yet."""
    return None if heartbeat is None else Health.model_validate({**heartbeat, "received": received})


def alarms(session: Session, *where: ColumnElement[bool], limit: int | None = None) -> Sequence[AlarmView]:
    """Those that were raised, the newest first. where: of alarms and their rooms."""
    rows = session.exec(
        select(AlarmRow, Room.name, Institution.name)
        .join(Room, col(AlarmRow.room_id) == col(Room.id))
        .join(Institution, col(Room.institution_id) == col(Institution.id))
        .where(col(AlarmRow.raised).is_not(None), *where)
        .order_by(col(AlarmRow.raised).desc(), col(AlarmRow.id).desc())
        .limit(limit)
    ).all()
    return [_alarm(row, room, institution) for row, room, institution in rows]


def _alarm(row: AlarmRow, room: str, institution: str) -> AlarmView:
    assert row.id is not None  # noqa: S101  it was read
    assert row.raised is not None  # noqa: S101  asked for above
    return AlarmView(
        id=row.id,
        room_id=row.room_id,
        room=room,
        institution=institution,
        trouble=Trouble.model_validate(row.trouble),
        raised=row.raised,
        cleared=row.cleared,
        acknowledged=row.acknowledged,
        acknowledged_by=row.acknowledged_by,
    )
