"""`lms-sync status`: what is on its way, read from the ledger alone."""

from __future__ import annotations

import calendar
import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from appliance.spool import keeping, policy, targets
from appliance.spool.layout import Spool
from appliance.spool.ledger import TIER_ORDER, AssetRow, Ledger
from lms_sync import forecast
from lms_sync.bandwidth import SENTENCES, Local
from lms_sync.governor import FORECAST
from media.lesson import BadLesson

_HIDDEN = ("lesson", "upload_url", "wish")
_STATES = {
    "waiting": "waiting",
    "sending": "being sent",
    "verifying": "being checked by the server",
    "receipted": "safe on the server",
    "refused": "refused",
}
_WAYS = {"waiting": "waiting", "sending": "being sent", "delivered": "delivered", "refused": "refused"}


def gather(spool: Spool, ledger: Ledger) -> dict[str, Any]:
    """{"server", "last_contact" (Unix seconds or None), "problem" (code or None), "done_by" (of all; Unix seconds, None
    when it cannot be said or nothing waits), "server_rules": {what of [sync] the server sets: its value},
    "lessons": [{"id", "title", "state", "kept_here",
    "wished", "bytes", "sent", "waiting_for" (code of ``bandwidth`` or None), "done_by", "assets": [...],
    "targets": {id: {"state", "problem"}}}]}, oldest first.

    Raises BadTargets."""
    elsewhere = targets.read(spool)
    notes = ledger.notes()
    foretold, barred = forecast.of_text(notes.get(FORECAST))
    lessons: dict[str, list[AssetRow]] = {}
    for row in ledger.assets():
        lessons.setdefault(row.lesson, []).append(row)
    return {
        "server": notes.get("sync.server") or None,
        "last_contact": _number(notes.get("sync.last_contact")),
        "problem": notes.get("sync.problem") or None,
        "done_by": foretold.all if any(_open(row) for rows in lessons.values() for row in rows) else None,
        "server_rules": policy.given(spool),
        "lessons": [
            {
                "id": lesson,
                "title": _title(spool, lesson),
                "state": lesson_state(rows),
                "kept_here": keeping.is_kept(spool, lesson),
                "wished": any(row.wish for row in rows),
                "bytes": sum(row.bytes for row in rows),
                "sent": sum(row.bytes if row.state == "receipted" else row.sent for row in rows),
                "waiting_for": _waiting_for(rows, barred),
                "done_by": _done_by(rows, foretold.lessons.get(lesson, {})),
                "assets": [_asset(row) for row in rows],
                "targets": {target.id: _way(targets.progress(spool, lesson, target.id)) for target in elsewhere},
            }
            for lesson, rows in lessons.items()
        ],
    }


def _way(reached: targets.Progress) -> dict[str, Any]:
    return {"state": reached.state, "problem": reached.problem or None}


def _open(row: AssetRow) -> bool:
    return row.state not in {"receipted", "refused"}


def _waiting_for(rows: Iterable[AssetRow], barred: Mapping[str, str]) -> str | None:
    """What holds the next of a lesson back, if not its turn."""
    tiers = {row.tier for row in rows if _open(row)}
    following = next((tier for tier in TIER_ORDER if tier in tiers), None)
    return barred.get(following) if following else None


def _done_by(rows: Iterable[AssetRow], foretold: Mapping[str, float | None]) -> float | None:
    """None too while the forecast does not know of all that waits."""
    return forecast.latest(foretold.get(tier) for tier in {row.tier for row in rows if _open(row)})


def lesson_state(rows: Iterable[AssetRow]) -> str:
    """The state that says most: refused if any is, receipted only if all are."""
    states = {row.state for row in rows}
    for state in ("refused", "sending", "verifying"):
        if state in states:
            return state
    if "receipted" in states and "waiting" in states:
        return "sending"
    return "waiting" if "waiting" in states else "receipted"


def lines(status: Mapping[str, Any], now: float, local: Local = time.localtime) -> list[str]:
    """For a person. now: Unix seconds."""
    contact = status["last_contact"]
    said = [
        f"Server: {status['server'] or 'none; this room is not enrolled'}",
        f"Last contact: {ago(now - contact) if contact is not None else 'never'}"
        + (f" (problem: {status['problem']})" if status["problem"] else ""),
    ]
    if status["done_by"] is not None and status["done_by"] > now:
        said.append(f"All sent: {when(status['done_by'], now, local)}")
    if status["server_rules"]:
        said.append(f"Set by the server: {', '.join(_rule(*rule) for rule in status['server_rules'].items())}")
    for lesson in status["lessons"]:
        said.append("")
        said.append(
            f"{lesson['id']}  {lesson['title'] or '(no title)'}: {_STATES[lesson['state']]}, {part(lesson)}"
            + _wishes(lesson)
        )
        if lesson["waiting_for"] in SENTENCES:
            said.append(f"  {SENTENCES[lesson['waiting_for']]}")
        if lesson["done_by"] is not None and lesson["done_by"] > now:
            said.append(f"  All of it sent: {when(lesson['done_by'], now, local)}")
        for target, way in lesson["targets"].items():
            said.append(f"  To {target}: {_WAYS[way['state']]}" + (f" ({way['problem']})" if way["problem"] else ""))
        width = max(len(asset["path"]) for asset in lesson["assets"])
        for asset in lesson["assets"]:
            line = (
                f"  {asset['path']:<{width}}  {size(asset['bytes']):>8}  {share(asset):>4}  {_STATES[asset['state']]}"
            )
            said.append(line + (f" ({asset['problem']})" if asset["problem"] else ""))
    if not status["lessons"]:
        said += ["", "There is nothing to send."]
    return said


def _rule(name: str, value: Any) -> str:
    """As room.toml would have it, shortened where it is long."""
    if name == "hours":
        return f"{len(value)} row{'' if len(value) == 1 else 's'} of hours"
    if isinstance(value, list):
        return f"{name} {' and '.join(value) or 'none'}"
    return f"{name} {str(value).lower()}"


def _wishes(lesson: Mapping[str, Any]) -> str:
    kept = "; its recordings are kept here" if lesson["kept_here"] else ""
    return ("; asked for, so it goes first" if lesson["wished"] else "") + kept


def part(item: Mapping[str, Any]) -> str:
    return f"{size(item['sent'])} of {size(item['bytes'])}"


def share(item: Mapping[str, Any]) -> str:
    """Never 100 % before all is there."""
    done = 100 * item["sent"] // item["bytes"] if item["bytes"] else 100
    return f"{done} %"


def size(count: float) -> str:
    """Bytes as people say them: 812 B, 21 kB, 1.4 GB."""
    for unit in ("B", "kB", "MB"):
        if count < 999.5:
            return f"{count:.0f} {unit}" if count >= 10 or unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"


def ago(seconds: float) -> str:
    """Clocks are set back at times: the future is now."""
    whole = max(0, int(seconds))
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if whole >= length:
            count = whole // length
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"


def when(at: float, now: float, local: Local = time.localtime) -> str:
    """A time to come as people say it, never too early: "today about 14:10", "Friday about 02:00", "5 December"."""
    late = math.ceil(at / 300) * 300.0
    there, today = local(late), local(now)
    days = round((_midnight(there) - _midnight(today)) / 86400)
    if days > 6:
        return f"{there.tm_mday} {time.strftime('%B', there)}"
    day = {0: "today", 1: "tomorrow"}.get(days, time.strftime("%A", there))
    return f"{day} about {there.tm_hour:02}:{there.tm_min:02}"


def _midnight(there: time.struct_time) -> float:
    return calendar.timegm((there.tm_year, there.tm_mon, there.tm_mday, 0, 0, 0))


def _asset(row: AssetRow) -> dict[str, Any]:
    found = {name: value for name, value in asdict(row).items() if name not in _HIDDEN}
    if row.state == "receipted":
        found["sent"] = row.bytes
    return found


def _title(spool: Spool, lesson: str) -> str:
    try:
        title = spool.read_lesson(lesson).title
    except (BadLesson, OSError, ValueError):
        return ""
    return "".join(sign if sign.isprintable() else " " for sign in title)


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None
