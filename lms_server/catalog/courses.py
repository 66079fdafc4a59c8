"""Terms and courses: who teaches what to whom, and when."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from sqlalchemy import func, or_
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import Select

from lms_server.catalog import audit, placing
from lms_server.catalog.database import Database
from lms_server.catalog.institutions import institution_named
from lms_server.catalog.lessons import open_to
from lms_server.catalog.revisions import Seen, check_seen, revision_of
from lms_server.catalog.rooms import plain_name
from lms_server.catalog.schemas import CourseName, CourseView, Person, TermView
from lms_server.catalog.scoping import within
from lms_server.catalog.tables import CourseMember, CourseRow, Institution, LessonRow, PersonRow, TermRow
from lms_server.errors import BadRequest, Conflict, Forbidden, NotFound
from media.timetable import LONGEST_CODE


class Courses:
    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock

    # -- for people
    # -----------------------------------------------------------------------------------------------------

    def terms(self, person: Person) -> list[TermView]:
        """Of their institution, the one that began last first."""
        query = (
            select(TermRow, Institution.name)
            .join(Institution, col(TermRow.institution_id) == col(Institution.id))
            .where(*within(person, TermRow.institution_id))
            .order_by(col(TermRow.first_day).desc(), col(Institution.name))
        )
        today = placing.day_of(self._clock())
        with self._database.read() as session:
            return [_term(row, name, today) for row, name in session.exec(query)]

    def term(self, person: Person, term_id: int) -> TermView:
        """Raises NotFound, also for another institution's."""
        found = next((term for term in self.terms(person) if term.id == term_id), None)
        if found is None:
            raise _no_term()
        return found

    def of_term(self, person: Person, term_id: int | None = None) -> list[CourseView]:
        """Courses of a term, or of all, by their codes: a student's own, and for staff every one."""
        with self._database.read() as session:
            return self._views(session, person, _in_term(_seen(person), term_id))

    def names(self, person: Person, term_id: int | None = None) -> list[CourseName]:
        """The same, to choose from: nobody's lessons are counted for it."""
        with self._database.read() as session:
            rows = session.exec(_in_term(_seen(person), term_id)).all()
        return [CourseName.model_validate(_name(*row)) for row in rows]

    def get(self, person: Person, course_id: int) -> CourseView:
        """Raises NotFound, also for a course that is not theirs to see."""
        with self._database.read() as session:
            found = self._views(session, person, _seen(person).where(col(CourseRow.id) == course_id))
        if not found:
            raise NotFound("no-such-course", "There is no such course.")
        return found[0]

    def for_lesson(self, person: Person, institution: str, course_id: int | None) -> list[CourseName]:
        """The courses into which this person may put a lesson of that institution, and the one it is in."""
        query = _in_term(_seen(person), None).where(col(Institution.name) == institution)
        if person.role == "teacher":
            taught = select(CourseMember.course_id).where(
                col(CourseMember.person_id) == person.id, col(CourseMember.part) == "teacher"
            )
            query = query.where(or_(col(CourseRow.id).in_(taught), col(CourseRow.id) == course_id))
        with self._database.read() as session:
            rows = session.exec(query).all()
        return [CourseName.model_validate(_name(*row)) for row in rows]

    def _views(self, session: Session, person: Person, query: Select[CourseRow, str, str]) -> list[CourseView]:
        rows = session.exec(query).all()
        ids = [row.id for row, _, _ in rows]
        member, of_these = col(CourseMember.part), col(CourseMember.course_id).in_(ids)
        teachers: dict[int | None, list[PersonRow]] = {}
        for course_id, who in session.exec(
            select(CourseMember.course_id, PersonRow)
            .join(PersonRow, col(CourseMember.person_id) == col(PersonRow.id))
            .where(of_these, member == "teacher")
            .order_by(col(PersonRow.full_name), col(PersonRow.name))
        ):
            teachers.setdefault(course_id, []).append(who)
        course = col(CourseMember.course_id)
        students = dict(
            session.exec(select(course, func.count()).where(of_these, member == "student").group_by(course)).all()
        )
        of = col(LessonRow.course_id)
        counted = select(of, func.count()).where(of.in_(ids), *open_to(person, self._clock())).group_by(of)
        lessons = dict(session.exec(counted).all())
        return [
            CourseView.model_validate(
                {
                    **_name(row, term, institution),
                    "teachers": [who.full_name or who.name for who in teachers.get(row.id, [])],
                    "students": students.get(row.id or 0, 0),
                    "taught": any(who.id == person.id for who in teachers.get(row.id, [])),
                    "lessons": lessons.get(row.id, 0),
                    "revision": revision_of(row),
                }
            )
            for row, term, institution in rows
        ]

    # -- for who looks after the server
    # -----------------------------------------------------------------------------------

    def add_term(
        self, institution: str, name: str, first_day: str, last_day: str, *, by: Person = audit.AT_CONSOLE
    ) -> int:
        """Its number. Days are ISO dates; a term of that name gets these days. institution: which, for who is of none.
        Raises NotFound, BadRequest, Forbidden."""
        _looks_after(by)
        name = plain_name(name)
        with self._database.write() as session:
            owner = by.institution_id or institution_named(session, institution)
            row = _term_called(session, owner, name) or TermRow(
                institution_id=owner, name=name, first_day=first_day, last_day=last_day
            )
            self._set_term(session, row, by, first_day, last_day)
            assert row.id is not None  # noqa: S101  it was written
            return row.id

    def change_term(
        self,
        by: Person,
        term_id: int,
        *,
        name: str | None = None,
        first_day: str | None = None,
        last_day: str | None = None,
        seen: Seen = None,
    ) -> None:
        """What is None stays. Raises as add_term, ChangedMeanwhile, and Conflict for the name of another term."""
        _looks_after(by)
        plain = plain_name(name) if name is not None else None
        with self._database.write() as session:
            row = _term_to_change(session, by, term_id, seen)
            other = _term_called(session, row.institution_id, plain) if plain is not None else None
            if other is not None and other.id != row.id:
                raise Conflict("name-taken", f"There is a term {plain!r} already.")
            row.name = plain or row.name
            self._set_term(session, row, by, first_day or row.first_day, last_day or row.last_day)

    def remove_term(self, by: Person, term_id: int, seen: Seen = None) -> None:
        """Raises NotFound, Forbidden, ChangedMeanwhile, and Conflict while it has courses."""
        _looks_after(by)
        with self._database.write() as session:
            row = _term_to_change(session, by, term_id, seen)
            if session.exec(select(CourseRow.id).where(col(CourseRow.term_id) == row.id).limit(1)).first() is not None:
                raise Conflict("term-has-courses", f"The term {row.name!r} has courses; remove those first.")
            session.delete(row)
            self._tell(session, "term-removed", row.institution_id, by, term=row.id)

    def add(self, institution: str, term: str, code: str, title: str, *, by: Person = audit.AT_CONSOLE) -> int:
        """Its number. institution: which, for who is of none. Raises NotFound, BadRequest, Forbidden, and Conflict when
        the term has a course of that code."""
        _looks_after(by)
        with self._database.write() as session:
            owner = by.institution_id or institution_named(session, institution)
            return self._add(session, term_named(session, owner, term), code, title, by)

    def add_to(self, by: Person, term_id: int, code: str, title: str) -> int:
        """As add, to the term of this number."""
        _looks_after(by)
        with self._database.write() as session:
            return self._add(session, _term_to_change(session, by, term_id), code, title, by)

    def change(
        self, by: Person, course_id: int, *, code: str | None = None, title: str | None = None, seen: Seen = None
    ) -> None:
        """What is None stays. Raises as add, and ChangedMeanwhile."""
        _looks_after(by)
        with self._database.write() as session:
            row = course_to_change(session, by, course_id, seen)
            term = session.get_one(TermRow, row.term_id)
            wanted = fresh_course(term, row.code if code is None else code, row.title if title is None else title)
            _check_code(session, term, wanted.code, row)
            row.code, row.title = wanted.code, wanted.title
            session.flush()
            placing.place_waiting(session, row.institution_id)
            self._tell(session, "course-changed", row.institution_id, by, course=row.id)

    def remove(self, by: Person, course_id: int, seen: Seen = None) -> None:
        """With who takes part in it. Raises NotFound, Forbidden, ChangedMeanwhile, and Conflict while lessons are in
        it: what students may see must not change by the way."""
        _looks_after(by)
        with self._database.write() as session:
            row = course_to_change(session, by, course_id, seen)
            if (
                session.exec(select(LessonRow.id).where(col(LessonRow.course_id) == row.id).limit(1)).first()
                is not None
            ):
                raise Conflict(
                    "course-has-lessons", f"Lessons are in {row.code!r}; put them into another course first."
                )
            session.delete(row)
            self._tell(session, "course-removed", row.institution_id, by, course=row.id)

    def _set_term(self, session: Session, row: TermRow, by: Person, first_day: str, last_day: str) -> None:
        first, last = _day(first_day), _day(last_day)
        if last < first:
            raise BadRequest("bad-term", f"The term {row.name!r} would end before it begins; check its days.")
        row.first_day, row.last_day = first, last
        session.add(row)
        session.flush()
        placing.place_waiting(session, row.institution_id)
        self._tell(session, "term-set", row.institution_id, by, term=row.id, first_day=first, last_day=last)

    def _add(self, session: Session, term: TermRow, code: str, title: str, by: Person) -> int:
        _check_code(session, term, code)
        course = fresh_course(term, code, title)
        session.add(course)
        session.flush()
        placing.place_waiting(session, term.institution_id)
        self._tell(session, "course-added", term.institution_id, by, course=course.id, term=term.id)
        assert course.id is not None  # noqa: S101  it was written
        return course.id

    def _tell(self, session: Session, action: audit.Action, owner: int, by: Person, **facts: object) -> None:
        audit.append(session, self._clock(), audit.Event(action, "", owner, by, facts=facts))


def _looks_after(by: Person) -> None:
    if not by.looks_after("courses:edit"):
        raise Forbidden("not-allowed", "Only an admin, or a token made for it, changes terms and courses.")


def _no_term() -> NotFound:
    return NotFound("no-such-term", "There is no such term.")


def _term_called(session: Session, institution: int, name: str) -> TermRow | None:
    known = select(TermRow).where(col(TermRow.institution_id) == institution, col(TermRow.name) == name)
    return session.exec(known).first()


def _term_to_change(session: Session, by: Person, term_id: int, seen: Seen = None) -> TermRow:
    """Raises NotFound, ChangedMeanwhile."""
    query = select(TermRow).where(col(TermRow.id) == term_id, *within(by, TermRow.institution_id))
    row = session.exec(query.with_for_update(key_share=True)).first()
    if row is None:
        raise _no_term()
    check_seen(row, seen)
    return row


def course_to_change(session: Session, by: Person, course_id: int, seen: Seen = None) -> CourseRow:
    """A course of theirs, which nobody else changes meanwhile. Raises NotFound, ChangedMeanwhile."""
    query = select(CourseRow).where(col(CourseRow.id) == course_id, *within(by, CourseRow.institution_id))
    row = session.exec(query.with_for_update()).first()
    if row is None:
        raise NotFound("no-such-course", "There is no such course.")
    check_seen(row, seen)
    return row


def _check_code(session: Session, term: TermRow, code: str, but: CourseRow | None = None) -> None:
    """Raises Conflict when another course of the term has this code."""
    other = code_taken(session, term, code)
    if other is not None and other is not but:
        raise Conflict("code-taken", f"The term {term.name!r} has a course {code.strip()!r} already.")


def fresh_course(term: TermRow, code: str, title: str) -> CourseRow:
    """Raises BadRequest."""
    code, title = " ".join(code.split()), " ".join(title.split())
    if not placing.alike(code) or len(code) > LONGEST_CODE or not code.isprintable():
        raise BadRequest("bad-code", f"A course's code has 1 to {LONGEST_CODE} signs, and letters or digits in it.")
    if len(title) > 300 or not (title.isprintable() or not title):
        raise BadRequest("bad-title", "A course's title has at most 300 visible characters.")
    assert term.id is not None  # noqa: S101  it came from the database
    return CourseRow(institution_id=term.institution_id, term_id=term.id, code=code, title=title)


def code_taken(session: Session, term: TermRow, code: str) -> CourseRow | None:
    """The course of this code, however it is written."""
    courses = session.exec(select(CourseRow).where(col(CourseRow.term_id) == term.id))
    return next((course for course in courses if placing.alike(course.code) == placing.alike(code)), None)


def term_named(session: Session, institution: int, name: str) -> TermRow:
    """Raises NotFound."""
    row = _term_called(session, institution, name.strip())
    if row is None:
        raise NotFound("no-such-term", f"That institution has no term {name!r}; add it by `lms-server term add`.")
    return row


def _seen(person: Person) -> Select[CourseRow, str, str]:
    query = (
        select(CourseRow, TermRow.name, Institution.name)
        .join(TermRow, col(CourseRow.term_id) == col(TermRow.id))
        .join(Institution, col(CourseRow.institution_id) == col(Institution.id))
        .where(*within(person, CourseRow.institution_id))
    )
    if not person.staff:
        mine = select(CourseMember.course_id).where(col(CourseMember.person_id) == person.id)
        query = query.where(col(CourseRow.id).in_(mine))
    return query


def _in_term(query: Select[CourseRow, str, str], term_id: int | None) -> Select[CourseRow, str, str]:
    """Those of one term, or of all, by their codes."""
    query = query if term_id is None else query.where(col(CourseRow.term_id) == term_id)
    return query.order_by(col(CourseRow.code), col(CourseRow.id))


def _name(row: CourseRow, term: str, institution: str) -> dict[str, Any]:
    facts = {name: getattr(row, name) for name in ("id", "code", "title", "term_id")}
    return {**facts, "term": term, "institution": institution}


def _term(row: TermRow, institution: str, today: str) -> TermView:
    facts = row.model_dump()
    current = row.first_day <= today <= row.last_day
    shown = {"institution": institution, "current": current, "revision": revision_of(row)}
    return TermView.model_validate({**facts, **shown})


def _day(text: str) -> str:
    """Raises BadRequest."""
    try:
        return date.fromisoformat(text.strip()).isoformat()
    except ValueError as error:
        raise BadRequest("bad-day", f"{text!r} is not a day such as 2026-09-15.") from error
