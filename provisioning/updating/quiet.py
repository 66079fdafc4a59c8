"""Whether the room may be touched now: never while a lesson is on, nor shortly before one. Pure, but for ``look``."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from appliance.client import ask
from appliance.errors import RoomError
from appliance.spool.clock import Clock
from appliance.spool.layout import Spool

BEFORE = 15 * 60.0
"""Seconds before a lesson of the timetable in which nothing is begun: a new version may take two minutes to prove
itself, and the way back two more."""
GROWN = 60.0
"""Seconds in which a recording grows by a fragment, whatever became of its daemon."""
LARGEST = 64 * 1024
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True)
class Room:
    """status: as the daemon's API has it, None when it does not answer. grows: whether a recording's journal was
    written to of late. now: Unix seconds, None when the time is not known."""

    status: Mapping[str, Any] | None
    grows: bool
    now: float | None


def busy(room: Room) -> str:
    """Why the room is to be left alone, as one sentence; "" when it may be touched."""
    if room.status is not None:
        return _busy(room.status, room.now)
    # Where nothing is recorded, a daemon that does not answer holds nothing up: a new version may mend it.
    return "A lesson is being recorded." if room.grows else ""


def _busy(status: Mapping[str, Any], now: float | None) -> str:
    if status.get("lesson") or status.get("state") in ("starting", "recording", "paused", "stopping"):
        return "A lesson is on."
    if status.get("undo_seconds"):
        return "A lesson has just ended, and its end can still be undone."
    table = status.get("timetable") or {}
    if table.get("now"):
        return "The timetable has a lesson now."
    begin = (table.get("next") or {}).get("begin")
    if now is not None and isinstance(begin, int | float) and begin - now < BEFORE:
        return "The timetable's next lesson is near."
    return ""


def look(spool: Path) -> Room:
    """The room as it is this moment, by its daemon and by its disk."""
    try:
        status = ask(address(spool), "GET", "/api/v1/status")
    except RoomError:
        status = None
    return Room(status if isinstance(status, dict) else None, _grows(spool), Clock(Spool(spool)).now())


def address(spool: Path) -> str:
    """Where the daemon said that it listens: on this machine, else the usual place."""
    usual = "http://127.0.0.1:8400"
    try:
        with (spool / "daemon.json").open("rb") as file:
            url = str(json.loads(file.read(LARGEST))["url"])
        return url if urlsplit(url).hostname in LOOPBACK else usual
    except (OSError, ValueError, KeyError, TypeError):
        return usual


def _grows(spool: Path) -> bool:
    now = time.time()
    lessons = sorted((spool / "lessons").glob("[0-7]*"))[-3:]
    journals = [journal for lesson in lessons for journal in lesson.glob("*/take-*.journal")]
    return any(abs(now - journal.stat().st_mtime) < GROWN for journal in journals)
