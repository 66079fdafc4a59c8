"""Lessons without captions: each is claimed by a lease, so that a killed worker's goes to the next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlmodel import Session, col, select
from sqlmodel.sql.expression import Select

from lms_server.catalog.database import LOCK, Database, made_once
from lms_server.catalog.jobs import LEASE, past
from lms_server.catalog.tables import CaptioningRow, CaptionRow, LessonRow, OutputRow

TRIES = 3
PATIENCE = 3600.0
"""Seconds before the next try."""
UNKNOWN = "und"
"""The language of a lesson that does not say it (BCP 47)."""


@dataclass(frozen=True, slots=True)
class Sound:
    """sha256: of the lesson's sound in the store. language: a code, ``und`` when it is not known."""

    lesson: str
    sha256: str
    language: str


class Captioning:
    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock

    def claim(self, owner: str) -> Sound | None:
        """The newest lesson without captions, now this owner's for LEASE seconds; None when there is none. The newest,
        for students want that; what is old has waited already."""
        now = self._clock()
        with self._database.read() as session:
            found = session.exec(_waiting(now)).first()
        if found is None:
            return None
        lesson, language = found
        with self._database.write() as session:
            row = made_once(
                session,
                lambda: session.get(CaptioningRow, lesson, with_for_update=LOCK),
                CaptioningRow(lesson_id=lesson),
            )
            if row.over or now < row.lease_until <= now + 10 * LEASE:
                return None  # another worker was quicker
            row.lease_owner, row.lease_until = owner, now + LEASE
            sound = session.exec(
                select(OutputRow.sha256)
                .where(col(OutputRow.lesson_id) == lesson, col(OutputRow.kind) == "audio")
                .order_by(col(OutputRow.id))
            ).first()
        return None if sound is None else Sound(lesson, sound, language or UNKNOWN)

    def renew(self, sound: Sound, owner: str) -> bool:
        """False when it is somebody else's now."""
        with self._database.write() as session:
            row = _mine(session, sound, owner)
            if row is None:
                return False
            row.lease_until = self._clock() + LEASE
            return True

    def release(self, sound: Sound, owner: str) -> None:
        """Give it back as it was."""
        with self._database.write() as session:
            row = _mine(session, sound, owner)
            if row is not None:
                row.lease_owner, row.lease_until = "", 0.0

    def wanted(self, sound: Sound, owner: str) -> bool:
        """Whether it is still this owner's, and nobody has given the lesson captions meanwhile."""
        with self._database.write() as session:
            given = select(CaptionRow).where(col(CaptionRow.lesson_id) == sound.lesson)
            return _mine(session, sound, owner) is not None and session.exec(given).first() is None

    def done(self, sound: Sound, owner: str) -> None:
        """Never again, though somebody may take the captions away."""
        with self._database.write() as session:
            row = _mine(session, sound, owner)
            if row is not None:
                row.over, row.lease_owner, row.lease_until = True, "", 0.0

    def failed(self, sound: Sound, owner: str, problem: str) -> None:
        """problem: one sentence."""
        with self._database.write() as session:
            row = _mine(session, sound, owner)
            if row is not None:
                row.attempts += 1
                row.problem, row.over = problem, row.attempts >= TRIES
                row.lease_owner, row.lease_until, row.retry_at = "", 0.0, self._clock() + PATIENCE


def _waiting(now: float) -> Select[str, str]:
    sound = select(OutputRow.lesson_id).where(col(OutputRow.kind) == "audio")
    given = select(CaptionRow.lesson_id)
    job = CaptioningRow
    free = past(job.retry_at, now, 10 * PATIENCE) & past(job.lease_until, now, 10 * LEASE)
    return (
        select(LessonRow.id, LessonRow.language)
        .join(job, col(job.lesson_id) == col(LessonRow.id), isouter=True)
        .where(col(LessonRow.state) == "ready", col(LessonRow.id).in_(sound), col(LessonRow.id).not_in(given))
        .where(col(job.lesson_id).is_(None) | (col(job.over).is_(False) & free))
        .order_by(col(LessonRow.started).desc())
        .limit(1)
    )


def _mine(session: Session, sound: Sound, owner: str) -> CaptioningRow | None:
    row = session.get(CaptioningRow, sound.lesson, with_for_update=LOCK)
    return row if row is not None and row.lease_owner == owner and not row.over else None
