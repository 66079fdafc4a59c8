"""How long lessons are kept, the trash from which they can be taken back, and holds: nothing deletes what is held."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from sqlmodel import Session, col, select

from lms_server.catalog import audit
from lms_server.catalog.courses import course_to_change
from lms_server.catalog.database import LOCK, Database
from lms_server.catalog.editing import editable
from lms_server.catalog.institutions import institution_named
from lms_server.catalog.lessons import open_to
from lms_server.catalog.revisions import Seen
from lms_server.catalog.schemas import Person, RetentionView, TrashView
from lms_server.catalog.scoping import within
from lms_server.catalog.tables import CourseRow, Institution, LessonRow, Room
from lms_server.errors import BadRequest, Conflict, Forbidden, NotFound

DAY = 86400.0
LONGEST = {"days": 36_500, "terms": 100}
MOST_TRASH_DAYS = 3650
LONGEST_REASON = 500
MOST_SHOWN = 500
_KEEP = re.compile(r"([1-9]\d{0,5}) (days|terms)")


@dataclass(frozen=True, slots=True)
class Keep:
    """``for ever``; ``400 days``, counted from when the server first heard of the lesson, for rooms' clocks lie; or
    ``2 terms``: through the term in which it was recorded and that many after it, as far as those are known."""

    number: int
    unit: Literal["days", "terms"]


def keep_of(text: str) -> Keep | None:
    """None is for ever. Raises BadRequest."""
    if text in ("", "for ever"):
        return None
    found = _KEEP.fullmatch(text.strip())
    if found is None or int(found[1]) > LONGEST[found[2]]:
        raise BadRequest("bad-keep", "Lessons are kept `for ever`, some `400 days`, or some `2 terms`.")
    return Keep(int(found[1]), "days" if found[2] == "days" else "terms")


class Retention:
    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock

    # -- rules
    # -----------------------------------------------------------------------------------------------------------

    def rules(self, person: Person) -> list[RetentionView]:
        """Of their institution, or of all; of institutions first, then of courses that differ. Raises Forbidden."""
        _admin(person)
        with self._database.read() as session:
            owners = session.exec(
                select(Institution).where(*within(person, Institution.id)).order_by(col(Institution.name))
            ).all()
            names = {owner.id: owner.name for owner in owners}
            courses = session.exec(
                select(CourseRow)
                .where(col(CourseRow.keep) != "", *within(person, CourseRow.institution_id))
                .order_by(col(CourseRow.code))
            ).all()
        found = [
            RetentionView(institution=each.name, keep=each.keep or "for ever", trash_days=each.trash_days)
            for each in owners
        ]
        return found + [
            RetentionView(
                institution=names.get(each.institution_id, ""), course_id=each.id, course=each.code, keep=each.keep
            )
            for each in courses
        ]

    def set_institution(self, person: Person, keep: str, trash_days: int | None = None, institution: str = "") -> None:
        """institution: which, for who is of none. Raises Forbidden, NotFound, BadRequest."""
        _admin(person)
        keep_of(keep)
        if trash_days is not None and not 1 <= trash_days <= MOST_TRASH_DAYS:
            raise BadRequest("bad-days", f"A lesson lies 1 to {MOST_TRASH_DAYS} days in the trash.")
        with self._database.write() as session:
            number = person.institution_id or institution_named(session, institution)
            row = session.get_one(Institution, number, with_for_update=LOCK)
            row.keep = keep.strip()
            row.trash_days = trash_days or row.trash_days
            facts = {"keep": row.keep, "trash_days": row.trash_days}
            audit.append(session, self._clock(), audit.Event("retention-set", "", number, person, facts=facts))

    def set_course(self, person: Person, course_id: int, keep: str, seen: Seen = None) -> None:
        """keep: "" leaves it to the institution. Raises as set_institution, and ChangedMeanwhile."""
        _admin(person)
        keep_of(keep)
        with self._database.write() as session:
            row = course_to_change(session, person, course_id, seen)
            row.keep = keep.strip()
            facts = {"keep": row.keep, "course": course_id}
            event = audit.Event("retention-set", "", row.institution_id, person, facts=facts)
            audit.append(session, self._clock(), event)

    # -- the trash
    # -------------------------------------------------------------------------------------------------------

    def trash(self, person: Person, lesson_id: str) -> None:
        """Nobody finds it any more; it can be taken back for a while. Raises Forbidden, NotFound, and Conflict for a
        lesson that is held."""
        with self._database.write() as session:
            row = self._locked(session, person, lesson_id)
            if row.held is not None:
                raise Conflict("lesson-held", "This lesson is held: nothing deletes it until an admin ends the hold.")
            put_away(session, row, self._clock(), person)

    def restore(self, person: Person, lesson_id: str) -> None:
        """Out of the trash, as it was. Raises Forbidden, NotFound."""
        with self._database.write() as session:
            row = self._locked(session, person, lesson_id, trash=True)
            row.trashed = None
            self._tell(session, person, row, "lesson-restored")

    def hold(self, person: Person, lesson_id: str, reason: str) -> None:
        """From now on nothing deletes it, not even out of the trash. Raises Forbidden, NotFound, BadRequest."""
        _admin(person)
        reason = " ".join(reason.split())
        if len(reason) > LONGEST_REASON or not (reason.isprintable() or not reason):
            raise BadRequest("bad-reason", f"A reason has at most {LONGEST_REASON} visible characters.")
        with self._database.write() as session:
            row = self._anywhere(session, person, lesson_id)
            row.held, row.hold_reason = row.held or self._clock(), reason
            self._tell(session, person, row, "lesson-held")

    def release(self, person: Person, lesson_id: str) -> None:
        """Raises Forbidden, NotFound."""
        _admin(person)
        with self._database.write() as session:
            row = self._anywhere(session, person, lesson_id)
            row.held, row.hold_reason = None, ""
            self._tell(session, person, row, "lesson-released")

    def state(self, person: Person, lesson_id: str) -> TrashView:
        """How a lesson stands, in the trash or not. Raises Forbidden, NotFound."""
        with self._database.read() as session:
            row = self._anywhere(session, person, lesson_id)
            owner = session.get_one(Institution, session.get_one(Room, row.room_id).institution_id)
            room = session.get_one(Room, row.room_id).name
        return _view(row, room, owner)

    def trashed(self, person: Person) -> list[TrashView]:
        """What lies in the trash, the last first. Raises Forbidden."""
        if person.role not in ("admin", "it"):
            raise Forbidden("not-allowed", "Only an admin or IT looks into the trash.")
        query = (
            select(LessonRow, Room.name, Institution)
            .join(Room, col(LessonRow.room_id) == col(Room.id))
            .join(Institution, col(Room.institution_id) == col(Institution.id))
            .where(*open_to(person, self._clock(), trash=True))
            .order_by(col(LessonRow.trashed).desc())
            .limit(MOST_SHOWN)
        )
        with self._database.read() as session:
            return [_view(row, room, owner) for row, room, owner in session.exec(query)]

    def _locked(self, session: Session, person: Person, lesson_id: str, *, trash: bool = False) -> LessonRow:
        session.get(LessonRow, lesson_id, with_for_update=LOCK)
        return editable(session, person, lesson_id, self._clock(), trash=trash)[0]

    def _anywhere(self, session: Session, person: Person, lesson_id: str) -> LessonRow:
        try:
            return self._locked(session, person, lesson_id)
        except NotFound:
            return self._locked(session, person, lesson_id, trash=True)

    def _tell(self, session: Session, person: Person, row: LessonRow, action: audit.Action) -> None:
        owner = session.get_one(Room, row.room_id).institution_id
        audit.append(session, self._clock(), audit.Event(action, row.id, owner, person))


def put_away(session: Session, row: LessonRow, now: float, by: Person, why: str = "") -> None:
    """Into the trash. why: the rule that says so."""
    row.trashed = now
    owner = session.get_one(Room, row.room_id).institution_id
    audit.append(session, now, audit.Event("lesson-trashed", row.id, owner, by, facts={"why": why} if why else {}))


def _view(row: LessonRow, room: str, owner: Institution) -> TrashView:
    goes = row.trashed + owner.trash_days * DAY if row.trashed is not None and row.held is None else None
    return TrashView.model_validate({**row.model_dump(), "room": room, "institution": owner.name, "goes": goes})


def _admin(person: Person) -> None:
    if person.role != "admin":
        raise Forbidden("not-allowed", "Only an admin says how long lessons are kept.")
