"""Rings: a version of Darsbox goes to a few rooms first, and to the others once those have taught with it.

A room is in one ring, or in none; the rooms in none are the ring "". What a room runs it says with every heartbeat.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlmodel import col, func, select

from lms_server.catalog import audit
from lms_server.catalog.audit import AT_CONSOLE
from lms_server.catalog.database import Database, made_once
from lms_server.catalog.institutions import institution_named
from lms_server.catalog.rooms import plain_name
from lms_server.catalog.tables import Institution, RingRow, Room, RoomDesk
from lms_server.errors import BadRequest, Conflict, NotFound

_VERSION = re.compile(r"[0-9][A-Za-z0-9.+!-]{0,59}")


@dataclass(frozen=True, slots=True)
class RingedRoom:
    """wanted: its ring's version, "" for none. runs: what it said last, "" when it never did. seen: Unix seconds."""

    ring: str
    institution: str
    name: str
    wanted: str
    runs: str
    seen: float | None


class Rings:
    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock

    def release(self, version: str, ring: str) -> None:
        """The ring's rooms shall have this version; "" for none in particular. Raises BadRequest."""
        if version and not _VERSION.fullmatch(version):
            raise BadRequest("bad-version", f"{version[:60]!r} is no version such as 1.4.0.")
        ring = plain_name(ring) if ring else ""
        with self._database.write() as session:
            fresh = RingRow(name=ring, version=version, released=self._clock())
            row = made_once(session, lambda: session.get(RingRow, ring), fresh)
            row.version, row.released = version, self._clock()
            session.flush()
            facts = {"version": version, "ring": ring}
            audit.append(session, self._clock(), audit.Event("update-released", ring, None, AT_CONSOLE, facts=facts))

    def place(self, room: str, institution: str, ring: str) -> None:
        """Put a room into a ring; "" takes it out of its own. institution: whose; "" where only one has a room of that
        name. Raises BadRequest, NotFound, Conflict."""
        ring = plain_name(ring) if ring else ""
        with self._database.write() as session:
            query = select(Room).where(col(Room.name) == room)
            if institution:
                query = query.where(col(Room.institution_id) == institution_named(session, institution))
            rooms = session.exec(query).all()
            if not rooms:
                raise NotFound("no-such-room", f"There is no room {room!r}; `lms-server update show` lists them.")
            if len(rooms) > 1:
                raise Conflict("several-rooms", f"Several institutions have a room {room!r}; say --institution.")
            fresh = RoomDesk(room_id=rooms[0].id)
            made_once(session, lambda: session.get(RoomDesk, rooms[0].id), fresh).ring = ring
            session.flush()
            about = audit.Event("room-ringed", rooms[0].id, rooms[0].institution_id, AT_CONSOLE, facts={"ring": ring})
            audit.append(session, self._clock(), about)

    def rings(self) -> dict[str, str]:
        """Each ring's version, the one of all others last."""
        with self._database.read() as session:
            found = {row.name: row.version for row in session.exec(select(RingRow).order_by(col(RingRow.name)))}
            for name in ("", *session.exec(select(RoomDesk.ring).distinct())):
                found.setdefault(name, "")
        return {name: found[name] for name in sorted(found, key=lambda name: (name == "", name))}

    def rooms(self) -> list[RingedRoom]:
        """All that are not shut out, by ring."""
        query = (
            select(Room, Institution.name, RoomDesk.ring, RingRow.version)
            .join(Institution, col(Institution.id) == col(Room.institution_id))
            .join(RoomDesk, col(RoomDesk.room_id) == col(Room.id), isouter=True)
            .join(RingRow, col(RingRow.name) == func.coalesce(RoomDesk.ring, ""), isouter=True)
            .where(col(Room.revoked).is_(None))
        )
        with self._database.read() as session:
            said = {id_: _runs(beat) for id_, beat in session.exec(select(RoomDesk.room_id, RoomDesk.heartbeat))}
            found = [
                RingedRoom(ring or "", owner, room.name, version or "", said.get(room.id, ""), room.last_seen)
                for room, owner, ring, version in session.exec(query)
            ]
        return sorted(found, key=lambda room: (room.ring == "", room.ring, room.institution, room.name))


def _runs(heartbeat: Mapping[str, object] | None) -> str:
    said = (heartbeat or {}).get("version", "")
    return said if isinstance(said, str) else ""
