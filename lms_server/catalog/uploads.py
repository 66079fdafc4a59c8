"""What has arrived: uploads and their durable offsets, stored assets, and the lesson they make whole."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import or_
from sqlmodel import Session, col, delete, exists, select
from sqlmodel.sql.expression import SelectOfScalar
from ulid import ULID

from lms_server.catalog import graves, placing, renditions
from lms_server.catalog.database import LOCK, Database
from lms_server.catalog.schemas import Person
from lms_server.catalog.scoping import in_rooms_of, within
from lms_server.catalog.tables import Asset, LessonRow, Room, UploadPiece, UploadRow
from lms_server.errors import BadRequest, Forbidden, NotFound
from lms_sync import wire

PARTIAL, FINAL = "partial", "final"
"""Upload-Concat of a part, and the beginning of that of the whole (tus concatenation)."""
MAX_LESSONS_WAITING = 5000
"""Lessons of one room that may be on their way at once: a key gone mad must not fill the database."""


@dataclass(frozen=True, slots=True)
class Card:
    """What lesson.json says of the lesson; lists are fit for JSON. takes: {"path", "sha256", "bytes"} of every file
    that must arrive before the lesson can be assembled."""

    title: str
    language: str
    started: float
    seconds: float
    gaps: list[dict[str, object]]
    marks: list[dict[str, object]]
    sources: list[dict[str, object]]
    takes: list[dict[str, object]]
    teacher: str = ""


class Uploads:
    def __init__(
        self,
        database: Database,
        clock: Callable[[], float],
        keep_seconds: float,
        new_lessons: Literal["published", "private"] = "published",
    ) -> None:
        """new_lessons: what a lesson is when it is first heard of."""
        self._database = database
        self._new = new_lessons
        self._clock = clock
        self._keep = keep_seconds

    def create_part(self, room: Room | None, length: int, institution: int | None = None) -> UploadRow:
        """A piece that will be joined with others. room: None for a program's, whose institution that is."""
        now = self._clock()
        with self._database.write() as session:
            row = UploadRow(
                id=secrets.token_urlsafe(18),
                room_id=room.id if room is not None else None,
                institution_id=institution,
                length=length,
                concat=PARTIAL,
                made=now,
                expires=now + self._keep,
            )
            session.add(row)
            return row

    def joins(self, upload_id: str, parts: Sequence[UploadRow]) -> bool:
        """This upload, which had no bytes, has now those of whole parts, in this order, and shares the pieces in which
        they lie. False when another process was first, and nothing changed."""
        with self._database.write() as session:
            row = _locked(session, upload_id)
            if row is None or row.state != "open" or row.offset:
                return False
            known = [_locked(session, name) for name in sorted(part.id for part in parts)]
            if None in known or sum(part.length for part in parts) > row.length:
                return False
            for part in parts:
                session.add_all(
                    UploadPiece(
                        upload_id=upload_id, offset=row.offset + piece.offset, length=piece.length, key=piece.key
                    )
                    for piece in _pieces(session, part.id)
                )
                row.offset += part.length
            row.expires = self._clock() + self._keep
            row.concat = " ".join([f"{FINAL};", *(f"{wire.UPLOADS}/{part.id}" for part in parts)])
            return True

    def create(self, room: Room, asset: wire.Asset, *, join: bool, deferred: bool = False) -> UploadRow:
        """An upload for this asset. join: give back the one that exists, even a stored one or one that has grown until
        now, instead of a second. deferred: asset.bytes is the most it may become.

        Raises Forbidden when the lesson is another room's, NotFound when it is another institution's, and BadRequest
        when it was deleted, but for what was receipted before: that receipt stays good.
        """
        key = asset_key(room.id, asset) if join else None
        now = self._clock()
        with self._database.write() as session:
            session.get(Room, room.id, with_for_update=LOCK)  # what a room begins, it begins one after the other
            lesson = self._lesson(session, room, asset.lesson, now)
            if key is not None:
                known = session.exec(select(UploadRow).where(col(UploadRow.asset_key) == key)).first()
                if known is not None:
                    if known.state == "open":
                        known.expires = now + self._keep
                    return known
            stored = self._stored(session, asset) if join and not deferred else None
            if lesson.deleted is not None and stored is None:
                raise BadRequest(
                    "lesson-deleted", "This lesson was deleted on the server; nothing more of it is taken."
                )
            grown = _grown(session, room, asset) if join and not deferred and stored is None else None
            if grown is not None:
                grown.asset_key, grown.length, grown.sha256, grown.deferred = key, asset.bytes, asset.sha256, False
                grown.kind, grown.source, grown.tier = asset.kind, asset.source, asset.tier
                grown.expires = now + self._keep
                return grown
            row = UploadRow(
                id=secrets.token_urlsafe(18),
                asset_key=key,
                room_id=room.id,
                lesson_id=asset.lesson,
                path=asset.path,
                kind=asset.kind,
                source=asset.source,
                tier=asset.tier,
                length=asset.bytes,
                sha256=asset.sha256,
                offset=asset.bytes if stored is not None else 0,
                deferred=deferred,
                state="stored" if stored is not None else "open",
                asset_id=stored.id if stored is not None else None,
                made=now,
                expires=now + self._keep,
            )
            session.add(row)
            return row

    def get(self, upload_id: str) -> UploadRow | None:
        with self._database.read() as session:
            return session.get(UploadRow, upload_id)

    def of(self, person: Person, upload_id: str) -> UploadRow | None:
        """An upload that this person's programs may go on with: for a room of theirs, or a part they began."""
        mine = [*in_rooms_of(person, UploadRow.room_id), *within(person, UploadRow.institution_id)]
        query = select(UploadRow).where(col(UploadRow.id) == upload_id)
        with self._database.read() as session:
            return session.exec(query.where(or_(*mine)) if mine else query).first()

    def advance(self, upload_id: str, start: int, end: int, key: str = "") -> bool:
        """The bytes from start to end are durable: synced before this is called. key: the object in which they lie,
        when they have one of their own. False when the upload stands elsewhere by now, or is gone: another process was
        first, and these bytes do not count."""
        with self._database.write() as session:
            row = _locked(session, upload_id)
            if row is None or row.state != "open" or row.offset != start or end > row.length:
                return False
            row.offset = end
            row.expires = self._clock() + self._keep
            if key:
                session.add(UploadPiece(key=key, upload_id=upload_id, offset=start, length=end - start))
            return True

    def declare(self, upload_id: str, offset: int, length: int) -> bool:
        """The length that was deferred is known. False when the upload does not stand at this offset, or has a length
        by now."""
        with self._database.write() as session:
            row = _locked(session, upload_id)
            if row is None or not row.deferred or row.offset != offset:
                return False
            row.length, row.deferred = length, False
            row.asset_key = None  # what it was while it grew; a second one may grow after it
            return True

    def verifying(self, upload_id: str, sha256: str) -> None:
        """Every byte is here and its SHA-256 is known and right: what is left is to put it into the store."""
        with self._database.write() as session:
            row = _locked(session, upload_id)
            if row is not None and row.state == "open":
                row.state, row.sha256, row.offset = "verifying", sha256, row.length
                graves.spare(session, sha256, self._clock())

    def sent_before(self, upload: UploadRow) -> bool:
        """Whether the same room has brought these very bytes already, for another lesson or under another name. A
        stranger's bytes do not count: a hash is no proof of having what it is the hash of."""
        with self._database.read() as session:
            query = (
                select(Asset.id)
                .where(col(Asset.lesson_id) == col(LessonRow.id), col(LessonRow.room_id) == upload.room_id)
                .where(col(Asset.sha256) == upload.sha256, col(Asset.bytes) == upload.length)
                .where(col(LessonRow.deleted).is_(None))
            )
            return session.exec(query).first() is not None

    def drop(self, upload_id: str) -> None:
        with self._database.write() as session:
            row = _locked(session, upload_id)
            if row is not None:
                session.delete(row)

    def store(
        self, upload_id: str, receipt: Callable[[wire.Asset, str], str], manifest: Card | str | None
    ) -> Asset | None:
        """The bytes are in the store: remember the asset with its receipt, and what that makes of its lesson. None when
        the upload was dropped meanwhile, or another process has done so.

        receipt: (asset, room id) -> JWS. manifest: what a lesson.json says, or the sentence that says what is wrong
        with it; None for any other file.
        """
        now = self._clock()
        with self._database.write() as session:
            upload = _locked(session, upload_id)
            if upload is None or upload.state == "stored":
                return None
            asset = asset_of(upload)
            lesson = session.get_one(LessonRow, asset.lesson, with_for_update=LOCK)
            row = self._stored(session, asset)
            if row is None:
                row = Asset(
                    lesson_id=asset.lesson,
                    path=asset.path,
                    kind=asset.kind,
                    source=asset.source,
                    tier=asset.tier,
                    bytes=asset.bytes,
                    sha256=asset.sha256,
                    stored=now,
                    receipt=receipt(asset, lesson.room_id),
                )
                session.add(row)
                session.flush()
            else:
                row.stored = now  # sent again: it is the newest under its path
            renditions.arrived(session, row, now)
            upload.state, upload.asset_id = "stored", row.id
            if isinstance(manifest, str):
                lesson.state, lesson.problem = "failed", manifest
            elif manifest is not None:
                _describe(session, lesson, asset.sha256, manifest)
            session.flush()
            _settle(session, lesson)
            return row

    def receipt(self, upload: UploadRow) -> str | None:
        with self._database.read() as session:
            asset = session.get(Asset, upload.asset_id) if upload.asset_id is not None else None
            return asset.receipt if asset is not None else None

    def receipts(self, lesson: str = "") -> list[tuple[str, Asset]]:
        """(room id, asset) of everything stored, oldest first; of one lesson, or of all."""
        with self._database.read() as session:
            query = (
                select(LessonRow.room_id, Asset)
                .where(col(Asset.lesson_id) == col(LessonRow.id))
                .order_by(col(Asset.stored), col(Asset.id))
            )
            return list(session.exec(query.where(col(Asset.lesson_id) == lesson) if lesson else query).all())

    # -- pieces
    # ---------------------------------------------------------------------------------------------------------

    def pieces(self, upload_id: str) -> list[UploadPiece]:
        """In which objects the durable bytes of an upload lie, in their order."""
        with self._database.read() as session:
            return _pieces(session, upload_id)

    def with_useless_pieces(self) -> list[str]:
        """The uploads that are stored or gone and still have pieces."""
        needed = select(UploadRow.id).where(col(UploadRow.state) != "stored", UploadRow.id == UploadPiece.upload_id)
        with self._database.read() as session:
            return list(session.exec(select(UploadPiece.upload_id).where(~exists(needed)).distinct()))

    def known_pieces(self, keys: Sequence[str]) -> set[str]:
        """Those of the keys that are noted."""
        with self._database.read() as session:
            return set(session.exec(select(UploadPiece.key).where(col(UploadPiece.key).in_(keys))))

    def release_pieces(self, upload_id: str) -> list[str]:
        """An upload needs its pieces no more; the keys of those that nobody else needs."""
        with self._database.write() as session:
            keys = [piece.key for piece in _pieces(session, upload_id)]
            session.exec(delete(UploadPiece).where(col(UploadPiece.upload_id) == upload_id))
            shared = set(session.exec(select(UploadPiece.key).where(col(UploadPiece.key).in_(keys))))
            return [key for key in keys if key not in shared]

    # -- cleaning
    # -------------------------------------------------------------------------------------------------------

    def unfinished(self) -> list[UploadRow]:
        """Uploads whose bytes are all here but which are not stored yet: a killed process left them."""
        return self._rows(
            select(UploadRow)
            .where(col(UploadRow.state).in_(("open", "verifying")), col(UploadRow.offset) == col(UploadRow.length))
            .where(col(UploadRow.concat) != PARTIAL)
        )

    def expired(self) -> list[UploadRow]:
        return self._rows(
            select(UploadRow).where(col(UploadRow.state) != "verifying", col(UploadRow.expires) < self._clock())
        )

    def open_ids(self) -> set[str]:
        return {row.id for row in self._rows(select(UploadRow).where(col(UploadRow.state) != "stored"))}

    def _rows(self, query: SelectOfScalar[UploadRow]) -> list[UploadRow]:
        with self._database.read() as session:
            return list(session.exec(query))

    def _lesson(self, session: Session, room: Room, lesson_id: str, now: float) -> LessonRow:
        row = session.get(LessonRow, lesson_id)
        if row is None:
            waiting = session.scalars(
                select(LessonRow.id)
                .where(col(LessonRow.room_id) == room.id, col(LessonRow.state) == "receiving")
                .limit(MAX_LESSONS_WAITING)
            ).all()
            if len(waiting) >= MAX_LESSONS_WAITING:
                raise Forbidden("too-many-lessons", "This room has too many unfinished lessons on the server.")
            begun = ULID.from_str(lesson_id).timestamp
            row = LessonRow(id=lesson_id, room_id=room.id, started=begun, received=now, publication=self._new)
            row.find_by(room.name)
            session.add(row)
            session.flush()
        elif row.room_id != room.id:
            if session.get_one(Room, row.room_id).institution_id != room.institution_id:
                raise NotFound("no-such-lesson", "There is no such lesson.")
            raise Forbidden("foreign-lesson", "This lesson belongs to another room.")
        return row

    def _stored(self, session: Session, asset: wire.Asset) -> Asset | None:
        return session.exec(
            select(Asset)
            .where(col(Asset.lesson_id) == asset.lesson)
            .where(col(Asset.path) == asset.path)
            .where(col(Asset.sha256) == asset.sha256)
        ).first()


def _grown(session: Session, room: Room, asset: wire.Asset) -> UploadRow | None:
    """What the room has sent of this file while it grew; the furthest, if it is not more than the file."""
    return session.exec(
        select(UploadRow)
        .where(col(UploadRow.room_id) == room.id, col(UploadRow.lesson_id) == asset.lesson)
        .where(col(UploadRow.path) == asset.path, col(UploadRow.deferred), col(UploadRow.state) == "open")
        .where(col(UploadRow.offset) <= asset.bytes)
        .order_by(col(UploadRow.offset).desc())
        .limit(1)
        .with_for_update(key_share=True)
    ).first()


def _locked(session: Session, upload_id: str) -> UploadRow | None:
    return session.get(UploadRow, upload_id, with_for_update=LOCK)


def _pieces(session: Session, upload_id: str) -> list[UploadPiece]:
    query = select(UploadPiece).where(col(UploadPiece.upload_id) == upload_id).order_by(col(UploadPiece.offset))
    return list(session.exec(query))


def _describe(session: Session, row: LessonRow, sha256: str, card: Card) -> None:
    """Fill the lesson's entry, but for what somebody wrote here."""
    room = session.get_one(Room, row.room_id)
    if "title" not in row.edited:
        row.title = card.title
    row.language, row.started, row.seconds = card.language, card.started, card.seconds
    if "teacher" not in row.edited:
        row.teacher = card.teacher or row.teacher
    row.gaps, row.marks, row.sources, row.takes = card.gaps, card.marks, card.sources, card.takes
    row.find_by(room.name)
    placing.place(session, row, room)
    if row.manifest_sha256 != sha256:  # the same one again changes nothing
        row.manifest_sha256, row.state, row.problem = sha256, "receiving", ""


def _settle(session: Session, row: LessonRow) -> None:
    """When everything lesson.json names is stored, the lesson may be assembled."""
    if row.state != "receiving" or row.takes is None:
        return
    stored = set(session.exec(select(Asset.path, Asset.sha256).where(col(Asset.lesson_id) == row.id)).all())
    if all((take["path"], take["sha256"]) in stored for take in row.takes):
        row.state, row.attempts, row.retry_at = "assembling", 0, 0.0


def asset_of(upload: UploadRow) -> wire.Asset:
    """Raises ValueError for a part, which is no asset."""
    if upload.lesson_id is None:
        raise ValueError(f"Upload {upload.id} is a part and belongs to no lesson.")
    return wire.Asset(
        lesson=upload.lesson_id,
        kind=upload.kind,
        source=upload.source,
        path=upload.path,
        tier=upload.tier,
        bytes=upload.length,
        sha256=upload.sha256,
    )


def asset_key(room: str, asset: wire.Asset) -> str:
    """What makes two creations the same one."""
    text = "\n".join((room, asset.lesson, asset.path, asset.sha256, str(asset.bytes)))
    return hashlib.sha256(text.encode()).hexdigest()
