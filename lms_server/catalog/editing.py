"""What people change of a lesson: its words, who may see it, which stretches are shown, its captions. None of it is
ever changed by the room, and none of it changes a file that the room sent."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from sqlmodel import Session, col, select

from lms_server.catalog import audit
from lms_server.catalog.database import LOCK, Database
from lms_server.catalog.lessons import visible
from lms_server.catalog.schemas import Part, Person, Publication
from lms_server.catalog.tables import CaptionRow, CourseMember, CourseRow, LessonRow, Room
from lms_server.catalog.text import normalise
from lms_server.errors import BadRequest, Forbidden, NotFound

LONGEST: dict[str, int] = {"title": 300, "teacher": 200, "description": 5000}
"""Signs of each text that can be written."""
MOST_PARTS = 200
LAST_MOMENT = 253_402_300_799.0
"""Unix seconds of the end of the year 9999."""
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}")


class Editing:
    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock

    def describe(
        self,
        person: Person,
        lesson_id: str,
        *,
        title: str | None = None,
        teacher: str | None = None,
        description: str | None = None,
    ) -> None:
        """Write these anew; None leaves one as it is. What the room says of them never comes back over it. Raises
        Forbidden, NotFound, BadRequest."""
        given = {"title": title, "teacher": teacher, "description": description}
        texts = {name: _text(name, text) for name, text in given.items() if text is not None}
        with self._database.write() as session:
            row, room = self._changing(session, person, lesson_id)
            for name, text in texts.items():
                setattr(row, name, text)
            row.edited = sorted({*row.edited, *texts})
            row.find_by(room)
            self._tell(session, person, row, "lesson-described", fields=sorted(texts))

    def publish(self, person: Person, lesson_id: str, publication: Publication, at: float = 0.0) -> None:
        """at: Unix seconds from which students may see a published lesson; 0 is at once. Raises as describe."""
        if not 0.0 <= at <= LAST_MOMENT:
            raise BadRequest("bad-time", "That is not a time at which a lesson can be published.")
        with self._database.write() as session:
            row, _ = self._changing(session, person, lesson_id)
            row.publication = publication
            row.publish_at = at if publication == "published" else 0.0
            self._tell(session, person, row, "lesson-published", state=publication, at=row.publish_at)

    def show(self, person: Person, lesson_id: str, parts: Sequence[Part]) -> None:
        """Show only these stretches, which follow each other; none at all shows everything. Raises as describe."""
        if len(parts) > MOST_PARTS:
            raise BadRequest("too-many-parts", f"A lesson is shown in at most {MOST_PARTS} parts.")
        with self._database.write() as session:
            row, room = self._changing(session, person, lesson_id)
            ends = 0.0
            for part in parts:
                if part.at < ends:
                    raise BadRequest("bad-parts", "The parts must follow each other; two of them overlap.")
                ends = part.at + part.seconds
            if row.seconds and ends > row.seconds + 1.0:
                raise BadRequest("bad-parts", f"The last part ends after the lesson, which has {row.seconds:.0f} s.")
            row.parts = [part.model_dump() for part in parts]
            row.find_by(room)
            self._tell(session, person, row, "lesson-cut", parts=[[part.at, part.seconds] for part in parts])

    def assign(self, person: Person, lesson_id: str, course_id: int | None) -> None:
        """Put a lesson into a course of its institution, None for none; no timetable changes that any more. A teacher
        puts it only into a course that they teach. Raises as describe."""
        with self._database.write() as session:
            row, _ = self._changing(session, person, lesson_id)
            if course_id is not None:
                of_room = select(Room.institution_id).where(col(Room.id) == row.room_id)
                course = select(CourseRow).where(
                    col(CourseRow.id) == course_id, col(CourseRow.institution_id).in_(of_room)
                )
                if session.exec(course).first() is None:
                    raise NotFound("no-such-course", "There is no such course.")
                if person.role == "teacher" and not teaches(session, person, course_id):
                    raise Forbidden("not-your-course", "Only who teaches a course puts lessons into it.")
            row.course_id = course_id
            row.edited = sorted({*row.edited, "course"})
            self._tell(session, person, row, "lesson-assigned", course=course_id)

    def may_edit(self, person: Person, lesson_id: str) -> None:
        """Raises Forbidden or NotFound where a change would."""
        with self._database.read() as session:
            editable(session, person, lesson_id, self._clock())

    def caption(self, person: Person, lesson_id: str, language: str, sha256: str, size: int) -> None:
        """Captions in this language are in the store; they take the place of those before. Raises as describe."""
        if not _LANGUAGE.fullmatch(language):
            raise BadRequest("bad-language", "The language is a code such as fr, ar or en-GB.")
        with self._database.write() as session:
            lesson, _ = self._changing(session, person, lesson_id)
            row = session.get(CaptionRow, (lesson_id, language))
            if row is None:
                row = CaptionRow(lesson_id=lesson_id, language=language, sha256=sha256, bytes=size, made=0.0)
            row.sha256, row.bytes, row.made = sha256, size, self._clock()
            session.add(row)
            self._tell(session, person, lesson, "captions-given", language=language, sha256=sha256)

    def uncaption(self, person: Person, lesson_id: str, language: str) -> None:
        """Raises as describe."""
        with self._database.write() as session:
            lesson, _ = self._changing(session, person, lesson_id)
            row = session.get(CaptionRow, (lesson_id, language))
            if row is None:
                raise NotFound("no-such-file", "This lesson has no captions in that language.")
            session.delete(row)
            self._tell(session, person, lesson, "captions-removed", language=language, sha256=row.sha256)

    def _tell(self, session: Session, person: Person, row: LessonRow, action: audit.Action, **facts: object) -> None:
        owner = session.get_one(Room, row.room_id).institution_id
        audit.append(session, self._clock(), audit.Event(action, row.id, owner, person, facts=facts))

    def _changing(self, session: Session, person: Person, lesson_id: str) -> tuple[LessonRow, str]:
        """The lesson, which nobody else changes meanwhile, and its room's name."""
        session.get(LessonRow, lesson_id, with_for_update=LOCK)
        return editable(session, person, lesson_id, self._clock())


def editable(
    session: Session, person: Person, lesson_id: str, now: float, *, trash: bool = False
) -> tuple[LessonRow, str]:
    """The lesson and its room's name. trash: one that lies there. Raises Forbidden, NotFound."""
    if not person.edits:
        raise Forbidden("not-allowed", "Only an admin, IT or a teacher may change a lesson.")
    row, room, _ = visible(session, person, lesson_id, now, trash=trash)
    if person.role == "teacher" and not _theirs(session, person, row):
        raise Forbidden("not-your-lesson", "Only who teaches this lesson, an admin or IT may change it.")
    return row, room


def teaches(session: Session, person: Person, course_id: int) -> bool:
    member = session.get(CourseMember, (course_id, person.id))
    return member is not None and member.part == "teacher"


def _theirs(session: Session, person: Person, row: LessonRow) -> bool:
    """Of a course that this teacher teaches; without a course, under their name, or under nobody's yet."""
    if row.course_id is not None:
        return teaches(session, person, row.course_id)
    return not normalise(row.teacher) or names_teacher(row.teacher, person)


def names_teacher(teacher: str, person: Person) -> bool:
    """Whether what a lesson says of its teacher means this person."""
    named, full = normalise(teacher), normalise(person.full_name)
    titled = " " in full and f" {full} " in f" {named} "  # timetables put titles before names
    return named != "" and (named in (normalise(person.name), full) or titled)


def _text(name: str, text: str) -> str:
    """Raises BadRequest."""
    lines = "\n".join(line.rstrip() for line in text.replace("\r\n", "\n").split("\n")).strip()
    most = LONGEST[name]
    least = 1 if name == "title" else 0
    shown = lines.replace("\n", "") if name == "description" else lines
    if not least <= len(lines) <= most or not (shown.isprintable() or not shown):
        raise BadRequest(f"bad-{name}", f"A {name} has {least} to {most} visible characters.")
    return lines
