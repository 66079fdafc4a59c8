"""A teacher's wish that a lesson stay in the room: ``keep.json`` in its folder, beside lesson.json.

While it is there, the lesson's proxy and master tiers are not sent, and none of its files is let go. It lies with the
lesson, so that a ledger made anew obeys it too. Card and slidecast still go: the wish is about the recordings.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

from appliance.spool.layout import Spool, sync_directory, write_atomically
from appliance.spool.ledger import AssetRow

HELD_TIERS = frozenset({"proxy", "master"})


def keep(spool: Spool, lesson: str) -> None:
    """Durable when it returns. Raises ValueError for what is no lesson id, FileNotFoundError when there is none such,
    OSError."""
    file = _file(spool, lesson)
    if not file.parent.is_dir():
        raise FileNotFoundError(2, "there is no such lesson", str(file.parent))
    if not file.exists():
        write_atomically(file, json.dumps({"at": round(time.time(), 3)}).encode() + b"\n")


def release(spool: Spool, lesson: str) -> None:
    """Undo it; no error when nothing was kept. Raises ValueError, OSError."""
    file = _file(spool, lesson)
    if file.exists():
        file.unlink()
        sync_directory(file.parent)


def is_kept(spool: Spool, lesson: str) -> bool:
    try:
        return _file(spool, lesson).exists()
    except ValueError:
        return False


def holds(spool: Spool, row: AssetRow) -> bool:
    """Whether the wish keeps this asset from being sent."""
    return row.tier in HELD_TIERS and is_kept(spool, row.lesson)


def _file(spool: Spool, lesson: str) -> Path:
    return spool.lesson_dir(lesson) / "keep.json"
