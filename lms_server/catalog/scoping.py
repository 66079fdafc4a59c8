"""Whose things a person may come near: those of their own institution, or of all when they belong to none.

Every question that a person asks goes through here or through ``lessons.open_to``, which does. What belongs to another
institution is not there: it is found no more than what nobody ever made, and the answer is the same.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, select

from lms_server.catalog.schemas import Person
from lms_server.catalog.tables import Room
from lms_server.errors import NotFound


def within(person: Person, institution: Any) -> list[ColumnElement[bool]]:
    """What a row must be for this person to come near it. institution: the column that says whose the row is."""
    return [] if person.institution_id is None else [col(institution) == person.institution_id]


def in_rooms_of(person: Person, room: Any) -> list[ColumnElement[bool]]:
    """The same for rows that belong to a room. room: the column with its id, or what is made of it."""
    if person.institution_id is None:
        return []
    return [room.in_(select(Room.id).where(*within(person, Room.institution_id)))]


def row_id(text: str) -> int:
    """A row's number out of an address; -1, which no row has, for what is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1


def room_for(session: Session, person: Person, room_id: str) -> Room:
    """Raises NotFound, whether the room is not there or another institution's."""
    found = session.exec(select(Room).where(col(Room.id) == room_id, *within(person, Room.institution_id))).first()
    if found is None:
        raise NotFound("no-such-room", "There is no such room.")
    return found
