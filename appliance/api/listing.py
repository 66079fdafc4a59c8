"""The lessons of a spool as ``appliance lessons --json`` and GET /api/v1/lessons list them.

Blocking: reads the disk.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Sequence

from appliance.api.views import AssetView, GapView, LessonEntry
from appliance.spool import keeping
from appliance.spool.layout import Spool
from appliance.spool.ledger import AssetRow, Ledger, LedgerUnreadable
from media.lesson import BadLesson, Lesson, by_source


def list_lessons(spool: Spool) -> list[LessonEntry]:
    """Every lesson, oldest first. A ledger that cannot be read hides only what was sent."""
    rows: dict[str, list[AssetRow]] = defaultdict(list)
    for row in _rows(spool, None):
        rows[row.lesson].append(row)
    return [_read(spool, lesson, rows[lesson]) for lesson in spool.lesson_ids()]


def read_entry(spool: Spool, lesson: str) -> LessonEntry | None:
    """One lesson, or None if there is none of this name."""
    try:
        if not spool.lesson_dir(lesson).is_dir():
            return None
    except ValueError:
        return None
    return _read(spool, lesson, _rows(spool, lesson))


def _rows(spool: Spool, lesson: str | None) -> list[AssetRow]:
    if not spool.ledger_file.exists():
        return []
    try:
        with Ledger(spool.ledger_file) as ledger:
            return ledger.assets(lesson)
    except (LedgerUnreadable, sqlite3.Error):
        return []  # lesson.json is the truth; the daemon rebuilds the ledger at its next start and says so


def _read(spool: Spool, lesson: str, rows: Sequence[AssetRow]) -> LessonEntry:
    try:
        found = entry(spool.read_lesson(lesson), rows)
    except (BadLesson, OSError):
        found = LessonEntry(id=lesson, title="", state="damaged", started=0, seconds=0, gaps=[], assets=_assets(rows))
    folder = spool.lesson_dir(lesson)
    assets = [
        asset.model_copy(update={"removed": asset.receipted and not (folder / asset.path).exists()})
        for asset in found.assets
    ]
    return found.model_copy(
        update={
            "assets": assets,
            "removed": any(asset.removed for asset in assets),
            "kept_here": keeping.is_kept(spool, lesson),
        }
    )


def entry(lesson: Lesson, rows: Sequence[AssetRow]) -> LessonEntry:
    """A lesson with its assets: those in the ledger, or its takes so far while it is not kept."""
    assets = _assets(rows) or [
        AssetView(
            kind="take",
            source=take.source,
            path=take.file,
            bytes=take.bytes,
            sha256=take.sha256,
            sent=0,
            receipted=False,
        )
        for take in lesson.takes
    ]
    return LessonEntry(
        id=lesson.id,
        title=lesson.title,
        state=lesson.state,
        started=lesson.started,
        seconds=round(lesson.seconds, 3),
        gaps=[GapView(source=gap.source, at=gap.at, seconds=gap.seconds, why=gap.why) for gap in lesson.gaps()],
        assets=assets,
        quality=by_source(lesson.quality),
    )


def _assets(rows: Sequence[AssetRow]) -> list[AssetView]:
    return [
        AssetView(
            kind=row.kind,
            source=row.source,
            path=row.path,
            bytes=row.bytes,
            sha256=row.sha256,
            sent=sent(row),
            receipted=row.state == "receipted",
        )
        for row in rows
    ]


def sent(row: AssetRow) -> int:
    """Bytes of an asset that have arrived."""
    return row.bytes if row.state == "receipted" else row.sent
