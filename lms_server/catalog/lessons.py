"""Lessons as people and programs look for them, and the files they get."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import quote

from sqlalchemy import and_, exists, func, or_, tuple_
from sqlmodel import Session, col, select

from lms_server.catalog.database import LOCK, Database
from lms_server.catalog.schemas import RENDITIONS, File, LessonDetail, LessonPage, LessonSummary, Person
from lms_server.catalog.tables import Asset, Institution, LessonRow, OutputRow, Room
from lms_server.catalog.text import like_words, normalise
from lms_server.errors import BadRequest, Forbidden, NotFound

API_LESSONS = "/api/v1/lessons"
MAX_PAGE = 200
_SMALL = ("slidecast", "proxy", "poster")
_ENDINGS = {"slidecast": ".mp4", "proxy": ".mp4", "poster": ".jpg"}
_SLIDECAST = and_(col(Asset.kind) == "slidecast", col(Asset.path).endswith(".mp4"))
_HAS_SLIDECAST = exists().where(_SLIDECAST, col(Asset.lesson_id) == col(LessonRow.id))
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
        since: float | None = None,
        page: str | None = None,
        limit: int = 50,
    ) -> LessonPage:
        """Newest first. q: words of title, room or teacher, all of which must match. room: a room's id or name.
        since: Unix seconds, lessons started then or later. page: ``next`` of the page before. Raises BadRequest for a
        page that no answer gave."""
        limit = max(1, min(limit, MAX_PAGE))
        query = (
            select(LessonRow, Room.name, Institution.name)
            .join(Room, col(LessonRow.room_id) == col(Room.id))
            .join(Institution, col(Room.institution_id) == col(Institution.id))
            .order_by(col(LessonRow.started).desc(), col(LessonRow.id).desc())
            .limit(limit + 1)
        )
        if not person.sees_everything:
            query = query.where(or_(col(LessonRow.state) == "ready", _HAS_SLIDECAST))
        for pattern in like_words(q):
            query = query.where(col(LessonRow.search).like(pattern))
        if room:
            query = query.where(or_(col(Room.id) == room, col(Room.name) == room))
        if since is not None:
            query = query.where(col(LessonRow.started) >= since)
        if page:
            query = query.where(tuple_(col(LessonRow.started), col(LessonRow.id)) < _cursor(page))
        with self._database.read() as session:
            rows = session.exec(query).all()
            sizes = _sizes(session, [row.id for row, _, _ in rows])
        items = [
            LessonSummary.model_validate(_facts(row, name, owner, sizes.get(row.id, 0)))
            for row, name, owner in rows[:limit]
        ]
        last = rows[limit - 1][0] if len(rows) > limit else None
        return LessonPage(items=items, next=f"{last.started!r}~{last.id}" if last is not None else None)

    def get(self, person: Person, lesson_id: str) -> LessonDetail:
        """One lesson with its files. Raises NotFound, also for a lesson this person may not see yet."""
        with self._database.read() as session:
            row, name, owner = _visible(session, person, lesson_id)
            files = _files(session, person, row.id)
            size = _sizes(session, [row.id]).get(row.id, 0)
        facts = _facts(row, name, owner, size)
        return LessonDetail.model_validate(
            {**facts, "gaps": row.gaps, "marks": row.marks, "sources": row.sources, "files": files}
        )

    def file(self, person: Person, lesson_id: str, name: str) -> File:
        """A file by its name. Raises NotFound."""
        with self._database.read() as session:
            _visible(session, person, lesson_id)
            files = _files(session, person, lesson_id)
        for file in files:
            if file.name == name:
                return file
        raise NotFound("no-such-file", "This lesson has no such file.")

    def rename(self, person: Person, lesson_id: str, title: str) -> None:
        """Give a lesson another title; the room's own title never comes back over it."""
        if person.role not in ("admin", "it", "teacher"):
            raise Forbidden("not-allowed", "Only an admin, IT or a teacher may rename a lesson.")
        title = title.strip()
        if not title or len(title) > 300 or not title.isprintable():
            raise BadRequest("bad-title", "A title has 1 to 300 visible characters.")
        with self._database.write() as session:
            session.get(LessonRow, lesson_id, with_for_update=LOCK)
            row, name, _ = _visible(session, person, lesson_id)
            row.title, row.title_edited = title, True
            row.search = normalise(f"{title} {name} {row.teacher}")

    def tally(self) -> dict[str, int]:
        """How many lessons there are in each state."""
        with self._database.read() as session:
            return dict(session.exec(select(LessonRow.state, func.count()).group_by(col(LessonRow.state))).all())


def _visible(session: Session, person: Person, lesson_id: str) -> tuple[LessonRow, str, str]:
    found = session.exec(
        select(LessonRow, Room.name, Institution.name)
        .join(Room, col(LessonRow.room_id) == col(Room.id))
        .join(Institution, col(Room.institution_id) == col(Institution.id))
        .where(col(LessonRow.id) == lesson_id)
    ).first()
    hidden = found is None or not (
        person.sees_everything
        or found[0].state == "ready"
        or session.exec(select(Asset.id).where(_SLIDECAST, col(Asset.lesson_id) == lesson_id)).first() is not None
    )
    if found is None or hidden:
        raise NotFound("no-such-lesson", "There is no such lesson.")
    return found[0], found[1], found[2]


def _facts(row: LessonRow, room: str, institution: str, size: int) -> dict[str, Any]:
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
    }


def _sizes(session: Session, lessons: Sequence[str]) -> dict[str, int]:
    rows = session.exec(
        select(Asset.lesson_id, func.sum(col(Asset.bytes)))
        .where(col(Asset.lesson_id).in_(lessons))
        .group_by(col(Asset.lesson_id))
    ).all()
    return {lesson: int(size or 0) for lesson, size in rows}


def _files(session: Session, person: Person, lesson_id: str) -> list[File]:
    """Assembled files first, pictures before sound; then what the room made small; then, for those who may see them,
    the takes as recorded."""
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
    newest: dict[str, Asset] = {}
    for asset in session.exec(
        select(Asset).where(col(Asset.lesson_id) == lesson_id).order_by(col(Asset.stored), col(Asset.id))
    ):
        newest[asset.path] = asset
    taken = {file.name for file in files}
    arrived = [_asset_file(lesson_id, asset, taken) for _, asset in sorted(newest.items())]
    small = sorted((file for file in arrived if file.kind in RENDITIONS), key=lambda file: _SMALL.index(file.kind))
    if not person.sees_everything:
        return files + small
    return files + small + [file for file in arrived if file.kind not in RENDITIONS]


def _is_rendition(asset: Asset) -> bool:
    """What claims to be one must also be of its type: a page plays or shows it."""
    return _ENDINGS.get(asset.kind, "?") == asset.path[asset.path.rfind(".") :]


def _asset_file(lesson_id: str, asset: Asset, taken: set[str]) -> File:
    """A take's name is its path; the rare file that would hide behind an assembled one gets a folder of its own."""
    name = asset.path if asset.path not in taken else f"original/{asset.path}"
    kind = asset.kind if asset.kind in ("take", "manifest") or _is_rendition(asset) else "file"
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


def _cursor(page: str) -> tuple[float, str]:
    started, _, lesson = page.partition("~")
    try:
        return float(started), lesson
    except ValueError as error:
        raise BadRequest("bad-page", "That page does not exist; start again without it.") from error
