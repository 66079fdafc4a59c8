"""Rooms, their keys, and the codes that let a key in."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable

from sqlmodel import Session, col, delete, select
from ulid import ULID

from lms_server.catalog import audit, overview
from lms_server.catalog.database import Database, made_once
from lms_server.catalog.desks import SEEN_GRAIN
from lms_server.catalog.schemas import Person, RoomName, RoomView
from lms_server.catalog.scoping import room_for, within
from lms_server.catalog.tables import EnrolmentCode, Institution, Room
from lms_server.errors import BadRequest, Forbidden

CODE_SECONDS = 15 * 60.0
LONGEST_CODE = 14 * 86400.0
"""Seconds; for codes that are carried to rooms in another city."""
REUSE_SECONDS = 3600.0
CODE_SIGNS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: nothing that reads like something else. Ten of them are 50 bits."""
_MISREAD = str.maketrans({"O": "0", "I": "1", "L": "1", "-": None, " ": None})


class Rooms:
    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock

    # -- enrolment
    # ------------------------------------------------------------------------------------------------------

    def make_code(
        self, room: str, institution: str = "", *, seconds: float = CODE_SECONDS, by: Person | None = None
    ) -> str:
        """A one-time code for a room of this name, good for so long by this clock. institution: "" leaves it to the
        room to say. by: who made it in the portal. Raises BadRequest."""
        if not 0 < seconds <= LONGEST_CODE:
            raise BadRequest("bad-code", "A code is good for at most 14 days.")
        room, institution = plain_name(room), plain_name(institution) if institution else ""
        code = "".join(secrets.choice(CODE_SIGNS) for _ in range(10))
        now = self._clock()
        with self._database.write() as session:
            session.exec(delete(EnrolmentCode).where(col(EnrolmentCode.expires) < now - 30 * 86400))
            session.add(
                EnrolmentCode(
                    code_hash=_code_hash(code),
                    room_name=room,
                    institution=institution,
                    made=now,
                    expires=now + seconds,
                )
            )
            facts = {"room": room, "institution": institution}
            made = audit.Event("enrol-code-made", "", None, via=audit.CONSOLE, facts=facts)
            if by is not None:
                made = audit.Event("enrol-code-made", "", by.institution_id, by, facts=facts)
            audit.append(session, now, made)
        return f"{code[:5]}-{code[5:]}"

    def enrol(self, code: str, room: str, institution: str, public_key: str) -> str:
        """Bind a key to a room; its id. A room enrolled before keeps its id and lessons and gets the new key.

        Raises Forbidden: code-unknown, code-used, code-expired, code-other-room. A code that another key used already
        was lost or stolen by somebody, so the audit log has it.
        """
        try:
            return self._enrol(code, room, institution, public_key)
        except Forbidden as refused:
            if refused.code == "code-used":
                self._note_reuse(code)
            raise

    def _enrol(self, code: str, room: str, institution: str, public_key: str) -> str:
        room, institution = plain_name(room), institution.strip()
        now = self._clock()
        with self._database.write() as session:
            row = session.exec(
                select(EnrolmentCode)
                .where(col(EnrolmentCode.code_hash) == _code_hash(code))
                .with_for_update(key_share=True)
            ).first()
            if row is not None and row.used is not None:
                bound = session.exec(select(Room).where(col(Room.name) == room, col(Room.enrolled) == row.used)).first()
                if bound is not None and bound.public_key == public_key and bound.revoked is None:
                    return bound.id  # the answer was lost on the way: the same key by the same code is the same use
            _judge_code(row, room, institution, now)
            assert row is not None  # noqa: S101  _judge_code refused None
            row.used = now
            owner = institution_of(session, row.institution or institution)
            same = select(Room).where(col(Room.institution_id) == owner).where(col(Room.name) == room)
            known = made_once(
                session,
                lambda: session.exec(same.with_for_update(key_share=True)).first(),
                Room(id=str(ULID()), institution_id=owner, name=room, public_key=public_key, enrolled=now),
            )
            known.public_key, known.enrolled, known.revoked = public_key, now, None
            key = hashlib.sha256(public_key.encode()).hexdigest()
            audit.append(session, now, audit.Event("room-enrolled", known.id, owner, via="room", facts={"key": key}))
            return known.id

    def _note_reuse(self, code: str) -> None:
        """Once an hour for each room: anybody may ask with a code that was used."""
        now = self._clock()
        with self._database.write() as session:
            bound = session.exec(
                select(Room)
                .join(EnrolmentCode, col(Room.name) == col(EnrolmentCode.room_name))
                .where(col(EnrolmentCode.code_hash) == _code_hash(code), col(Room.enrolled) == col(EnrolmentCode.used))
            ).first()
            about, owner = (bound.id, bound.institution_id) if bound is not None else ("", None)
            told = audit.Event("enrol-code-reused", about, owner, via="room")
            audit.append(session, now, told, unless_since=now - REUSE_SECONDS)

    # -- what a request asks
    # --------------------------------------------------------------------------------------------

    def find(self, room_id: str) -> Room | None:
        with self._database.read() as session:
            return session.get(Room, room_id)

    def named(self, person: Person, name_or_id: str) -> Room | None:
        """A room by its id, or by its name when only one of those this person comes near has it."""
        mine = select(Room).where(*within(person, Room.institution_id))
        with self._database.read() as session:
            by_id = session.exec(mine.where(col(Room.id) == name_or_id)).first()
            if by_id is not None:
                return by_id
            rows = session.exec(mine.where(col(Room.name) == name_or_id).limit(2)).all()
        return rows[0] if len(rows) == 1 else None

    def saw(self, room: Room) -> None:
        """Remember that a signed request of this room just came."""
        now = self._clock()
        if room.last_seen is not None and abs(now - room.last_seen) < SEEN_GRAIN:
            return
        with self._database.write() as session:
            row = session.get(Room, room.id)
            if row is not None:
                row.last_seen = now

    # -- for people
    # -----------------------------------------------------------------------------------------------------

    def all(self, person: Person) -> list[RoomView]:
        """Every room of theirs, by institution and name. Raises Forbidden."""
        if not person.sees_everything:
            raise Forbidden("not-allowed", "Only an admin, IT or a service may see the rooms.")
        with self._database.read() as session:
            return overview.rooms(session, self._clock(), *within(person, Room.institution_id))

    def get(self, person: Person, room_id: str) -> RoomView:
        """Raises Forbidden, NotFound."""
        if not person.sees_everything:
            raise Forbidden("not-allowed", "Only an admin, IT or a service may see the rooms.")
        with self._database.read() as session:
            room_for(session, person, room_id)
            return overview.rooms(session, self._clock(), col(Room.id) == room_id)[0]

    def names(self, person: Person) -> list[RoomName]:
        """To choose from, as ``all`` has them. Raises Forbidden."""
        if not person.sees_everything:
            raise Forbidden("not-allowed", "Only an admin, IT or a service may see the rooms.")
        with self._database.read() as session:
            rows = session.exec(
                select(Room.id, Room.name, Institution.name)
                .join(Institution, col(Room.institution_id) == col(Institution.id))
                .where(*within(person, Room.institution_id))
                .order_by(col(Institution.name), col(Room.name))
            ).all()
        return [RoomName(id=id_, name=name, institution=institution) for id_, name, institution in rows]

    def code_for(self, person: Person, room_id: str) -> str:
        """A code by which another PC becomes this room. Raises Forbidden, NotFound."""
        if person.role not in ("admin", "it"):
            raise Forbidden("not-allowed", "Only an admin or IT may let a PC in.")
        with self._database.read() as session:
            room = room_for(session, person, room_id)
            owner = session.get(Institution, room.institution_id)
        assert owner is not None  # noqa: S101  a room's institution is there as long as the room
        return self.make_code(room.name, owner.name, by=person)

    def revoke(self, person: Person, room_id: str) -> None:
        """From now on this room's key opens nothing. Raises Forbidden, NotFound."""
        if person.role not in ("admin", "it"):
            raise Forbidden("not-allowed", "Only an admin or IT may shut a room out.")
        with self._database.write() as session:
            room = room_for(session, person, room_id)
            room.revoked = room.revoked or self._clock()
            audit.append(session, self._clock(), audit.Event("room-revoked", room.id, room.institution_id, person))


def _judge_code(row: EnrolmentCode | None, room: str, institution: str, now: float) -> None:
    if row is None:
        raise Forbidden("code-unknown", "The server does not know this code; check it, or ask for a new one.")
    if row.used is not None:
        raise Forbidden("code-used", "This code was used already; ask for a new one.")
    if now > row.expires:
        raise Forbidden("code-expired", "This code is too old; ask for a new one.")
    if row.room_name != room or (row.institution and institution and row.institution != institution):
        raise Forbidden("code-other-room", "This code is for another room; ask for one for this room.")


def institution_of(session: Session, name: str) -> int:
    known = select(Institution).where(col(Institution.name) == name)
    row = made_once(session, lambda: session.exec(known).first(), Institution(name=name))
    assert row.id is not None  # noqa: S101  flushed rows have one
    return row.id


def plain_name(text: str) -> str:
    text = text.strip()
    if not text or len(text) > 200 or not text.isprintable():
        raise BadRequest("bad-name", "A room or institution has a name of 1 to 200 visible characters.")
    return text


def _code_hash(code: str) -> str:
    return hashlib.sha256(code.upper().translate(_MISREAD).encode()).hexdigest()
