"""Objects of the store that deleted lessons leave: each goes when nothing needs it, an hour after the last that might.

An object is named by its content, so another lesson may need the very same; and whoever puts one into the store first
finds that it is there, and writes down later what needs it. Therefore nobody deletes at once. Who is about to need an
object *spares* it, which puts its end off; what is due is deleted while its row is locked, once no row needs it. So a
spared object is either there, or is put into the store anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from sqlmodel import Session, col, select

from lms_server.catalog import audit
from lms_server.catalog.database import LOCK, Database
from lms_server.catalog.tables import Asset, CaptionRow, DoomedRow, LessonRow, OutputRow, Room, UploadRow
from lms_server.store import Store

GRACE = 3600.0
"""Seconds between putting an object into the store and writing down what needs it, at the most."""


def doom(session: Session, lesson_id: str, objects: Iterable[str], now: float) -> None:
    """A lesson needs these objects no more."""
    for sha256 in sorted(set(objects)):
        row = session.get(DoomedRow, sha256, with_for_update=LOCK)
        if row is None:
            session.add(DoomedRow(sha256=sha256, due=now + GRACE, lesson_id=lesson_id))
        else:
            row.due, row.lesson_id = now + GRACE, lesson_id


def spare(session: Session, sha256: str, now: float) -> None:
    """Somebody is about to need this object."""
    row = session.get(DoomedRow, sha256, with_for_update=LOCK)
    if row is not None:
        row.due = now + GRACE


class Graves:
    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock

    def spare(self, sha256: str) -> None:
        with self._database.read() as session:
            doomed = session.get(DoomedRow, sha256) is not None
        if doomed:
            with self._database.write() as session:
                spare(session, sha256, self._clock())

    def empty(self, store: Store) -> int:
        """Delete what is due; how many objects. It can be killed at any point, and begun again. Raises OSError."""
        count = 0
        while (gone := self._one(store)) is not None:
            count += gone
        return count

    def _one(self, store: Store) -> bool | None:
        """Whether an object was deleted; None when nothing more is due. The row stays locked while its bytes go: who
        spares it meanwhile waits, and then finds none."""
        now = self._clock()
        with self._database.write() as session:
            row = session.exec(
                select(DoomedRow)
                .where(col(DoomedRow.due) <= now)
                .order_by(col(DoomedRow.due))
                .limit(1)
                .with_for_update(skip_locked=True)
            ).first()
            if row is None:
                return None
            needed = _needed(session, row.sha256)
            if not needed:
                store.delete(row.sha256)
            session.delete(row)
            session.flush()
            self._tell(session, row.lesson_id, now)
            return not needed

    def _tell(self, session: Session, lesson_id: str, now: float) -> None:
        """The last of a deleted lesson's objects has gone."""
        lesson = session.get_one(LessonRow, lesson_id)
        left = session.exec(select(DoomedRow.sha256).where(col(DoomedRow.lesson_id) == lesson_id).limit(1)).first()
        if lesson.deleted is not None and left is None:
            owner = session.get_one(Room, lesson.room_id).institution_id
            audit.append(session, now, audit.Event("bytes-deleted", lesson_id, owner, audit.AT_WORK))


def uploaded(session: Session, lesson_id: str) -> list[str]:
    """What uploads of a lesson that goes may have put into the store. They are locked before the lesson, as whoever
    stores them does."""
    of = select(UploadRow).where(col(UploadRow.lesson_id) == lesson_id).order_by(col(UploadRow.id))
    return [row.sha256 for row in session.exec(of.with_for_update()) if row.sha256]


def _needed(session: Session, sha256: str) -> bool:
    living = select(Asset.id).join(LessonRow).where(col(LessonRow.deleted).is_(None), col(Asset.sha256) == sha256)
    others = (
        select(OutputRow.id).where(col(OutputRow.sha256) == sha256),
        select(CaptionRow.language).where(col(CaptionRow.sha256) == sha256),
        select(UploadRow.id).where(col(UploadRow.sha256) == sha256, col(UploadRow.state) == "verifying"),
    )
    return any(session.exec(query.limit(1)).first() is not None for query in (living, *others))
