"""Each room's desk: what it said last, what it shall do, and its timetable."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlmodel import Session, col, delete, func, select, update
from ulid import ULID

from lms_server.catalog import audit, cards, overview, placing, timetables
from lms_server.catalog.database import LOCK, Database, made_once
from lms_server.catalog.lessons import visible
from lms_server.catalog.schemas import CommandState, CommandView, Person
from lms_server.catalog.scoping import room_for
from lms_server.catalog.tables import CommandRow, Institution, RingRow, Room, RoomDesk
from lms_server.errors import BadRequest, Forbidden, NotFound
from lms_sync.wire_control import (
    MOST_COMMANDS,
    OF_A_LESSON,
    Command,
    Heartbeat,
    Orders,
    Outcome,
    Verb,
    check_calendar,
    etag_of,
)
from lms_sync.wire_policy import Policy
from media.timetable import Event

PATIENCE: dict[str, float] = {"start": 900.0, "stop": 900.0}
"""Seconds for which a command is worth doing: nobody wants a lesson that begins hours after it was asked for."""
PATIENCE_OF_A_LESSON = 30 * 86400.0
LONGEST_PATIENCE = 90 * 86400.0
SEEN_GRAIN = 10.0
"""Seconds: how exactly it is kept when a room was seen last, so that a chunk is not a second write."""
FORGET = 90 * 86400.0
"""Seconds after which a command that is over is no longer kept."""


_BEAT = {
    dialect: text(
        "INSERT INTO room_desk (room_id, heartbeat, received, calendar, calendar_etag, policy)"
        f" SELECT value ->> 'room', value -> 'heartbeat', :now, '', '', '{{}}' {source} ON CONFLICT (room_id)"
        " DO UPDATE SET heartbeat = excluded.heartbeat, received = excluded.received"
    )
    for dialect, source in (
        ("sqlite", "FROM json_each(:rows) WHERE true"),
        ("postgresql", "FROM json_array_elements(CAST(:rows AS json))"),
    )
}
"""Many desks by one statement and one parameter: a statement a room, or one put together anew for each number of rooms,
costs more than all the rest."""


@dataclass(frozen=True, slots=True)
class Known:
    """A room that asks, and what its desk has for it: its timetable's name, its policy, its ring's version, and the
    name of its institution's list of cards."""

    room: Room
    etag: str
    policy: Mapping[str, object]
    version: str
    cards_etag: str


class Desks:
    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock

    # -- what a room asks
    # -------------------------------------------------------------------------------------------------

    def known(self, ids: Iterable[str]) -> dict[str, Known]:
        """Those rooms of these that there are, as they are now."""
        query = (
            select(Room, RoomDesk.calendar_etag, RoomDesk.policy, RingRow.version)
            .join(RoomDesk, col(RoomDesk.room_id) == col(Room.id), isouter=True)
            .join(RingRow, col(RingRow.name) == func.coalesce(RoomDesk.ring, ""), isouter=True)
            .where(col(Room.id).in_(set(ids)))
        )
        with self._database.read() as session:
            found = session.exec(query).all()
            homes = {room.institution_id for room, *_ in found}
            lists = dict(
                session.exec(select(Institution.id, Institution.cards_etag).where(col(Institution.id).in_(homes))).all()
            )
        return {
            room.id: Known(room, etag or "", policy or {}, version or "", lists[room.institution_id])
            for room, etag, policy, version in found
        }

    def heard(self, room: Room, heartbeat: Heartbeat) -> Orders:
        """Keep what a room says of itself; what it shall do."""
        return self.take_down([(self.known([room.id])[room.id], heartbeat)])[0]

    def orders(self, room: Room) -> Orders:
        """All that a room has not answered yet. It counts as delivered."""
        return self.take_down([(self.known([room.id])[room.id], None)])[0]

    def take_down(self, said: Sequence[tuple[Known, Heartbeat | None]]) -> list[Orders]:
        """Keep what rooms say of themselves and that they were there, and what each of them shall do, which counts as
        delivered: all by one transaction of a few statements, for one costs the same for a room and for fifty."""
        now = self._clock()
        rooms = {known.room.id: known.room for known, _ in said}
        beats = {known.room.id: heartbeat.as_json() for known, heartbeat in said if heartbeat is not None}
        seen = [id_ for id_, room in rooms.items() if _long_ago(room.last_seen, now)]
        with self._database.read() as session:
            told = {row.room_id for row in _open(session, rooms, now)}
        commands: dict[str, list[Command]] = {}
        if beats or seen or told:
            with self._database.write() as session:
                if beats:
                    # In one order, for two processes that hear of the same rooms.
                    rows = [{"room": id_, "heartbeat": beat} for id_, beat in sorted(beats.items())]
                    beating = _BEAT[self._database.engine.dialect.name]
                    session.connection().execute(beating, {"rows": json.dumps(rows), "now": now})
                if seen:
                    session.exec(update(Room).where(col(Room.id).in_(sorted(seen))).values(last_seen=now))
                for row in _open(session, told, now, lock=True) if told else []:
                    mine = commands.setdefault(row.room_id, [])
                    if len(mine) < MOST_COMMANDS:
                        row.delivered = row.delivered or now
                        mine.append(Command.from_json(_wire_facts(row)))
        return [
            Orders(
                tuple(commands.get(known.room.id, [])),
                known.etag,
                Policy.from_json(known.policy),
                known.version,
                known.cards_etag,
            )
            for known, _ in said
        ]

    def with_news(self) -> frozenset[str]:
        """The rooms that have a command they were not told of."""
        query = select(CommandRow.room_id).where(
            col(CommandRow.done).is_(None), col(CommandRow.expires) > self._clock(), col(CommandRow.delivered).is_(None)
        )
        with self._database.read() as session:
            return frozenset(session.exec(query.distinct()))

    def settle(self, room: Room, command_id: str, outcome: Outcome) -> None:
        """What a room says has become of a command; the first word counts. Raises NotFound."""
        with self._database.write() as session:
            row = session.get(CommandRow, command_id, with_for_update=LOCK)
            if row is None or row.room_id != room.id:
                raise NotFound("no-such-command", "There is no such command for this room.")
            if row.done is None:
                now = self._clock()
                row.done, row.delivered = now, row.delivered or now
                row.outcome, row.detail = outcome.code, outcome.detail

    def timetable(self, room: Room) -> tuple[str, str]:
        """A room's iCalendar and its ETag. Raises NotFound."""
        with self._database.read() as session:
            desk = session.get(RoomDesk, room.id)
        if desk is None or not desk.calendar:
            raise NotFound("no-timetable", "The server has no timetable for this room.")
        return desk.calendar, desk.calendar_etag

    def cards(self, room: Room) -> tuple[str, str]:
        """The list of teachers' cards of a room's institution and its ETag. Raises NotFound."""
        with self._database.read() as session:
            found = cards.listed(session, room.institution_id)
        if not found:
            raise NotFound("no-cards", "Nobody of this institution has a card.")
        return found, etag_of(found)

    # -- for people
    # -----------------------------------------------------------------------------------------------------

    def order(
        self,
        person: Person,
        room_id: str,
        verb: Verb,
        *,
        title: str = "",
        lesson: str = "",
        patience: float | None = None,
    ) -> CommandView:
        """Queue a command. patience: seconds after which it shall not be done any more. Raises Forbidden, NotFound,
        BadRequest."""
        _may(person)
        now = self._clock()
        usual = PATIENCE_OF_A_LESSON if verb in OF_A_LESSON else PATIENCE[verb]
        expires = now + min(max(usual if patience is None else patience, 1.0), LONGEST_PATIENCE)
        row = CommandRow(
            id=str(ULID.from_timestamp(now)),
            room_id=room_id,
            verb=verb,
            title=title.strip(),
            lesson_id=lesson,
            by=person.name,
            made=now,
            expires=expires,
        )
        try:
            Command.from_json(_wire_facts(row))
        except ValueError as error:
            raise BadRequest("bad-command", str(error)) from error
        with self._database.write() as session:
            room = room_for(session, person, room_id)
            old = col(CommandRow.expires) < now - FORGET
            session.exec(delete(CommandRow).where(col(CommandRow.made) < now - FORGET, old))
            session.add(row)
            self._tell(session, person, room, "room-commanded", verb=verb, lesson=lesson)
        return self._view(row)

    def send_now(self, person: Person, lesson_id: str) -> CommandView:
        """Ask a lesson's room to send it before everything else; what was asked already stands. Raises Forbidden,
        NotFound."""
        _may(person)
        with self._database.read() as session:
            lesson, _, _ = visible(session, person, lesson_id, self._clock())
        asked = self.asked(lesson_id)
        if asked is not None and asked.state in ("queued", "delivered"):
            return asked
        return self.order(person, lesson.room_id, "send-now", lesson=lesson_id)

    def asked(self, lesson_id: str) -> CommandView | None:
        """The last ``send-now`` for a lesson."""
        with self._database.read() as session:
            row = session.exec(
                select(CommandRow)
                .where(col(CommandRow.lesson_id) == lesson_id, col(CommandRow.verb) == "send-now")
                .order_by(col(CommandRow.id).desc())
                .limit(1)
            ).first()
        return None if row is None else self._view(row)

    def kept(self, room_id: str, lesson_id: str) -> bool:
        """Whether a teacher keeps a lesson's recordings in the room, as the room said last."""
        with self._database.read() as session:
            desk = session.get(RoomDesk, room_id)
        health = overview.health(desk.heartbeat, desk.received) if desk is not None else None
        return health is not None and lesson_id in health.kept

    def commands(self, person: Person, room_id: str, limit: int = 50) -> Sequence[CommandView]:
        """A room's last commands, newest first. Raises Forbidden, NotFound."""
        _may(person)
        with self._database.read() as session:
            room_for(session, person, room_id)
            rows = session.exec(
                select(CommandRow)
                .where(col(CommandRow.room_id) == room_id)
                .order_by(col(CommandRow.id).desc())
                .limit(limit)
            ).all()
        return [self._view(row) for row in rows]

    def set_timetable(self, person: Person, room_id: str, calendar: str) -> str:
        """Give a room a timetable, "" for none; its ETag. It is read first, which takes up to some seconds. Raises
        Forbidden, NotFound, BadRequest."""
        _may(person)
        events: tuple[Event, ...] = ()
        now = self._clock()
        with self._database.read() as session:
            room_for(session, person, room_id)  # before the work is done
        if calendar:
            try:
                check_calendar(calendar)
                events = timetables.check(calendar, now)
            except ValueError as error:
                raise BadRequest("bad-timetable", str(error)) from error
        with self._database.write() as session:
            room = room_for(session, person, room_id)
            desk = _desk(session, room_id)
            desk.calendar, desk.calendar_etag = calendar, etag_of(calendar)
            placing.plan(session, room_id, events, now - timetables.BEHIND)
            self._tell(session, person, room, "timetable-given", etag=desk.calendar_etag)
            return desk.calendar_etag

    def set_policy(self, person: Person, room_id: str, policy: Policy) -> None:
        """Raises Forbidden, NotFound."""
        _may(person)
        with self._database.write() as session:
            room = room_for(session, person, room_id)
            desk = _desk(session, room_id)
            desk.policy = policy.as_json()
            self._tell(session, person, room, "policy-set", policy=desk.policy)

    def policy(self, person: Person, room_id: str) -> Policy:
        """Raises Forbidden, NotFound."""
        _may(person)
        with self._database.read() as session:
            room_for(session, person, room_id)
            desk = session.get(RoomDesk, room_id)
        return Policy.from_json(desk.policy) if desk is not None else Policy()

    def _tell(self, session: Session, person: Person, room: Room, action: audit.Action, **facts: object) -> None:
        audit.append(session, self._clock(), audit.Event(action, room.id, room.institution_id, person, facts=facts))

    def _view(self, row: CommandRow) -> CommandView:
        facts = row.model_dump()
        return CommandView.model_validate({**facts, "lesson": row.lesson_id, "state": _state(row, self._clock())})


def _long_ago(seen: float | None, now: float) -> bool:
    return seen is None or abs(now - seen) >= SEEN_GRAIN


def _open(session: Session, ids: Iterable[str], now: float, *, lock: bool = False) -> Sequence[CommandRow]:
    """What these rooms have not answered yet, the oldest first."""
    query = (
        select(CommandRow)
        .where(col(CommandRow.done).is_(None), col(CommandRow.expires) > now, col(CommandRow.room_id).in_(ids))
        .order_by(col(CommandRow.id))
    )
    return session.exec(query.with_for_update(key_share=True) if lock else query).all()


def _state(row: CommandRow, now: float) -> CommandState:
    if row.done is not None:
        return "done" if row.outcome == "done" else "refused"
    if row.expires <= now:
        return "expired"
    return "queued" if row.delivered is None else "delivered"


def _wire_facts(row: CommandRow) -> dict[str, object]:
    names = ("id", "verb", "by", "made", "expires", "title")
    return {**{name: getattr(row, name) for name in names}, "lesson": row.lesson_id}


def _desk(session: Session, room_id: str) -> RoomDesk:
    """Locked: what a room says and what people order meanwhile come one after the other."""
    return made_once(session, lambda: session.get(RoomDesk, room_id, with_for_update=LOCK), RoomDesk(room_id=room_id))


def _may(person: Person) -> None:
    if person.role not in ("admin", "it"):
        raise Forbidden("not-allowed", "Only an admin or IT may tell a room what to do.")
