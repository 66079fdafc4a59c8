"""Small forms that the server makes of lessons (see ``renditions``): each is claimed by a lease, so that a killed
worker's goes to the next."""

from __future__ import annotations

from collections.abc import Sequence

from sqlmodel import Session, col, select

from lms_server.catalog import graves
from lms_server.catalog.database import LOCK
from lms_server.catalog.jobs import LEASE, PATIENCE, TRIES, Goal, Job, Leases, Made, past
from lms_server.catalog.renditions import ENDINGS, WAIT, came, drop, of_another_system, want
from lms_server.catalog.tables import Asset, LessonRow, OutputRow, RenderingRow


class Rendering(Leases):
    def claim(self, owner: str, goal: Goal = "small") -> Job | None:
        """The small form that is due longest, now this owner's for LEASE seconds; None when there is nothing to do."""
        now = self._clock()
        free = past(RenderingRow.due, now, WAIT + PATIENCE[-1]), past(RenderingRow.lease_until, now, 10 * LEASE)
        due = (
            select(RenderingRow)
            .join(LessonRow, col(RenderingRow.lesson_id) == col(LessonRow.id))
            .where(col(RenderingRow.over).is_(False), *free)
            .where(col(LessonRow.trashed).is_(None), col(LessonRow.deleted).is_(None))
            .where((col(LessonRow.state) == "ready") | (col(RenderingRow.kind) == "thumbnail"))
            .order_by(col(RenderingRow.due))
            .limit(1)
        )
        with self._database.read() as session:  # an idle worker takes no lock
            if session.exec(due).first() is None:
                return None
        with self._database.write() as session:
            row = session.exec(due.with_for_update(of=RenderingRow, skip_locked=True)).first()
            if row is None:
                return None
            lesson = session.get_one(LessonRow, row.lesson_id)
            job = _thumbnail(session, row, goal) if row.kind == "thumbnail" else _of_files(session, row, lesson, goal)
            if job is None:
                session.delete(row)  # its poster is gone
                return None
            row.lease_owner, row.lease_until, row.progress = owner, now + LEASE, 0.0
            row.due = now  # behind the others, should this worker die of it
            return job

    def done(
        self,
        job: Job,
        owner: str,
        made: Sequence[Made],
        problem: str,
        sources: list[dict[str, object]] | None = None,
    ) -> bool:
        """It is made, or nothing can be made of this lesson. False when it was wanted no more: nothing changed, and
        what was made in vain goes."""
        now = self._clock()
        with self._database.write() as session:
            row = _mine(session, job, owner)
            if row is None:
                graves.doom(session, job.lesson, [file.sha256 for file in made], now)
                return False
            for file in made:
                if file.kind in ENDINGS and came(session, job.lesson, file.kind):
                    graves.doom(session, job.lesson, [file.sha256], now)
                    continue  # a poster of the room's, beside a slidecast of ours
                drop(session, job.lesson, (file.kind,), now)
                facts = {name: getattr(file, name) for name in Made.__dataclass_fields__}
                session.add(OutputRow(lesson_id=job.lesson, made=now, **facts))
                if file.kind == "poster":
                    want(session, job.lesson, "thumbnail", now)
            session.delete(row)
            return True

    def failed(self, job: Job, owner: str, problem: str, *, final: bool, counts: bool = True) -> None:
        """As of ``Jobs``; the lesson stays as it was."""
        with self._database.write() as session:
            row = _mine(session, job, owner)
            if row is None:
                return
            row.attempts += counts
            row.problem, row.over = problem, final or row.attempts >= TRIES
            row.lease_owner, row.lease_until = "", 0.0
            row.due = self._clock() + PATIENCE[min(max(row.attempts, 1), len(PATIENCE)) - 1]

    def _held(self, session: Session, job: Job, owner: str) -> RenderingRow | None:
        return _mine(session, job, owner)


def _thumbnail(session: Session, row: RenderingRow, goal: Goal) -> Job | None:
    """Of the room's poster, else of ours."""
    theirs = (
        select(Asset.sha256)
        .where(col(Asset.lesson_id) == row.lesson_id, col(Asset.kind) == "poster")
        .where(col(Asset.path).endswith(ENDINGS["poster"]))
        .order_by(col(Asset.stored).desc(), col(Asset.id).desc())
    )
    ours = select(OutputRow.sha256).where(col(OutputRow.lesson_id) == row.lesson_id, col(OutputRow.kind) == "poster")
    poster = session.exec(theirs).first() or session.exec(ours).first()
    return None if poster is None else Job(row.lesson_id, "", {"poster": poster}, row.attempts, goal, kind=row.kind)


def _of_files(session: Session, row: RenderingRow, lesson: LessonRow, goal: Goal) -> Job:
    """Of the takes, which know where the gaps are; of another system's lesson, of the files that were made of it."""
    files = {str(take["path"]): str(take["sha256"]) for take in lesson.takes or []}
    mine = select(OutputRow.kind, OutputRow.sha256).where(col(OutputRow.lesson_id) == lesson.id)
    made = session.exec(mine.order_by(col(OutputRow.id))).all()
    films = tuple(sha256 for kind, sha256 in made if kind == "programme")
    sounds = tuple(sha256 for kind, sha256 in made if kind == "audio")
    if of_another_system(lesson):
        return Job(lesson.id, lesson.manifest_sha256, {}, row.attempts, goal, films, sounds[:1], row.kind)
    return Job(lesson.id, lesson.manifest_sha256, files, row.attempts, goal, kind=row.kind)


def _mine(session: Session, job: Job, owner: str) -> RenderingRow | None:
    """The lesson is locked, too: its room may send its own in this moment."""
    lesson = session.get(LessonRow, job.lesson, with_for_update=LOCK)
    row = session.get(RenderingRow, (job.lesson, job.kind), with_for_update=LOCK)
    if lesson is None or row is None or row.lease_owner != owner or row.over:
        return None
    if job.manifest and (lesson.state != "ready" or lesson.manifest_sha256 != job.manifest):
        return None
    return row
