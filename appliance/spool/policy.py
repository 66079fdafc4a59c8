"""``spool/sync.json``: what ``[sync]`` of room.toml says, for the sync agent, which may not read room.toml.

The daemon writes it at its start, whole; the agent reads it again when it has changed. Its keys are those of the table;
rates are kbit/s, budgets MB of 10⁶ bytes, times of day "HH:MM" of the room's local time. ``spool/policy.json`` has the
same keys, as many as the central server sets: those count instead. The agent keeps it there for times without a link.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from appliance.spool.layout import Spool, write_atomically
from appliance.spool.ledger import TIER_ORDER

LARGEST = 64 * 1024
"""Bytes; a larger file is not one of ours."""
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_TIME = re.compile(r"(\d\d):(\d\d)")


class BadPolicy(Exception):
    """The file is not one of ours, as one sentence."""


@dataclass(frozen=True, slots=True)
class Hours:
    """days: 0 is Monday, those on which it begins. begin, end: minutes since midnight; an end that is not later is
    that of the next day. kbit: 0 sends nothing."""

    days: tuple[int, ...]
    begin: int
    end: int
    kbit: int


@dataclass(frozen=True, slots=True)
class Policy:
    """kbit: 0 is no limit. hours: the first that fits counts. daily, monthly: bytes, 0 is no budget. metered: ``auto``,
    ``yes`` or ``no``."""

    kbit: int = 0
    hours: tuple[Hours, ...] = ()
    daily: int = 0
    monthly: int = 0
    metered: str = "auto"
    metered_tiers: tuple[str, ...] = ("card", "slidecast")
    yields: bool = True
    while_recording: bool = True


def file_of(spool: Spool) -> Path:
    return spool.root / "sync.json"


def file_given(spool: Spool) -> Path:
    return spool.root / "policy.json"


def give(spool: Spool, rules: Mapping[str, Any]) -> None:
    """Put what the central server sets in force, in the place of what it set before. Raises OSError, BadPolicy."""
    parse(rules)
    if rules == given(spool):
        return
    if rules:
        write_atomically(file_given(spool), json.dumps(rules, indent=1).encode())
    else:
        file_given(spool).unlink(missing_ok=True)


def given(spool: Spool) -> dict[str, Any]:
    """What the central server sets; nothing when it cannot be read: it comes again with the next heartbeat."""
    try:
        rules = _load(file_given(spool))
        parse(rules)
    except (BadPolicy, OSError):
        return {}
    return dict(rules)


def write(spool: Spool, table: Mapping[str, Any]) -> None:
    """Put a ``[sync]`` table (as JSON would hold it, defaults included) in force. Raises OSError, BadPolicy."""
    parse(table)
    text = json.dumps(table, indent=1)
    try:
        if file_of(spool).read_text() == text:
            return
    except (FileNotFoundError, UnicodeDecodeError):
        pass
    write_atomically(file_of(spool), text.encode())


def read(spool: Spool) -> Policy:
    """What is in force; the defaults where nothing was written yet. Raises BadPolicy, OSError."""
    return parse({**_load(file_of(spool)), **given(spool)})


def _load(path: Path) -> Mapping[str, Any]:
    """Empty where there is no file. Raises BadPolicy, OSError."""
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except FileNotFoundError:
        return {}
    if len(data) > LARGEST:
        raise BadPolicy(f"{path.name} is too large.")
    try:
        table = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BadPolicy(f"{path.name} is not JSON.") from error
    if not isinstance(table, dict):
        raise BadPolicy(f"{path.name} holds no table.")
    return table


def parse(table: object) -> Policy:
    """Raises BadPolicy. A key that is missing has its default; one that is unknown is a newer program's."""
    if not isinstance(table, Mapping):
        raise BadPolicy("sync.json holds no table.")
    plain = Policy()
    metered, tiers = table.get("metered", plain.metered), table.get("metered_tiers", plain.metered_tiers)
    if metered not in ("auto", "yes", "no"):
        raise BadPolicy("sync.json: metered is none of auto, yes and no.")
    if not isinstance(tiers, list | tuple) or not all(tier in TIER_ORDER for tier in tiers):
        raise BadPolicy("sync.json: metered_tiers is no list of tiers.")
    hours = table.get("hours", [])
    if not isinstance(hours, list):
        raise BadPolicy("sync.json: hours is no list.")
    return Policy(
        kbit=_count(table, "max_kbit", 0),
        hours=tuple(_hours(row) for row in hours),
        daily=_count(table, "daily_mb", 0) * 1_000_000,
        monthly=_count(table, "monthly_mb", 0) * 1_000_000,
        metered=metered,
        metered_tiers=tuple(tiers),
        yields=_flag(table, "yield", plain.yields),
        while_recording=_flag(table, "while_recording", plain.while_recording),
    )


def _hours(row: object) -> Hours:
    if not isinstance(row, Mapping):
        raise BadPolicy("sync.json: hours holds something else than tables.")
    days = row.get("days", list(_DAYS))
    if not isinstance(days, list) or not all(day in _DAYS for day in days):
        raise BadPolicy("sync.json: days is no list of days.")
    begin, end = _minutes(row.get("from", "00:00")), _minutes(row.get("to", "24:00"))
    return Hours(tuple(sorted({_DAYS.index(day) for day in days})), begin, end, _count(row, "max_kbit", None))


def _minutes(text: object) -> int:
    found = _TIME.fullmatch(text) if isinstance(text, str) else None
    minutes = int(found[1]) * 60 + int(found[2]) if found else -1
    if not 0 <= minutes <= 24 * 60:
        raise BadPolicy("sync.json: from and to are no times of day.")
    return minutes


def _flag(table: Mapping[str, Any], key: str, default: bool) -> bool:
    found = table.get(key, default)
    if not isinstance(found, bool):
        raise BadPolicy(f"sync.json: {key} is neither true nor false.")
    return found


def _count(table: Mapping[str, Any], key: str, default: int | None) -> int:
    found = table.get(key, default)
    if not isinstance(found, int) or isinstance(found, bool) or not 0 <= found <= 10**9:
        raise BadPolicy(f"sync.json: {key} is no number that makes sense.")
    return found
