"""Which course a lesson belongs to, as its room's timetable and its title say; never over what a person said.

A code means the course of that code in the term in which the lesson was recorded: next year's is another course. Codes
are alike whatever their case, spaces and punctuation: ``phy-101`` is ``PHY 101``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from sqlalchemy import String, cast
from sqlmodel import Session, col, delete, select

from lms_server.catalog.tables import CourseRow, LessonRow, PlannedRow, Room, TermRow
from lms_server.catalog.text import normalise
from media.timetable import MOST_COURSES, Event, code_in

EARLY = 900.0
"""Seconds before a planned lesson in which one that is started by hand is that lesson, as the room has it."""
REMEMBERED = 400 * 86400.0
"""Seconds for which planned lessons that are over are kept."""


def plan(session: Session, room_id: str, events: Sequence[Event], since: float) -> None:
    """A room has another timetable: what it says from since on (Unix seconds) takes the place of what was said."""
    row = col(PlannedRow.begins)
    mine = delete(PlannedRow).where(col(PlannedRow.room_id) == room_id)
    session.exec(mine.where((row >= since) | (row < since - REMEMBERED)))
    session.add_all(
        PlannedRow(room_id=room_id, begins=event.begin, ends=event.end, codes=list(event.courses))
        for event in events
        if event.courses and event.begin >= since
    )


def place(session: Session, row: LessonRow, room: Room) -> None:
    """Note what is said of a lesson's course, and put it there when there is such a course."""
    planned = _planned(session, row)
    said = [*(planned.codes if planned is not None else []), code_in(row.title)]
    row.course_codes = list(dict.fromkeys(code for code in said if code))[:MOST_COURSES]
    if "course" not in row.edited:
        row.course_id = _course(session, room.institution_id, row)


def place_waiting(session: Session, institution_id: int) -> int:
    """There are other courses or terms now: put lessons there that have waited for them; how many."""
    waiting = session.exec(
        select(LessonRow)
        .join(Room, col(LessonRow.room_id) == col(Room.id))
        .where(col(Room.institution_id) == institution_id, col(LessonRow.course_id).is_(None))
        .where(cast(col(LessonRow.course_codes), String) != "[]")
        .with_for_update(key_share=True, of=LessonRow)
    ).all()
    for row in waiting:
        if "course" not in row.edited:
            row.course_id = _course(session, institution_id, row)
    return sum(row.course_id is not None for row in waiting)


def alike(code: str) -> str:
    """What two ways of writing one code have in common."""
    return normalise(code).replace(" ", "")


def term_at(terms: Iterable[TermRow], day: str) -> list[TermRow]:
    """Those that an ISO date is in, the one that began last first."""
    found = (term for term in terms if term.first_day <= day <= term.last_day)
    return sorted(found, key=lambda term: term.first_day, reverse=True)


def day_of(unix: float) -> str:
    """The ISO date of Unix seconds; a clock beyond every calendar is in no term."""
    try:
        return datetime.fromtimestamp(unix, UTC).date().isoformat()
    except (OverflowError, ValueError, OSError):
        return ""


def _planned(session: Session, row: LessonRow) -> PlannedRow | None:
    """The planned lesson of the room that shares most time with this one."""
    ends = row.started + row.seconds
    near = session.exec(
        select(PlannedRow)
        .where(col(PlannedRow.room_id) == row.room_id)
        .where(col(PlannedRow.begins) <= row.started + EARLY, col(PlannedRow.ends) > row.started)
        .order_by(col(PlannedRow.begins))
    ).all()
    return max(near, key=lambda each: min(ends, each.ends) - max(row.started, each.begins), default=None)


def _course(session: Session, institution_id: int, row: LessonRow) -> int | None:
    """The first of the codes that is a course of the term."""
    if not row.course_codes:
        return None
    terms = term_at(
        session.exec(select(TermRow).where(col(TermRow.institution_id) == institution_id)), day_of(row.started)
    )
    for term in terms:
        courses = session.exec(select(CourseRow).where(col(CourseRow.term_id) == term.id)).all()
        known = {alike(course.code): course.id for course in courses}
        for code in row.course_codes:
            if alike(code) in known:
                return known[alike(code)]
    return None
