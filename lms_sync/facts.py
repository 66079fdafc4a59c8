"""What the room says of itself, from the daemon's status and the ledger. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

from appliance.spool.ledger import AssetRow
from lms_sync import forecast, wire
from lms_sync.governor import FORECAST
from lms_sync.roomdoor import plain
from lms_sync.wire_control import MOST_KEPT, MOST_SOURCES, Heartbeat, SourceHealth

VERSION = version("darsbox")
_CODE = re.compile(r"[a-z][a-z0-9-]{0,59}")


def heartbeat(
    status: Mapping[str, Any] | None,
    rows: Sequence[AssetRow],
    notes: Mapping[str, str],
    *,
    kept: Sequence[str] = (),
    now: float,
    clock_ahead: float = 0.0,
) -> Heartbeat:
    """status: the daemon's, None when it does not answer. kept: lessons that stay here. now: Unix seconds by the
    server's clock, as the forecast has it."""
    backlog = dict.fromkeys(wire.TIERS, 0)
    for row in rows:
        if row.state != "receipted" and row.tier in backlog:
            backlog[row.tier] += max(0, row.bytes - row.sent)
    said: Mapping[str, Any] = status or {}
    lesson = said.get("lesson") or {}
    done_by = forecast.of_text(notes.get(FORECAST))[0].all
    disk = said.get("disk") or {}
    following = (said.get("timetable") or {}).get("next") or {}
    health = said.get("health") or {}
    found = _code(health.get("code")) if health.get("level", "ok") != "ok" else ""
    return Heartbeat(
        version=VERSION,
        state=_code(said.get("state")) or "silent",
        title=plain(str(lesson.get("title", "")), 300),
        sources=tuple(_source(each) for each in list(said.get("sources", []))[:MOST_SOURCES]),
        disk_hours=_figure(disk.get("hours_left")),
        backlog={tier: count for tier, count in backlog.items() if count},
        problem=_code(notes.get("sync.problem")),
        forecast=None if done_by is None else max(0.0, round(done_by - now)),
        clock_ahead=round(clock_ahead, 1),
        kept=tuple(kept[-MOST_KEPT:]),
        next_title=plain(str(following.get("title", "")), 300),
        next_begin=_moment(following.get("begin")),
        finding=found,
        finding_of=plain(str((health.get("facts") or {}).get("label", "")), 200) if found else "",
    )


def _source(said: Mapping[str, Any]) -> SourceHealth:
    problem = said.get("problem") or {}
    return SourceHealth(
        plain(str(said.get("id", "")), 100),
        plain(str(said.get("label", "")), 200),
        _code(said.get("state")) or "unknown",
        _code(problem.get("code")),
    )


def _code(said: object) -> str:
    return said if isinstance(said, str) and _CODE.fullmatch(said) else ""


def _moment(said: object) -> float | None:
    return float(said) if isinstance(said, int | float) and 0 <= said < 1e12 else None


def _figure(said: object) -> float | None:
    try:
        found = float(said) if isinstance(said, str | int | float) else None
    except ValueError:
        return None
    return found if found is not None and 0 <= found < 1e9 else None
