"""What is held about one person: to be given to them, and to be forgotten."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Mapping
from typing import Any

from sqlmodel import Session, col, delete, or_, select

from lms_server.catalog import audit, cards, finding
from lms_server.catalog.database import Database
from lms_server.catalog.editing import names_teacher
from lms_server.catalog.people import ERASED, known_person, person_of, theirs
from lms_server.catalog.revisions import Seen, check_seen
from lms_server.catalog.schemas import Person
from lms_server.catalog.scoping import in_rooms_of
from lms_server.catalog.tables import (
    AlarmRow,
    ApiToken,
    AuditRow,
    CommandRow,
    CourseMember,
    CourseRow,
    LessonRow,
    PersonRow,
    Room,
    SignInFailure,
    TermRow,
)
from lms_server.errors import Conflict

TOKEN = ("name", "prefix", "scopes", "made", "expires", "last_used", "revoked")


class Personal:
    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock

    def export(self, name: str, by: Person) -> dict[str, Any]:
        """All that is held about the person of this login, as JSON, by what it is about; no secret is in it. Where
        somebody stopped watching is kept by their browser alone. by: who asks. Raises NotFound."""
        with self._database.write() as session:
            row = known_person(session, name)
            person = person_of(session, row)
            event = audit.Event("person-exported", str(person.id), person.institution_id, by)
            audit.append(session, self._clock(), event)
            mine = or_(col(AuditRow.person_id) == person.id, col(AuditRow.about) == str(person.id))
            rows = session.exec(select(AuditRow).where(mine).order_by(col(AuditRow.number))).all()
            tokens = session.exec(select(ApiToken).where(col(ApiToken.person_id) == person.id)).all()
            return {
                "profile": {**person.model_dump(exclude={"scopes"}), "subject": row.subject, "made": row.made},
                "courses": _courses(session, person),
                "tokens": [token.model_dump(include=set(TOKEN)) for token in tokens],
                "lessons": [
                    {"id": lesson.id, "title": lesson.title, "teacher": lesson.teacher, "started": lesson.started}
                    for lesson in _taught(session, person)
                ],
                "commands": [
                    command.model_dump(include={"id", "verb", "title", "lesson_id", "made", "outcome"})
                    for command in session.exec(select(CommandRow).where(col(CommandRow.by) == person.name))
                ],
                "audit": [entry.model_dump() for entry in audit.entries(session, rows)],
            }

    def erase(self, name: str, by: Person) -> str:
        """Forget the person of this login: what they are called from now on. Their login, tokens and places in courses
        are gone, and their name wherever it stands as theirs. What must stay, as the audit log, knows their number.
        Their recordings are lessons: put those into the trash. Raises NotFound."""
        with self._database.write() as session:
            return self._forget(session, known_person(session, name), by)

    def remove(self, by: Person, person_id: int, seen: Seen = None) -> None:
        """Forget one of those whom they look after, as ``erase``. Raises NotFound, Forbidden, ChangedMeanwhile, and
        Conflict for oneself: somebody must remain who can let others in."""
        with self._database.write() as session:
            row = theirs(session, by, person_id, change=True)
            check_seen(row, seen)
            if row.id == by.id:
                raise Conflict("own-account", "Nobody removes themselves; ask another admin.")
            self._forget(session, row, by)

    def _forget(self, session: Session, row: PersonRow, by: Person) -> str:
        person = person_of(session, row)
        lessons = _taught(session, person)
        words = [(lesson.search, lesson.started) for lesson in lessons]
        for lesson in lessons:
            lesson.teacher = ""
            lesson.edited = sorted({*lesson.edited, "teacher"})  # the room's timetable does not bring it back
            lesson.find_by(session.get_one(Room, lesson.room_id).name)
        pseudonym = f"{ERASED}{person.id}"
        for command in session.exec(select(CommandRow).where(col(CommandRow.by) == person.name)):
            command.by = pseudonym
        for alarm in session.exec(select(AlarmRow).where(col(AlarmRow.acknowledged_by) == person.name)):
            alarm.acknowledged_by = pseudonym
        for table in (ApiToken, CourseMember):
            session.exec(delete(table).where(col(table.person_id) == person.id))
        failures = col(SignInFailure.key).endswith(f" {person.name}", autoescape=True)
        session.exec(delete(SignInFailure).where(failures))
        row.name, row.full_name, row.subject, row.password_hash = pseudonym, "", None, ""
        if row.card:
            row.card = ""
            cards.refresh(session, row.institution_id)
        session.flush()
        for said, started in words:
            finding.forget(session, said, started)
        event = audit.Event("person-erased", str(person.id), person.institution_id, by)
        audit.append(session, self._clock(), event)
        return pseudonym


def zipped(found: Mapping[str, Any]) -> bytes:
    """A ZIP with one JSON file for each of what ``export`` gave."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in found.items():
            file.writestr(f"{name}.json", json.dumps(content, ensure_ascii=False, indent=1))
    return out.getvalue()


def _courses(session: Session, person: Person) -> list[dict[str, Any]]:
    query = (
        select(CourseMember.part, CourseRow.code, CourseRow.title, TermRow.name)
        .join(CourseRow, col(CourseMember.course_id) == col(CourseRow.id))
        .join(TermRow, col(CourseRow.term_id) == col(TermRow.id))
        .where(col(CourseMember.person_id) == person.id)
    )
    return [
        {"part": part, "course": code, "title": title, "term": term} for part, code, title, term in session.exec(query)
    ]


def _taught(session: Session, person: Person) -> list[LessonRow]:
    """The lessons under their name, in their institution."""
    named = session.exec(select(LessonRow).where(col(LessonRow.teacher) != "", *in_rooms_of(person, LessonRow.room_id)))
    return [lesson for lesson in named if names_teacher(lesson.teacher, person)]
