"""Lessons that arrive, without any bytes."""

from __future__ import annotations

import hashlib

from sqlmodel import SQLModel, select

from lms_server.catalog.database import Database
from lms_server.catalog.tables import Room
from lms_server.catalog.uploads import Card, Uploads
from lms_sync import wire

SHA = hashlib.sha256(b"x").hexdigest()


def asset(lesson: str, path: str = "front/take-001.mp4", kind: str = "take", sha256: str = SHA) -> wire.Asset:
    return wire.Asset(lesson=lesson, kind=kind, source="front", path=path, tier="master", bytes=1, sha256=sha256)


def card(title: str, started: float = 1000.0, takes: tuple[str, ...] = ("front/take-001.mp4",)) -> Card:
    wanted: list[dict[str, object]] = [{"path": path, "sha256": SHA, "bytes": 1} for path in takes]
    return Card(title, "fr", started, 60.0, [], [], [], wanted)


def store(uploads: Uploads, room: Room, sent: wire.Asset, manifest: Card | str | None = None) -> None:
    row = uploads.create(room, sent, join=True)
    uploads.verifying(row.id, sent.sha256)
    assert uploads.store(row.id, lambda asset, room: f"receipt of {asset.path}", manifest) is not None


def manifest(uploads: Uploads, room: Room, lesson: str, content: Card | str, sha256: str = SHA) -> None:
    store(uploads, room, asset(lesson, "lesson.json", "manifest", sha256), content)


def everything(database: Database) -> str:
    """All that stands in the database, as text."""
    with database.read() as session:
        return str([session.connection().execute(select(table)).all() for table in SQLModel.metadata.sorted_tables])
