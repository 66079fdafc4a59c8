"""Each room's desk: what it said last, what it shall do, and its timetable."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlmodel import Session, col, delete, select
from ulid import ULID

from lms_server.catalog import audit, overview, placing, timetables
from lms_server.catalog.database import LOCK, Database, made_once
from lms_server.catalog.lessons import visible
from lms_server.catalog.schemas import CommandState, CommandView, Person
from lms_server.catalog.scoping import room_for
from lms_server.catalog.tables import CommandRow, Room, RoomDesk
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
FORGET = 90 * 86400.0
"""Seconds after which a command that is over is no longer kept."""


class Desks:
    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock

    # -- what a room asks
    # -------------------------------------------------------------------------------------------------

    def heard(self, room: Room, heartbeat: Heartbeat) -> Orders:
        """Keep what a room says of itself; what it shall do."""
        with self._database.write() as session:
            desk = _desk(session, room.id)
            desk.heartbeat, desk.received = heartbeat.as_json(), self._clock()
            return self._orders(session, desk)

    def orders(self, room: Room) -> Orders:
        """All that a room has not answered yet. It counts as delivered."""
        with self._database.write() as session:
            return self._orders(session, _desk(session, room.id))

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

    def _orders(self, session: Session, desk: RoomDesk) -> Orders:
        now = self._clock()
        rows = session.exec(
            select(CommandRow)
            .where(col(CommandRow.room_id) == desk.room_id, col(CommandRow.done).is_(None))
            .where(col(CommandRow.expires) > now)
            .order_by(col(CommandRow.id))
            .limit(MOST_COMMANDS)
            .with_for_update(key_share=True)
        ).all()
        for row in rows:
            row.delivered = row.delivered or now
        commands = tuple(Command.from_json({**_wire_facts(row)}) for row in rows)
        return Orders(commands, desk.calendar_etag, Policy.from_json(desk.policy))

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
