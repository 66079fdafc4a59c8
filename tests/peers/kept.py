"""A lesson in a server's store and database as after its assembly, of which small forms are to be made."""

from __future__ import annotations

from pathlib import Path

from lms_server.catalog.database import Database
from lms_server.catalog.tables import Institution, LessonRow, OutputRow, RenderingRow
from lms_server.catalog.tables import Room as RoomRow
from lms_server.store.folder import FolderStore
from media.remux import digest_of
from tests.measure.room import Room


def put(store: FolderStore, file: Path) -> str:
    """Its SHA-256. The file itself stays."""
    copy = file.with_name(f"{file.name}.copy")
    copy.write_bytes(file.read_bytes())
    _, sha256 = digest_of(copy)
    store.adopt(copy, sha256)
    return sha256


def put_lesson(store: FolderStore, room: Room) -> tuple[str, list[dict[str, object]]]:
    """What a room recorded; the SHA-256 of its lesson.json, and its takes as the catalogue has them."""
    file = room.folder / "lesson.json"
    file.write_text(room.lesson.to_json())
    takes: list[dict[str, object]] = [
        {"path": take.file, "sha256": put(store, room.folder / take.file)} for take in room.lesson.takes
    ]
    return put(store, file), takes


def ready(
    database: Database,
    lesson: str,
    manifest: str,
    takes: list[dict[str, object]],
    *kinds: str,
    outputs: list[OutputRow] | None = None,
) -> None:
    """kinds: of the small forms that are to be made, now."""
    with database.write() as session:
        session.add(Institution(id=1, name="ENS"))
        session.flush()
        session.add(RoomRow(id="R", institution_id=1, name="Amphi", public_key="", enrolled=0.0))
        session.flush()
        row = LessonRow(id=lesson, room_id="R", started=1.0, received=1.0, state="ready", takes=takes)
        row.manifest_sha256 = manifest
        session.add(row)
        session.flush()
        session.add_all(outputs or [])
        session.add_all(RenderingRow(lesson_id=lesson, kind=kind, due=0.0) for kind in kinds)
