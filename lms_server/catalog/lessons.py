"""Lessons as people and programs look for them, and the files they get."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import quote

from sqlalchemy import ColumnElement, and_, exists, func, or_
from sqlmodel import Session, col, select

from lms_server.catalog import finding
from lms_server.catalog.database import Database
from lms_server.catalog.renditions import is_rendition
from lms_server.catalog.schemas import RENDITIONS, File, LessonDetail, LessonPage, LessonSummary, Person
from lms_server.catalog.scoping import in_rooms_of, row_id, within
from lms_server.catalog.tables import (
    Asset,
    CaptionRow,
    CourseMember,
    CourseRow,
    FindingRow,
    Institution,
    LessonRow,
    OutputRow,
    Room,
    TermRow,
)
from lms_server.errors import BadRequest, NotFound

API_LESSONS = "/api/v1/lessons"
MAX_PAGE = 200
SPARE = 10
"""Of so many lessons on a page one more is looked for: some that the index finds are not to be seen, as those that
failed by students, and for one that is missing all would be asked once more."""
_SMALL = ("slidecast", "proxy", "poster", "thumbnail")
_SLIDECAST = and_(col(Asset.kind) == "slidecast", col(Asset.path).endswith(".mp4"))
_HAS_SLIDECAST = exists().where(_SLIDECAST, col(Asset.lesson_id) == col(LessonRow.id))
_ROWS = (
    select(LessonRow, Room.name, Institution.name)
    .join(Room, col(LessonRow.room_id) == col(Room.id))
    .join(Institution, col(Room.institution_id) == col(Institution.id))
)
"""Lessons with the names of their rooms and institutions."""
_TYPES = {".mp4": "video/mp4", ".m4a": "audio/mp4", ".json": "application/json", ".jpg": "image/jpeg"}


class Lessons:
    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock

    def search(
        self,
        person: Person,
        *,
        q: str = "",
        room: str = "",
        course: str = "",
        term: str = "",
        teacher: str = "",
        since: float | None = None,
        until: float | None = None,
        page: str | None = None,
        limit: int = 50,
    ) -> LessonPage:
        """Newest first. q: words of title, room, teacher, description and marks, or their beginnings, all of which must
        be found. room: a room's id or name. course: its id or code. term: its id or name. teacher: words of their name.
        since, until: Unix seconds; lessons started then or later, and before then. page: ``next`` of the page before.
        Raises BadRequest for a page that no answer gave."""
        limit = max(1, min(limit, MAX_PAGE))
        now = self._clock()
        below, above = _cursor(page) if page else finding.LAST, 0
        query = _ROWS.add_columns(col(FindingRow.id))
        query = query.join(FindingRow, col(FindingRow.lesson_id) == col(LessonRow.id)).where(*open_to(person, now))
        if since is not None:
            query, above = query.where(col(LessonRow.started) >= since), finding.since(since)
        if until is not None:
            query, below = query.where(col(LessonRow.started) < until), min(below, finding.since(until + 1.0))
        rows: list[tuple[LessonRow, str, str, int]] = []
        with self._database.read() as session:
            question = _question(session, person, room, course, term)
            question = question.having(*finding.words_of(q), *finding.teacher_named(teacher))
            most = limit + 1 + limit // SPARE
            while len(rows) <= limit:
                ids = finding.newest(session, question, below, above, most)
                found = query.where(col(FindingRow.id).in_(ids)).order_by(col(FindingRow.id).desc())
                rows += [(row[0], row[1], row[2], row[3]) for row in session.execute(found)]
                if len(ids) < most:
                    break
                below = ids[-1]
            shown = rows[:limit]
            sizes = _sizes(session, [row.id for row, *_ in shown])
            courses = _courses(session, [row for row, *_ in shown])
            pictures = _thumbnails(session, [row.id for row, *_ in shown])
        items = [
            LessonSummary.model_validate(
                {
                    **_facts(row, name, owner, sizes.get(row.id, 0), now),
                    **courses.get(row.course_id, {}),
                    "thumbnail": pictures.get(row.id, ""),
                }
            )
            for row, name, owner, _ in shown
        ]
        return LessonPage(items=items, next=str(shown[-1][3]) if len(rows) > limit else None)

    def get(self, person: Person, lesson_id: str) -> LessonDetail:
        """One lesson with its files. Raises NotFound, also for a lesson this person may not see yet."""
        now = self._clock()
        with self._database.read() as session:
            row, name, owner = visible(session, person, lesson_id, now)
            files = _files(session, person, row.id)
            size = _sizes(session, [row.id]).get(row.id, 0)
            course = _courses(session, [row]).get(row.course_id, {})
        more = {"gaps": row.gaps, "marks": row.marks, "sources": row.sources, "files": files}
        more |= {"description": row.description, "parts": row.parts}
        more |= {"thumbnail": next((file.url for file in files if file.kind == "thumbnail"), "")}
        return LessonDetail.model_validate({**_facts(row, name, owner, size, now), **course, **more})

    def file(self, person: Person, lesson_id: str, name: str) -> File:
        """A file by its name. Raises NotFound."""
        with self._database.read() as session:
            visible(session, person, lesson_id, self._clock())
            files = _files(session, person, lesson_id)
        for file in files:
            if file.name == name:
                return file
        raise NotFound("no-such-file", "This lesson has no such file.")


def open_to(person: Person, now: float, *, trash: bool = False) -> list[ColumnElement[bool]]:
    """What a lesson must be for this person to see anything of it: not in the trash, or in it where that is asked for;
    of their institution; for students published, its time come, and of a course of theirs or of none; with something
    whole to play, for whoever does not look after the rooms. Every way to a lesson asks this.

    It is no way to find lessons: no index has what is asked here of rooms and courses. SQLite, which has counted
    nothing, would think all lessons of all rooms fewer than a page of 200, and begin with them."""
    room, course = col(LessonRow.room_id).concat(""), col(LessonRow.course_id) + 0
    conditions = [*in_rooms_of(person, room), col(LessonRow.deleted).is_(None)]
    conditions.append(col(LessonRow.trashed).is_not(None) if trash else col(LessonRow.trashed).is_(None))
    if not person.staff:
        conditions += [col(LessonRow.publication) == "published", col(LessonRow.publish_at) <= now]
        theirs = select(CourseMember.course_id).where(col(CourseMember.person_id) == person.id)
        conditions.append(or_(course.is_(None), course.in_(theirs)))
    if not person.sees_everything:
        conditions.append(or_(col(LessonRow.state) == "ready", _HAS_SLIDECAST))
    return conditions


def visible(
    session: Session, person: Person, lesson_id: str, now: float, *, trash: bool = False
) -> tuple[LessonRow, str, str]:
    """The lesson, its room's name and its institution's. Raises NotFound, whether it is not there or not for them."""
    found = session.exec(_ROWS.where(col(LessonRow.id) == lesson_id, *open_to(person, now, trash=trash))).first()
    if found is None:
        raise NotFound("no-such-lesson", "There is no such lesson.")
    return found[0], found[1], found[2]


def _facts(row: LessonRow, room: str, institution: str, size: int, now: float) -> dict[str, Any]:
    return {
        "id": row.id,
        "title": row.title,
        "room": room,
        "room_id": row.room_id,
        "institution": institution,
        "teacher": row.teacher,
        "language": row.language,
        "started": row.started,
        "seconds": row.seconds,
        "state": row.state,
        "problem": row.problem,
        "received": row.received,
        "bytes": size,
        "gap_count": len(row.gaps),
        "publication": row.publication,
        "publish_at": row.publish_at,
        "published": row.publication == "published" and row.publish_at <= now,
    }


def _courses(session: Session, rows: Sequence[LessonRow]) -> dict[int | None, dict[str, Any]]:
    """What a lesson shows of its course, by the course's id."""
    found = session.exec(
        select(CourseRow, TermRow.name)
        .join(TermRow, col(CourseRow.term_id) == col(TermRow.id))
        .where(col(CourseRow.id).in_({row.course_id for row in rows if row.course_id is not None}))
    )
    return {
        course.id: {"course_id": course.id, "course": course.code, "course_title": course.title, "term": term}
        for course, term in found
    }


def _question(session: Session, person: Person, room: str, course: str, term: str) -> finding.Question:
    """What the index is asked for this person, narrowed to what they named."""
    mine = select(CourseMember.course_id).where(col(CourseMember.person_id) == person.id)
    all_of_them = session.exec(select(Institution.id)) if person.institution_id is None else ()
    question = finding.within_reach(
        person, (number for number in all_of_them if number is not None), () if person.staff else session.exec(mine)
    )
    if room:
        named = select(Room.id, Room.institution_id).where(or_(col(Room.id) == room, col(Room.name) == room))
        question = question.of_rooms(session.exec(named.where(*within(person, Room.institution_id))))
    if course:
        known = select(CourseRow.id).where(or_(col(CourseRow.code) == course, col(CourseRow.id) == row_id(course)))
        known = known.where(*within(person, CourseRow.institution_id))
        question = question.of_courses(number for number in session.exec(known) if number is not None)
    if term:
        terms = select(TermRow.id).where(or_(col(TermRow.name) == term, col(TermRow.id) == row_id(term)))
        terms = terms.where(*within(person, TermRow.institution_id))
        question = question.of_terms(number for number in session.exec(terms) if number is not None)
    return question


def _sizes(session: Session, lessons: Sequence[str]) -> dict[str, int]:
    rows = session.exec(
        select(Asset.lesson_id, func.sum(col(Asset.bytes)))
        .where(col(Asset.lesson_id).in_(lessons))
        .group_by(col(Asset.lesson_id))
    ).all()
    return {lesson: int(size or 0) for lesson, size in rows}


def _thumbnails(session: Session, lessons: Sequence[str]) -> dict[str, str]:
    """Their addresses, by lesson."""
    mine = col(OutputRow.lesson_id).in_(lessons), col(OutputRow.kind) == "thumbnail"
    rows = session.exec(select(OutputRow.lesson_id, OutputRow.name).where(*mine))
    return {lesson: f"{API_LESSONS}/{lesson}/files/{quote(name)}" for lesson, name in rows}


def _files(session: Session, person: Person, lesson_id: str) -> list[File]:
    """Assembled files first, pictures before sound; then captions, and the small forms; then, for those who may see
    them, the takes as recorded."""
    outputs = session.exec(
        select(OutputRow)
        .where(col(OutputRow.lesson_id) == lesson_id)
        .order_by(col(OutputRow.kind).desc(), col(OutputRow.id))
    ).all()
    files = [
        File.model_validate(
            {
                "name": row.name,
                "kind": row.kind,
                "source": row.source,
                "bytes": row.bytes,
                "sha256": row.sha256,
                "url": f"{API_LESSONS}/{lesson_id}/files/{quote(row.name)}",
                "content_type": row.content_type,
                "seconds": row.seconds,
            }
        )
        for row in outputs
    ]
    captions = session.exec(
        select(CaptionRow).where(col(CaptionRow.lesson_id) == lesson_id).order_by(col(CaptionRow.language))
    )
    files += [_captions_file(row) for row in captions]
    newest: dict[str, Asset] = {}
    for asset in session.exec(
        select(Asset).where(col(Asset.lesson_id) == lesson_id).order_by(col(Asset.stored), col(Asset.id))
    ):
        newest[asset.path] = asset
    taken = {file.name for file in files}
    arrived = [_asset_file(lesson_id, asset, taken) for _, asset in sorted(newest.items())]
    whole = [file for file in files if file.kind not in _SMALL]
    small = [file for file in files if file.kind in _SMALL] + [file for file in arrived if file.kind in RENDITIONS]
    small.sort(key=lambda file: _SMALL.index(file.kind))
    if not person.sees_everything:
        return whole + small
    return whole + small + [file for file in arrived if file.kind not in RENDITIONS]


def _asset_file(lesson_id: str, asset: Asset, taken: set[str]) -> File:
    """A take's name is its path; the rare file that would hide behind an assembled one gets a folder of its own."""
    name = asset.path if asset.path not in taken else f"original/{asset.path}"
    kind = asset.kind if asset.kind in ("take", "manifest") or is_rendition(asset) else "file"
    suffix = name[name.rfind(".") :].lower() if "." in name else ""
    return File.model_validate(
        {
            "name": name,
            "kind": kind,
            "source": asset.source,
            "bytes": asset.bytes,
            "sha256": asset.sha256,
            "url": f"{API_LESSONS}/{lesson_id}/files/{quote(name)}",
            "content_type": _TYPES.get(suffix, "application/octet-stream"),
            "seconds": None,
        }
    )


def _captions_file(row: CaptionRow) -> File:
    name = f"captions/{row.language}.vtt"
    return File.model_validate(
        {
            "name": name,
            "kind": "captions",
            "source": row.language,
            "bytes": row.bytes,
            "sha256": row.sha256,
            "url": f"{API_LESSONS}/{row.lesson_id}/files/{quote(name)}",
            "content_type": "text/vtt; charset=utf-8",
            "seconds": None,
        }
    )


def _cursor(page: str) -> int:
    if not (page.isascii() and page.isdigit()) or int(page) > finding.LAST:
        raise BadRequest("bad-page", "That page does not exist; start again without it.")
    return int(page)
