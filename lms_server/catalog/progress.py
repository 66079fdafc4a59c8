"""What the workers do for lessons, as those see it who look after the server."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Literal

from sqlmodel import Session, col, or_, select

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
        rows = session.exec(
            select(CaptioningRow, LessonRow.title, Room.name, Institution.name)
            .join(LessonRow, col(CaptioningRow.lesson_id) == col(LessonRow.id))
            .join(Room, col(LessonRow.room_id) == col(Room.id))
            .join(Institution, col(Room.institution_id) == col(Institution.id))
            .where(col(CaptioningRow.over).is_(False) | (col(CaptioningRow.attempts) >= CAPTION_TRIES))
            .where(col(LessonRow.state) == "ready", col(LessonRow.trashed).is_(None))
            .where(*within(person, Room.institution_id))
            .order_by(col(LessonRow.started).desc())
            .limit(MOST)
        )
        for row, title, room, institution in rows:
            yield JobView(
                lesson=row.lesson_id,
                title=title,
                room=room,
                institution=institution,
                goal="captions",
                state="given-up" if row.over else self._state(row, row.retry_at),
                attempts=row.attempts,
                retry_at=row.retry_at if row.retry_at > self._clock() else None,
                problem=row.problem,
            )

    def _small(self, session: Session, person: Person) -> Iterator[JobView]:
        """Without those for which the room is waited: it will most likely send them."""
        now = self._clock()
        rows = session.exec(
            select(RenderingRow, LessonRow.title, Room.name, Institution.name)
            .join(LessonRow, col(RenderingRow.lesson_id) == col(LessonRow.id))
            .join(Room, col(LessonRow.room_id) == col(Room.id))
            .join(Institution, col(Room.institution_id) == col(Institution.id))
            .where((col(RenderingRow.due) <= now) | (col(RenderingRow.attempts) > 0))
            .where(col(LessonRow.trashed).is_(None), *within(person, Room.institution_id))
            .order_by(col(RenderingRow.over).desc(), col(RenderingRow.due))
            .limit(MOST)
        )
        for row, title, room, institution in rows:
            yield JobView(
                lesson=row.lesson_id,
                title=title,
                room=room,
                institution=institution,
                goal=row.kind,
                state="given-up" if row.over else self._state(row, row.due),
                progress=self._progress(row),
                attempts=row.attempts,
                retry_at=row.due if row.due > now else None,
                problem=row.problem,
            )

    def _state(self, row: LessonRow | CaptioningRow | RenderingRow, again: float) -> State:
        now = self._clock()
        if now < row.lease_until <= now + 10 * LEASE:
            return "working"
        return "put-off" if row.attempts and again > now else "waiting"

    def _progress(self, row: LessonRow | RenderingRow) -> float | None:
        return row.progress if self._state(row, 0.0) == "working" else None


_ORDER: tuple[State, ...] = ("working", "waiting", "put-off", "given-up")
