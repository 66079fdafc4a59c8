"""Who takes part in a course, one by one; by the sheet they come through ``enrolling``."""

from __future__ import annotations

from collections.abc import Callable

from sqlmodel import Session, col, select

from lms_server.catalog import audit
from lms_server.catalog.courses import course_to_change
from lms_server.catalog.database import Database
from lms_server.catalog.schemas import MemberPart, MembersPage, MemberView, Person
from lms_server.catalog.scoping import within
from lms_server.catalog.tables import CourseMember, CourseRow, PersonRow
from lms_server.errors import Forbidden, NotFound


class Members:
    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock

    def of(self, by: Person, course_id: int, *, after: str = "", limit: int = 50) -> MembersPage:
        """By their logins. Raises NotFound, Forbidden."""
        _looks_after(by)
        query = (
            select(CourseMember.part, PersonRow)
            .join(PersonRow, col(CourseMember.person_id) == col(PersonRow.id))
            .where(col(CourseMember.course_id) == course_id, col(PersonRow.name) > after)
            .order_by(col(PersonRow.name))
            .limit(limit + 1)
        )
        with self._database.read() as session:
            known = select(CourseRow.id).where(col(CourseRow.id) == course_id, *within(by, CourseRow.institution_id))
            if session.exec(known).first() is None:
                raise NotFound("no-such-course", "There is no such course.")
            rows = session.exec(query).all()
        shown = [_view(row, part) for part, row in rows[:limit]]
        return MembersPage(items=shown, next=shown[-1].name if len(rows) > limit else None)

    def put(self, by: Person, course_id: int, person_id: int, part: MemberPart | None = None) -> MemberView:
        """Into the course, or with another part in it. part: None for what their role says. Raises NotFound, also for
        somebody of another institution than the course, and Forbidden."""
        _looks_after(by)
        with self._database.write() as session:
            course, row = _both(session, by, course_id, person_id)
            wanted = part or part_of(row.role)
            member = session.get(CourseMember, (course_id, person_id))
            if member is None:
                member = CourseMember(course_id=course_id, person_id=person_id, part="")
            if member.part != wanted:
                member.part = wanted
                session.add(member)
                self._tell(session, "course-joined", course, row, by, part=wanted)
            return _view(row, wanted)

    def remove(self, by: Person, course_id: int, person_id: int) -> None:
        """Out of the course. Raises NotFound, also for who was not in it, and Forbidden."""
        _looks_after(by)
        with self._database.write() as session:
            course, row = _both(session, by, course_id, person_id)
            member = session.get(CourseMember, (course_id, person_id))
            if member is None:
                raise _nobody()
            session.delete(member)
            self._tell(session, "course-left", course, row, by)

    def _tell(
        self, session: Session, action: audit.Action, course: CourseRow, row: PersonRow, by: Person, **facts: object
    ) -> None:
        facts["course"] = course.id
        event = audit.Event(action, str(row.id), course.institution_id, by, facts=facts)
        audit.append(session, self._clock(), event)


def part_of(role: str) -> MemberPart:
    """As what somebody of this role takes part, where nobody says otherwise."""
    return "student" if role == "student" else "teacher"


def _looks_after(by: Person) -> None:
    if not by.looks_after("courses:edit"):
        raise Forbidden("not-allowed", "Only an admin, or a token made for it, says who takes part in a course.")


def _both(session: Session, by: Person, course_id: int, person_id: int) -> tuple[CourseRow, PersonRow]:
    """The course and the person, of one institution. Raises NotFound."""
    course = course_to_change(session, by, course_id)
    of_it = col(PersonRow.id) == person_id, col(PersonRow.institution_id) == course.institution_id
    row = session.exec(select(PersonRow).where(*of_it)).first()
    if row is None:
        raise _nobody()
    return course, row


def _nobody() -> NotFound:
    return NotFound("no-such-person", "There is nobody like that in this course, or in its institution.")


def _view(row: PersonRow, part: str) -> MemberView:
    facts = {"person_id": row.id, "name": row.name, "full_name": row.full_name, "part": part}
    return MemberView.model_validate(facts)
