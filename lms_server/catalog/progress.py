"""What the workers do for lessons, as those see it who look after the server."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Literal, TypeVar

from sqlmodel import Session, col, or_, select
from sqlmodel.sql.expression import Select

from lms_server.catalog.captioning import TRIES as CAPTION_TRIES
from lms_server.catalog.database import Database
from lms_server.catalog.jobs import LEASE, TRIES, UNFILMED
from lms_server.catalog.schemas import JobView, Person
from lms_server.catalog.scoping import within
from lms_server.catalog.tables import CaptioningRow, Institution, LessonRow, RenderingRow, Room
from lms_server.errors import Forbidden

MOST = 200
"""Of each goal."""
State = Literal["working", "waiting", "put-off", "given-up"]


class Progress:
    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock

    def of(self, person: Person) -> Sequence[JobView]:
        """What is worked on first, then what waits, what was put off, and what was given up. Raises Forbidden."""
        if not person.sees_everything:
            raise Forbidden("not-allowed", "Only an admin, IT or a service may see what the server works on.")
        with self._database.read() as session:
            found = [*self._lessons(session, person), *self._captions(session, person), *self._small(session, person)]
        return sorted(found, key=lambda job: _ORDER.index(job.state))

    def _lessons(self, session: Session, person: Person) -> Iterator[JobView]:
        filming = (col(LessonRow.state) == "ready") & col(LessonRow.id).in_(UNFILMED)
        rows = session.exec(
            select(LessonRow, Room.name, Institution.name)
            .join(Room, col(LessonRow.room_id) == col(Room.id))
            .join(Institution, col(Room.institution_id) == col(Institution.id))
            .where(or_(col(LessonRow.state).in_(("assembling", "failed")), filming))
            .where(col(LessonRow.trashed).is_(None), *within(person, Room.institution_id))
            .order_by(col(LessonRow.retry_at), col(LessonRow.started))
            .limit(MOST)
        )
        for lesson, room, institution in rows:
            over = lesson.state == "failed" or lesson.attempts >= TRIES
            yield JobView(
                lesson=lesson.id,
                title=lesson.title,
                room=room,
                institution=institution,
                goal="film" if lesson.state == "ready" else "files",
                state="given-up" if over else self._state(lesson, lesson.retry_at),
                progress=None if over else self._progress(lesson),
                attempts=lesson.attempts,
                retry_at=lesson.retry_at if lesson.retry_at > self._clock() else None,
                problem="" if lesson.state == "ready" else lesson.problem,
            )

    def _captions(self, session: Session, person: Person) -> Iterator[JobView]:
        query = (
            _beside(CaptioningRow, person)
            .where(col(CaptioningRow.over).is_(False) | (col(CaptioningRow.attempts) >= CAPTION_TRIES))
            .where(col(LessonRow.state) == "ready")
            .order_by(col(LessonRow.started).desc())
        )
        for row, title, room, institution in session.exec(query):
            yield self._view(row, "captions", row.retry_at, title=title, room=room, institution=institution)

    def _small(self, session: Session, person: Person) -> Iterator[JobView]:
        """Without those for which the room is waited: it will most likely send them."""
        query = (
            _beside(RenderingRow, person)
            .where((col(RenderingRow.due) <= self._clock()) | (col(RenderingRow.attempts) > 0))
            .order_by(col(RenderingRow.over).desc(), col(RenderingRow.due))
        )
        for row, title, room, institution in session.exec(query):
            yield self._view(row, row.kind, row.due, title=title, room=room, institution=institution)

    def _view(self, row: CaptioningRow | RenderingRow, goal: str, again: float, **whose: str) -> JobView:
        facts = {
            "lesson": row.lesson_id,
            "goal": goal,
            "state": "given-up" if row.over else self._state(row, again),
            "progress": self._progress(row) if isinstance(row, RenderingRow) else None,
            "attempts": row.attempts,
            "retry_at": again if again > self._clock() else None,
            "problem": row.problem,
        }
        return JobView.model_validate({**facts, **whose})

    def _state(self, row: LessonRow | CaptioningRow | RenderingRow, again: float) -> State:
        now = self._clock()
        if now < row.lease_until <= now + 10 * LEASE:
            return "working"
        return "put-off" if row.attempts and again > now else "waiting"

    def _progress(self, row: LessonRow | RenderingRow) -> float | None:
        return row.progress if self._state(row, 0.0) == "working" else None


Row = TypeVar("Row", CaptioningRow, RenderingRow)


def _beside(table: type[Row], person: Person) -> Select[Row, str, str, str]:
    """What is made beside a lesson's files, with the lesson's title, its room and its institution."""
    return (
        select(table, LessonRow.title, Room.name, Institution.name)
        .join(LessonRow, col(table.lesson_id) == col(LessonRow.id))
        .join(Room, col(LessonRow.room_id) == col(Room.id))
        .join(Institution, col(Room.institution_id) == col(Institution.id))
        .where(col(LessonRow.trashed).is_(None), *within(person, Room.institution_id))
        .limit(MOST)
    )


_ORDER: tuple[State, ...] = ("working", "waiting", "put-off", "given-up")
