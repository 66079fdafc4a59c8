"""The lessons on their way: per lesson and tier how much has arrived, why the rest waits, and when it will be there.

From the ledger alone; what the sync agent foresees stands in its note ``sync.forecast``. Blocking: reads the disk.
"""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from appliance.api.listing import sent
from appliance.api.views import DeliveriesView, DeliveryView, TierView
from appliance.spool import keeping
from appliance.spool.layout import Spool
from appliance.spool.ledger import TIER_ORDER, AssetRow, Ledger, LedgerUnreadable
from media.lesson import BadLesson

SHOWN = 30
"""Lessons that are told of, the newest."""
KEPT = "kept-here"
"""What a tier waits for that a teacher keeps in the room."""


def deliveries(spool: Spool, seen_by: str | None = None, shown: int = SHOWN) -> DeliveriesView:
    """Newest first. seen_by: a teacher, who sees their own and those of guests, "" a guest; None sees all. A ledger
    that cannot be read tells of nothing; the status says so."""
    try:
        with Ledger(spool.ledger_file) as ledger:
            rows, notes = ledger.assets(), ledger.notes()
    except (LedgerUnreadable, sqlite3.Error):
        rows, notes = [], {}
    lessons: dict[str, list[AssetRow]] = defaultdict(list)
    for row in rows:
        lessons[row.lesson].append(row)
    foreseen = _table(notes.get("sync.forecast"))
    newest = [lesson for lesson in sorted(lessons, reverse=True) if seen_by is None or _may_see(spool, lesson, seen_by)]
    told = [_delivery(spool, lesson, lessons[lesson], foreseen) for lesson in newest[:shown]]
    return DeliveriesView(done_by=_time(foreseen.get("all")), lessons=told, older=max(0, len(newest) - shown))


def _may_see(spool: Spool, lesson: str, name: str) -> bool:
    """A lesson that cannot be read shows nothing of itself."""
    try:
        return spool.read_lesson(lesson).teacher in {"", name}
    except (BadLesson, OSError, ValueError):
        return True


def _delivery(spool: Spool, lesson: str, rows: Sequence[AssetRow], foreseen: Mapping[str, Any]) -> DeliveryView:
    try:
        known = spool.read_lesson(lesson)
        title, started, seconds = known.title, known.started, round(known.seconds, 3)
    except (BadLesson, OSError, ValueError):
        title, started, seconds = "", 0.0, 0.0
    times, barred = _table(_table(foreseen.get("lessons")).get(lesson)), _table(foreseen.get("barred"))
    kept = keeping.is_kept(spool, lesson)
    if kept:
        times = {tier: time for tier, time in times.items() if tier not in keeping.HELD_TIERS}
        barred = barred | dict.fromkeys(keeping.HELD_TIERS, KEPT)
    tiers = [
        _tier(tier, mine, _time(times.get(tier)), barred.get(tier))
        for tier in TIER_ORDER
        if (mine := [row for row in rows if row.tier == tier])
    ]
    return DeliveryView(id=lesson, title=title, started=started, seconds=seconds, tiers=tiers, kept_here=kept)


def _tier(tier: str, rows: Sequence[AssetRow], done_by: float | None, waits: object) -> TierView:
    there = all(row.state == "receipted" for row in rows)
    refused = any(row.state == "refused" for row in rows)
    return TierView(
        tier=tier,
        bytes=sum(row.bytes for row in rows),
        sent=sum(sent(row) for row in rows),
        receipted=there,
        refused=refused,
        done_by=None if there or refused else done_by,
        waiting_for=waits if isinstance(waits, str) and waits and not there else None,
    )


def _table(found: object) -> dict[str, Any]:
    """A table, or the JSON of one; an empty one for anything else."""
    try:
        table = json.loads(found) if isinstance(found, str) else found
    except ValueError:
        return {}
    return table if isinstance(table, dict) else {}


def _time(found: object) -> float | None:
    return float(found) if isinstance(found, int | float) and not isinstance(found, bool) else None
