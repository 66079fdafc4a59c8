"""Capture agents of others: their logins, what they say of themselves, and the events they record."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from sqlmodel import Session, col, select
from ulid import ULID

from lms_server.catalog import audit, patience
from lms_server.catalog.database import LOCK, Database, made_once
from lms_server.catalog.rooms import institution_of, plain_name
from lms_server.catalog.tables import AgentRecordingRow, AgentRow, Institution, Room, RoomDesk, SignInFailure
from lms_server.errors import BadRequest, Conflict, NotFound
from lms_sync.wire_control import Heartbeat

REALM = "Opencast"
"""Agents expect no other, and HA1 holds it."""
MIN_PASSWORD = 12
HEARD_GRAIN = 10.0
"""Seconds: how exactly the last contact is kept, so that a poll is not a write."""
OFFLINE = 120 * 60.0
"""Seconds of silence after which an agent counts as offline, as Opencast has it."""
STATES = frozenset({"idle", "shutting_down", "capturing", "uploading", "unknown", "offline", "error"})
RECORDING_STATES = frozenset(
    {
        "unknown",
        "capturing",
        "capture_finished",
        "capture_error",
        "manifest",
        "manifest_error",
        "manifest_finished",
        "compressing",
        "compressing_error",
        "uploading",
        "upload_finished",
        "upload_error",
    }
)
_AS_A_ROOM = {"capturing": "recording", "error": "silent"}
"""What the rooms' page makes of a state; all others are calm."""


@dataclass(frozen=True, slots=True)
class Agent:
    """A login that holds, and the room that it delivers for."""

    name: str
    room: Room


@dataclass(frozen=True, slots=True)
class Event:
    """What the timetable says of a lesson. starts, ends: Unix seconds."""

    uid: str
    title: str
    teacher: str
    starts: float
    ends: float


class Agents:
    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock

    # -- for IT
    # -------------------------------------------------------------------------------------------------------

    def add(self, name: str, room: str, institution: str, password: str) -> None:
        """Give an agent a login, or another password or room. A room that is not known yet is made.

        Raises BadRequest, and Conflict when several rooms have that name or the room was shut out.
        """
        name, room = plain_name(name), plain_name(room)
        if set(name) & set(':/"\\'):
            raise BadRequest(
                "bad-name", "An agent's name has no colon, slash or quote: it stands in addresses and logins."
            )
        if not MIN_PASSWORD <= len(password) <= 1000:
            raise BadRequest("bad-password", f"An agent's password has at least {MIN_PASSWORD} characters.")
        now = self._clock()
        with self._database.write() as session:
            room_id = _room(session, room, institution, now)
            fresh = AgentRow(name=name, room_id=room_id, ha1="", made=now)
            row = made_once(session, lambda: session.get(AgentRow, name, with_for_update=LOCK), fresh)
            row.room_id, row.ha1, row.revoked = room_id, ha1_of(name, password), None
            self._tell(session, row, "agent-added")

    def revoke(self, name: str) -> None:
        """This login opens nothing any more. Raises NotFound."""
        with self._database.write() as session:
            row = session.get(AgentRow, name, with_for_update=LOCK)
            if row is None:
                raise NotFound("no-such-agent", f"There is no capture agent called {name!r}.")
            row.revoked = row.revoked or self._clock()
            self._tell(session, row, "agent-revoked")

    def _tell(self, session: Session, row: AgentRow, action: audit.Action) -> None:
        owner, facts = session.get_one(Room, row.room_id).institution_id, {"agent": row.name}
        event = audit.Event(action, row.room_id, owner, via=audit.CONSOLE, facts=facts)
        audit.append(session, self._clock(), event)

    def all(self) -> list[tuple[AgentRow, str]]:
        """Every agent and its room's name."""
        with self._database.read() as session:
            query = select(AgentRow, Room.name).join(Room, col(AgentRow.room_id) == col(Room.id))
            return list(session.exec(query.order_by(col(AgentRow.name))).all())

    # -- signing in
    # ---------------------------------------------------------------------------------------------------

    def login(self, name: str, address: str) -> tuple[Agent, str] | None:
        """An agent and its HA1; None for a name that opens nothing. Raises TooManyAttempts after many wrong ones."""
        with self._database.read() as session:
            patience.check(session, _keys(name, address), self._clock())
            row = session.get(AgentRow, name)
            room = session.get(Room, row.room_id) if row is not None else None
        if row is None or room is None or row.revoked is not None or room.revoked is not None:
            return None
        return Agent(row.name, room), row.ha1

    def failed(self, name: str, address: str) -> None:
        with self._database.write() as session:
            patience.count(session, _keys(name, address).values(), self._clock())

    def signed_in(self, agent: Agent, address: str) -> None:
        """Remember that it called."""
        now, key = self._clock(), _keys(agent.name, address)["pair"]
        with self._database.read() as session:
            row, failures = session.get(AgentRow, agent.name), session.get(SignInFailure, key)
        if failures is None and row is not None and row.heard is not None and abs(now - row.heard) < HEARD_GRAIN:
            return
        with self._database.write() as session:
            patience.forgive(session, key)
            session.get_one(AgentRow, agent.name).heard = now
            session.get_one(Room, agent.room.id).last_seen = now

    # -- what an agent says
    # -------------------------------------------------------------------------------------------

    def says(self, agent: Agent, state: str, address: str) -> None:
        """How it is. The room's entry tells it too, unless a PC of ours stands there and speaks for itself."""
        now = self._clock()
        with self._database.write() as session:
            row = session.get_one(AgentRow, agent.name, with_for_update=LOCK)
            row.state, row.address, row.heard = state, address or row.address, now
            if not agent.room.public_key:
                title = _title_now(session, agent.name) if state == "capturing" else ""
                desk = made_once(
                    session,
                    lambda: session.get(RoomDesk, agent.room.id, with_for_update=LOCK),
                    RoomDesk(room_id=agent.room.id),
                )
                told = Heartbeat(version="", state=_AS_A_ROOM.get(state, "idle"), title=title)
                desk.heartbeat, desk.received = told.as_json(), now

    def can(self, agent: Agent, capabilities: dict[str, str]) -> None:
        with self._database.write() as session:
            session.get_one(AgentRow, agent.name).capabilities = capabilities

    def known(self, agent: Agent) -> AgentRow:
        with self._database.read() as session:
            return session.get_one(AgentRow, agent.name)

    def state(self, row: AgentRow) -> str:
        """Its state by what was heard of it, not by what it said long ago."""
        silent = row.heard is None or self._clock() - row.heard > OFFLINE
        return "offline" if silent else row.state or "unknown"

    def records(self, agent: Agent, uid: str, state: str, event: Event | None) -> None:
        """How far it is with an event. event: as the timetable has it now. Raises NotFound for one that neither the
        timetable knows nor the agent has begun."""
        with self._database.write() as session:
            session.get(AgentRow, agent.name, with_for_update=LOCK)
            row = session.get(AgentRecordingRow, (agent.name, uid))
            if row is None and event is None:
                raise NotFound("no-such-event", "The timetable of this agent's room has no such event.")
            row = row or AgentRecordingRow(agent=agent.name, uid=uid, state=state, heard=0.0)
            row.state, row.heard = state, self._clock()
            if event is not None:
                row.title, row.teacher, row.starts = event.title, event.teacher, event.starts
            session.add(row)

    def recording(self, agent: Agent, uid: str) -> AgentRecordingRow | None:
        with self._database.read() as session:
            return session.get(AgentRecordingRow, (agent.name, uid))

    def timetable(self, agent: Agent) -> tuple[str, str]:
        """Its room's iCalendar, and the name of that content; "" for none."""
        with self._database.read() as session:
            desk = session.get(RoomDesk, agent.room.id)
        return (desk.calendar, desk.calendar_etag) if desk is not None else ("", "")


def ha1_of(name: str, password: str) -> str:
    """HA1 of RFC 7616, hex. MD5 is what the agents speak."""
    return hashlib.md5(f"{name}:{REALM}:{password}".encode(), usedforsecurity=False).hexdigest()


def _keys(name: str, address: str) -> dict[str, str]:
    """By name and address only: agents of a campus share an address, and one with a wrong password, which asks every
    minute for ever, must not shut out the others."""
    return {"pair": f"agent {address} {name[:100]}"}


def _title_now(session: Session, agent: str) -> str:
    query = select(AgentRecordingRow.title).where(
        col(AgentRecordingRow.agent) == agent, col(AgentRecordingRow.state) == "capturing"
    )
    return session.exec(query.order_by(col(AgentRecordingRow.heard).desc()).limit(1)).first() or ""


def _room(session: Session, name: str, institution: str, now: float) -> str:
    query = select(Room).where(col(Room.name) == name)
    if institution:
        query = query.where(col(Room.institution_id) == institution_of(session, plain_name(institution)))
    rooms = session.exec(query.limit(2)).all()
    if len(rooms) > 1:
        raise Conflict("which-room", f"Several institutions have a room {name!r}; say which by --institution.")
    if not rooms:
        known = session.exec(select(Institution.name).limit(2)).all()
        owner = institution_of(session, institution.strip() or (known[0] if len(known) == 1 else ""))
        room = Room(id=str(ULID.from_timestamp(now)), institution_id=owner, name=name, public_key="", enrolled=now)
        session.add(room)
        session.flush()
        return room.id
    room = rooms[0]
    if room.revoked is not None and room.public_key:
        raise Conflict("room-revoked", f"The room {name!r} was shut out; enrol its PC again, or choose another room.")
    room.revoked = None
    return room.id
