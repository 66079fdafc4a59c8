"""What catalogues of others may know: the open lessons, and which are open no more.

Open to everybody is a lesson that is published, its time come, of no course, and can be played. Triggers of the
database give each a new number when something changes that is told of it (migration 0013), so that whoever harvests
goes on from the last number they had. One that was open and is not leaves its number behind, for ever: that it is gone
is told too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, or_
from sqlmodel import col, select

from lms_server.catalog.database import Database
from lms_server.catalog.lessons import open_to
from lms_server.catalog.schemas import Person
from lms_server.catalog.tables import HarvestRow, Institution, LessonRow, Room

ANYBODY = Person(id=0, name="", role="student")


@dataclass(frozen=True, slots=True)
class Lesson:
    """started: Unix seconds. seconds: its length."""

    title: str
    teacher: str
    description: str
    language: str
    institution: str
    started: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Record:
    """changed: Unix seconds. lesson: None when it is open no more."""

    lesson_id: str
    number: int
    changed: float
    lesson: Lesson | None


class Harvest:
    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock

    def earliest(self) -> float:
        """Unix seconds before which nothing changed."""
        with self._database.read() as session:
            first = select(HarvestRow.changed).order_by(col(HarvestRow.changed)).limit(1)
            known = session.exec(first).first()
        now = self._clock()
        return now if known is None else min(known, now)

    def one(self, lesson_id: str) -> Record | None:
        """None for what never was open."""
        found = self._records(col(HarvestRow.lesson_id) == lesson_id, most=1)
        return found[0] if found else None

    def after(self, number: int, since: float | None, until: float | None, most: int) -> list[Record]:
        """In the order of change, from the number on that is given. since, until: Unix seconds, within and before."""
        conditions: list[Any] = [col(HarvestRow.number) > number]
        if since is not None:
            conditions.append(col(HarvestRow.changed) >= since)
        if until is not None:
            conditions.append(col(HarvestRow.changed) < until)
        return self._records(*conditions, most=most)

    def _records(self, *conditions: Any, most: int) -> list[Record]:
        now = self._clock()
        shown = and_(col(HarvestRow.open), *open_to(ANYBODY, now))
        query = (
            select(HarvestRow, LessonRow, Institution.name)
            .outerjoin(LessonRow, col(LessonRow.id) == col(HarvestRow.lesson_id))
            .outerjoin(Room, col(Room.id) == col(LessonRow.room_id))
            .outerjoin(Institution, col(Institution.id) == col(Room.institution_id))
            .where(*conditions, or_(~col(HarvestRow.open), col(LessonRow.id).is_(None), shown))
            .where(col(HarvestRow.changed) <= now)
            .order_by(col(HarvestRow.number))
            .limit(most)
        )
        with self._database.read() as session:
            rows = session.exec(query).all()
        return [
            Record(row.lesson_id, row.number, row.changed, _lesson(lesson, owner) if row.open else None)
            for row, lesson, owner in rows
        ]


def _lesson(row: LessonRow | None, institution: str) -> Lesson | None:
    if row is None:
        return None
    told = {name: getattr(row, name) for name in ("title", "teacher", "description", "language", "started", "seconds")}
    return Lesson(**told, institution=institution)
