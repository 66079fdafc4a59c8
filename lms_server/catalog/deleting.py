"""Deletion that deletes: what the rules say goes into the trash, what was there long enough goes for good.

    (kept) ──rule, or a person──► trash ──trash_days──► buried: every row but the proof ──an hour──► bytes gone

Each arrow is a transaction of its own and can be taken again after a kill; a hold stops the first two. What is left of
a buried lesson is its id, its room, and the SHA-256 and receipt of each asset: the proof, and what tells its room,
should it deliver the lesson again, that it was deleted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import structlog
from sqlalchemy import ColumnElement, or_
from sqlmodel import Session, col, delete, select
from sqlmodel.sql.expression import SelectOfScalar

from lms_server.catalog import audit, finding, graves
from lms_server.catalog.database import LOCK, Database
from lms_server.catalog.placing import day_of, term_at
from lms_server.catalog.retention import DAY, Keep, keep_of, put_away
from lms_server.catalog.tables import (
    Asset,
    CaptioningRow,
    CaptionRow,
    CommandRow,
    CourseRow,
    FindingRow,
    Institution,
    LessonRow,
    OutputRow,
    PackageRow,
    RenderingRow,
    Room,
    TermRow,
    UploadRow,
)

BATCH = 100
"""Lessons that one look puts away or buries by each rule; the next look comes soon."""
log = structlog.get_logger(__name__)


class Deleting:
    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock

    def expire(self) -> int:
        """Put into the trash what no rule keeps any longer; how many."""
        count = 0
        with self._database.read() as session:
            rules = list(self._rules(session))
            due = {lesson: why for keep, why, where in rules for lesson in self._due(session, keep, where)}
        for lesson, why in due.items():
            with self._database.write() as session:
                row = session.get_one(LessonRow, lesson, with_for_update=LOCK)
                if row.trashed is None and row.held is None:
                    put_away(session, row, self._clock(), audit.AT_WORK, why)
                    count += 1
        return count

    def _rules(self, session: Session) -> Iterator[tuple[Keep, str, list[ColumnElement[bool]]]]:
        """How long, in words, and of which lessons."""
        for course in session.exec(select(CourseRow).where(col(CourseRow.keep) != "")):
            keep = keep_of(course.keep)
            if keep is not None:
                mine = [col(Room.institution_id) == course.institution_id, col(LessonRow.course_id) == course.id]
                yield keep, course.keep, mine
        apart = select(CourseRow.id).where(col(CourseRow.keep) != "")
        for owner in session.exec(select(Institution).where(col(Institution.keep) != "")):
            keep = keep_of(owner.keep)
            if keep is not None:
                theirs = or_(col(LessonRow.course_id).is_(None), col(LessonRow.course_id).not_in(apart))
                yield keep, owner.keep, [col(Room.institution_id) == owner.id, theirs]

    def _due(self, session: Session, keep: Keep, where: list[ColumnElement[bool]]) -> list[str]:
        """What still comes from its room is not due."""
        now = self._clock()
        query = (
            select(LessonRow.id, LessonRow.started, Room.institution_id)
            .join(Room, col(LessonRow.room_id) == col(Room.id))
            .where(col(LessonRow.trashed).is_(None), col(LessonRow.held).is_(None))
            .where(col(LessonRow.state).in_(("ready", "failed")), *where)
            .order_by(col(LessonRow.received))
        )
        if keep.unit == "days":
            old = query.where(col(LessonRow.received) < now - keep.number * DAY).limit(BATCH)
            return [lesson for lesson, _, _ in session.exec(old)]
        found: list[str] = []
        terms: dict[int, list[TermRow]] = {}
        for lesson, started, owner in session.exec(query.where(col(LessonRow.received) < now - DAY)):
            if owner not in terms:
                terms[owner] = list(session.exec(select(TermRow).where(col(TermRow.institution_id) == owner)))
            if len(found) < BATCH and _over(terms[owner], started, keep.number, now):
                found.append(lesson)
        return found

    def bury(self) -> int:
        """Delete for good what lay in the trash long enough: rows at once, bytes by ``Graves.empty``. How many."""
        with self._database.read() as session:
            due = session.exec(_ripe(self._clock()).limit(BATCH)).all()
        return sum(self._bury(lesson) for lesson in due)

    def _bury(self, lesson_id: str) -> bool:
        now = self._clock()
        with self._database.write() as session:
            uploaded = graves.uploaded(session, lesson_id)
            row = session.get_one(LessonRow, lesson_id, with_for_update=LOCK)
            if session.exec(_ripe(now).where(col(LessonRow.id) == lesson_id)).first() is None:
                return False  # somebody took it back, or holds it
            assets = session.exec(
                select(Asset).where(col(Asset.lesson_id) == lesson_id).order_by(col(Asset.path), col(Asset.id))
            ).all()
            made = [*session.exec(select(OutputRow.sha256).where(col(OutputRow.lesson_id) == lesson_id))]
            made += session.exec(select(CaptionRow.sha256).where(col(CaptionRow.lesson_id) == lesson_id))
            graves.doom(session, lesson_id, [*uploaded, *made, *(asset.sha256 for asset in assets)], now)
            for table in (OutputRow, CaptionRow, CaptioningRow, RenderingRow, UploadRow, PackageRow, CommandRow):
                session.exec(delete(table).where(col(table.lesson_id) == lesson_id))
            trashed, words = row.trashed, row.search
            row.bury(now)
            session.flush()  # which writes its words anew
            session.exec(delete(FindingRow).where(col(FindingRow.lesson_id) == lesson_id))
            finding.forget(session, words, row.started)
            facts = {
                "trashed": trashed,
                "assets": [[asset.sha256, asset.bytes] for asset in assets],
                "bytes": sum(asset.bytes for asset in assets),
            }
            owner = session.get_one(Room, row.room_id).institution_id
            audit.append(session, now, audit.Event("lesson-deleted", lesson_id, owner, audit.AT_WORK, facts=facts))
        log.info("lesson deleted", lesson=lesson_id, assets=len(assets))
        return True


def _ripe(now: float) -> SelectOfScalar[str]:
    left = col(LessonRow.trashed) + col(Institution.trash_days) * DAY
    return (
        select(LessonRow.id)
        .join(Room, col(LessonRow.room_id) == col(Room.id))
        .join(Institution, col(Room.institution_id) == col(Institution.id))
        .where(col(LessonRow.trashed).is_not(None), col(LessonRow.held).is_(None), col(LessonRow.deleted).is_(None))
        .where(left <= now)
    )


def _over(terms: list[TermRow], started: float, number: int, now: float) -> bool:
    """Whether the term of that moment and so many after it have ended."""
    day = day_of(started)
    mine = term_at(terms, day)
    if not mine:
        return False
    last = max(term.last_day for term in mine)
    later = sorted(term.last_day for term in terms if term.first_day > last)
    ends = [last, *later]
    return len(ends) > number and ends[number] < day_of(now)
