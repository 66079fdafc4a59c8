"""People, courses and who takes part in them, by the sheet: all of it or nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlmodel import Session, col, select

from lms_server.catalog import audit, cards, placing, sheets
from lms_server.catalog.courses import code_taken, fresh_course, term_named
from lms_server.catalog.database import Database
from lms_server.catalog.institutions import institution_named
from lms_server.catalog.members import part_of
from lms_server.catalog.people import People, plain_full_name, plain_login
from lms_server.catalog.schemas import ROLES
from lms_server.catalog.tables import CourseMember, CourseRow, PersonRow, TermRow
from lms_server.errors import BadRequest, ServerError

PEOPLE = ("name", "full_name", "role", "institution", "password", "courses", "term")
COURSES = ("code", "title", "term", "institution")
_BETWEEN = re.compile(r"[,;|\n]+")


@dataclass(frozen=True, slots=True)
class Imported:
    """How many people are new, how many were known, and how many take part in a course in which they did not."""

    made: int = 0
    known: int = 0
    enrolled: int = 0


class Enrolling:
    def __init__(self, database: Database, clock: Callable[[], float], people: People) -> None:
        self._database = database
        self._clock = clock
        self._people = people

    def people(self, content: bytes, *, encoding: str = "", institution: str = "", term: str = "") -> Imported:
        """A line for each person, or one for each of their courses: what the lines of one person say must agree. Who is
        known gets the courses that are new, and a full name. Who has no password signs in by the institution's own
        login, or once somebody gives them one. institution, term: for lines that name none; without a term, the one
        that today is in. Raises BadRequest with a sentence for each line that will not do."""
        lines = sheets.read(content, encoding, needed=("name", "role"), known=PEOPLE)
        hashes = self._hashes(lines)
        with self._database.write() as session:
            made = _Import(session, hashes, self._clock(), institution, term)
            for line in lines:
                made.person(line)
            made.mistakes.check()
            cards.refresh(session, *(row.institution_id for _, row in made.of.values() if row.card))
            done = Imported(len(made.fresh), len(made.of) - len(made.fresh), made.enrolled)
            self._tell(session, "people", done.made)
            return done

    def courses(self, content: bytes, *, encoding: str = "", institution: str = "", term: str = "") -> int:
        """A line for each course; one that is there gets the title. How many are new. Raises as people."""
        lines = sheets.read(content, encoding, needed=("code",), known=COURSES)
        with self._database.write() as session:
            made = _Import(session, {}, self._clock(), institution, term)
            fresh = sum(made.course(line) for line in lines)
            made.mistakes.check()
            for owner in made.owners:
                placing.place_waiting(session, owner)
            self._tell(session, "courses", fresh)
            return fresh

    def _tell(self, session: Session, what: str, made: int) -> None:
        facts = {"of": what, "made": made}
        audit.append(session, self._clock(), audit.Event("sheet-imported", "", None, via=audit.CONSOLE, facts=facts))

    def _hashes(self, lines: Sequence[sheets.Line]) -> dict[int, str]:
        """The passwords of new people, by line; hashed before anybody waits for the database, for it takes long. Raises
        BadRequest."""
        with self._database.read() as session:
            known = set(session.exec(select(PersonRow.name)))
        mistakes, found = sheets.Mistakes(), dict[int, str]()
        for line in lines:
            if line["password"] and line["name"] not in known:
                known.add(line["name"])
                try:
                    found[line.number] = self._people.hashed(line["password"])
                except ServerError as error:
                    mistakes.add(line.number, error.detail)
        mistakes.check()
        return found


class _Import:
    """One sheet on its way into the database; nothing of it counts before ``mistakes.check()``."""

    def __init__(self, session: Session, hashes: Mapping[int, str], now: float, institution: str, term: str) -> None:
        self.mistakes = sheets.Mistakes()
        self.of: dict[str, tuple[int, PersonRow]] = {}
        self.fresh: set[str] = set()
        self.enrolled = 0
        self.owners: set[int] = set()
        self._session, self._hashes, self._now = session, hashes, now
        self._institution, self._term = institution, term
        self._terms: dict[tuple[int, str], TermRow] = {}
        self._courses: dict[int | None, dict[str, CourseRow]] = {}
        self._said: dict[tuple[str, int | None], int] = {}

    def person(self, line: sheets.Line) -> None:
        try:
            name = plain_login(line["name"])
            owner = self._owner(line)
            row = self._row(line, name, owner)
            if row is not None:
                self._enrol(line, row, owner)
        except ServerError as error:
            self.mistakes.add(line.number, error.detail)

    def course(self, line: sheets.Line) -> bool:
        """Whether it is new."""
        try:
            owner = self._owner(line)
            term = self._term_of(owner, line["term"])
            course = fresh_course(term, line["code"], line["title"])
            known = code_taken(self._session, term, course.code)
            before = self._said.setdefault((placing.alike(course.code), term.id), line.number)
            if before != line.number:
                self.mistakes.add(line.number, f"the course {course.code!r} is in line {before} already.")
            elif known is not None:
                known.title = course.title or known.title
            else:
                self.owners.add(owner)
                self._session.add(course)
                self._session.flush()
            return known is None
        except ServerError as error:
            self.mistakes.add(line.number, error.detail)
            return False

    def _owner(self, line: sheets.Line) -> int:
        """Raises NotFound, BadRequest."""
        name = line["institution"] or self._institution
        if not name:
            raise BadRequest("bad-sheet", "it names no institution; add the column, or say --institution.")
        return institution_named(self._session, name)

    def _row(self, line: sheets.Line, name: str, owner: int) -> PersonRow | None:
        """The person of a line, new or known; None when something is wrong with it."""
        role = line["role"].lower()
        if role not in ROLES:
            self.mistakes.add(line.number, f"the role {line['role']!r} is none of {', '.join(ROLES)}.")
            return None
        before, row = self.of.get(name, (0, None))
        if row is None:
            row = self._session.exec(select(PersonRow).where(col(PersonRow.name) == name)).first()
        if row is None:
            hashed = self._hashes.get(line.number, "")
            row = PersonRow(name=name, role=role, institution_id=owner, password_hash=hashed, made=self._now)
            self._session.add(row)
            self.fresh.add(name)
        elif row.institution_id != owner:
            where = f"in line {before}" if before else "on this server"
            self.mistakes.add(line.number, f"there is a {name!r} of another institution {where}; take another name.")
            return None
        elif row.role != role:
            where = f"line {before} says" if before else "the server has"
            self.mistakes.add(line.number, f"{name!r} is here {role}, and {where} {row.role}.")
            return None
        elif before and line["full_name"] not in ("", row.full_name):
            self.mistakes.add(line.number, f"{name!r} has another full name in line {before}.")
            return None
        row.full_name = plain_full_name(line["full_name"]) or row.full_name
        self._session.flush()
        self.of.setdefault(name, (line.number, row))
        return row

    def _enrol(self, line: sheets.Line, row: PersonRow, owner: int) -> None:
        codes = [" ".join(code.split()) for code in _BETWEEN.split(line["courses"]) if code.strip()]
        if not codes:
            before = self._said.setdefault((row.name, None), line.number)
            if before != line.number:
                self.mistakes.add(line.number, f"{row.name!r} is in line {before} already.")
            return
        term = self._term_of(owner, line["term"])
        known = self._courses_of(term)
        for code in codes:
            course = known.get(placing.alike(code))
            if course is None:
                self.mistakes.add(line.number, f"the term {term.name!r} has no course {code!r}.")
                continue
            before = self._said.setdefault((row.name, course.id), line.number)
            if before != line.number:
                self.mistakes.add(line.number, f"{row.name!r} is put into {course.code!r} by line {before} already.")
                continue
            assert course.id is not None  # noqa: S101  it came from the database
            assert row.id is not None  # noqa: S101  ``_row`` has flushed it
            member = self._session.get(CourseMember, (course.id, row.id))
            if member is None:
                self._session.add(CourseMember(course_id=course.id, person_id=row.id, part=part_of(row.role)))
                self.enrolled += 1

    def _courses_of(self, term: TermRow) -> dict[str, CourseRow]:
        if term.id not in self._courses:
            rows = self._session.exec(select(CourseRow).where(col(CourseRow.term_id) == term.id))
            self._courses[term.id] = {placing.alike(course.code): course for course in rows}
        return self._courses[term.id]

    def _term_of(self, owner: int, name: str) -> TermRow:
        """Raises NotFound."""
        name = name or self._term
        if (owner, name) not in self._terms:
            if not name:
                terms = self._session.exec(select(TermRow).where(col(TermRow.institution_id) == owner))
                current = placing.term_at(terms, placing.day_of(self._now))
                name = current[0].name if current else "of today"
            self._terms[owner, name] = term_named(self._session, owner, name)
        return self._terms[owner, name]
