"""Lessons to be assembled, and then those of which one film of two pictures is to be made: claimed by a lease, so that
a killed worker's lesson goes to the next one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement
from sqlmodel import Session, case, col, delete, distinct, func, or_, select

from lms_server.catalog import graves, renditions
from lms_server.catalog.database import LOCK, Database
from lms_server.catalog.tables import Asset, LessonRow, OutputRow, RenderingRow

LEASE = 15.0
"""Seconds; renewed several times in that time by whoever works."""
TRIES = 5
PATIENCE = (10.0, 60.0, 300.0, 1800.0)
"""Seconds before the second, third … try."""


Goal = Literal["files", "film", "small"]
"""files: of every source, what people play; film: of a lesson that has those, one of its two pictures; small: what its
room did not make for poor links, see ``rendering``."""
_STATE: dict[Goal, str] = {"files": "assembling", "film": "ready"}


@dataclass(frozen=True, slots=True)
class Job:
    """manifest and files: SHA-256 in the store; files by their path inside the lesson. programmes: those of the files
    beside which a film is to be made. sounds: the lesson's sound, where it is not in the files. kind: which small form
    is to be made."""

    lesson: str
    manifest: str
    files: dict[str, str]
    attempts: int
    goal: Goal = "files"
    programmes: tuple[str, ...] = ()
    sounds: tuple[str, ...] = ()
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Made:
    """A file that was assembled and is in the store."""

    name: str
    kind: str
    source: str
    bytes: int
    sha256: str
    seconds: float
    content_type: str


class Leases:
    """What one worker at a time holds, for LEASE seconds from when it last said so."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock

    def renew(self, job: Job, owner: str, progress: float = 0.0) -> bool:
        """False when it went to somebody else, or is wanted no more: stop working on it. progress: 0 to 1."""
        with self._database.write() as session:
            row = self._held(session, job, owner)
            if row is None:
                return False
            row.lease_until, row.progress = self._clock() + LEASE, progress
            return True

    def release(self, job: Job, owner: str) -> None:
        """Give it back unharmed."""
        with self._database.write() as session:
            row = self._held(session, job, owner)
            if row is not None:
                row.lease_owner, row.lease_until = "", 0.0

    def _held(self, session: Session, job: Job, owner: str) -> LessonRow | RenderingRow | None:
        """The row with the lease, locked; None when it is not this owner's."""
        raise NotImplementedError


class Jobs(Leases):
    def claim(self, owner: str, goal: Goal = "files") -> Job | None:
        """The lesson that waited longest, now this owner's for LEASE seconds; None when there is nothing to do."""
        now = self._clock()
        with self._database.read() as session:  # an idle worker takes no lock, and looks at as little as it can
            if session.exec(_ANYTHING if goal == "files" else UNFILMED).first() is None:
                return None
        with self._database.write() as session:
            row = _next(session, now, goal)
            if row is None or (goal == "film" and not _unfilmed(session, row)):
                return None
            row.lease_owner, row.lease_until, row.progress = owner, now + LEASE, 0.0
            row.retry_at = now  # behind the others, should this worker die of it
            files = session.exec(
                select(Asset.path, Asset.sha256)
                .where(col(Asset.lesson_id) == row.id)
                .order_by(col(Asset.stored), col(Asset.id))
            ).all()
            wanted = {str(take["path"]): str(take["sha256"]) for take in row.takes or []}
            programmes = session.exec(
                select(OutputRow.sha256)
                .where(col(OutputRow.lesson_id) == row.id, col(OutputRow.kind) == "programme")
                .order_by(col(OutputRow.id))
            ).all()
            known = {**dict(files), **wanted}
            return Job(row.id, row.manifest_sha256, known, row.attempts, goal, tuple(programmes))

    def done(
        self,
        job: Job,
        owner: str,
        made: Sequence[Made],
        problem: str,
        sources: list[dict[str, object]] | None = None,
    ) -> bool:
        """The lesson is ready. False when the lease was lost: nothing changed, and what was made in vain goes.

        problem: what is missing from the files, one sentence; "" when nothing is. sources: of a lesson that another
        system recorded, what was found in its files.
        """
        now = self._clock()
        with self._database.write() as session:
            row = _mine(session, job, owner)
            if row is None:
                graves.doom(session, job.lesson, [file.sha256 for file in made], now)
                return False
            if job.goal == "files":
                before = select(OutputRow.sha256).where(col(OutputRow.lesson_id) == job.lesson)
                graves.doom(session, job.lesson, session.exec(before).all(), now)
                session.exec(delete(OutputRow).where(col(OutputRow.lesson_id) == job.lesson))
                renditions.wanted(session, row, now)
                row.problem = problem
                row.sources = sources or row.sources
                # Of a lesson that another system recorded nobody has said how long it is.
                row.seconds = row.seconds or max((file.seconds for file in made), default=0.0)
            session.add_all(
                OutputRow(
                    lesson_id=job.lesson,
                    name=file.name,
                    kind=file.kind,
                    source=file.source,
                    bytes=file.bytes,
                    sha256=file.sha256,
                    seconds=file.seconds,
                    content_type=file.content_type,
                    made=now,
                )
                for file in made
            )
            row.state, row.lease_owner, row.lease_until = "ready", "", 0.0
            row.attempts, row.retry_at = 0, 0.0
            return True

    def failed(self, job: Job, owner: str, problem: str, *, final: bool, counts: bool = True) -> None:
        """It could not be assembled; problem: one sentence. final: trying again is of no use. counts: False when it is
        not the lesson's fault, as on a full disk: then it is tried for ever."""
        with self._database.write() as session:
            row = _mine(session, job, owner)
            if row is None:
                return
            row.attempts += counts
            row.lease_owner, row.lease_until = "", 0.0
            if job.goal == "film":  # the lesson stays as whole as it was
                row.attempts = TRIES if final else row.attempts
            else:
                row.problem = problem
            if job.goal == "files" and (final or row.attempts >= TRIES):
                row.state = "failed"
            else:
                row.retry_at = self._clock() + PATIENCE[min(max(row.attempts, 1), len(PATIENCE)) - 1]

    def _held(self, session: Session, job: Job, owner: str) -> LessonRow | None:
        return _mine(session, job, owner)


_ANYTHING = select(LessonRow.id).where(col(LessonRow.state) == "assembling").limit(1)


UNFILMED = (
    select(OutputRow.lesson_id)
    .join(LessonRow)
    .where(col(LessonRow.state) == "ready", col(LessonRow.attempts) < TRIES)
    .group_by(col(OutputRow.lesson_id))
    .having(func.count(distinct(case((col(OutputRow.kind) == "programme", col(OutputRow.source))))) > 1)
    .having(func.count(case((col(OutputRow.kind) == "composed", 1))) == 0)
)


def past(moment: Any, now: float, most: float) -> ColumnElement[bool]:
    """Of a lease or a wait. One that ends later than most seconds from now was written by a clock that has since been
    set back: it is over too."""
    return or_(col(moment) <= now, col(moment) > now + most)


def _next(session: Session, now: float, goal: Goal) -> LessonRow | None:
    waiting = select(LessonRow).where(col(LessonRow.state) == _STATE[goal])
    if goal == "film":
        waiting = waiting.where(col(LessonRow.id).in_(UNFILMED))
    return session.exec(
        waiting.where(past(LessonRow.retry_at, now, 2 * PATIENCE[-1]), past(LessonRow.lease_until, now, 10 * LEASE))
        .order_by(col(LessonRow.retry_at), col(LessonRow.started))
        .limit(1)
        .with_for_update(skip_locked=True, key_share=True)
    ).first()


def _unfilmed(session: Session, row: LessonRow) -> bool:
    """Asked once the lesson is locked: on PostgreSQL another worker may have made the film in the very moment."""
    return session.exec(UNFILMED.where(col(OutputRow.lesson_id) == row.id)).first() is not None


def _mine(session: Session, job: Job, owner: str) -> LessonRow | None:
    row = session.get(LessonRow, job.lesson, with_for_update=LOCK)
    if row is None or row.state != _STATE[job.goal] or row.lease_owner != owner or row.manifest_sha256 != job.manifest:
        return None
    return row
