"""What the institution wants of a room, as the server says it with every answer to the room.

    {"long_poll": true, "max_kbit": 512, "hours": [...], "daily_mb": 2000, "metered": "yes", ...}

Beside ``long_poll`` the members are those of ``[sync]`` of room.toml, with the same names, units and limits. One that
is there counts instead of the room's own; one that is not leaves the room's own in force.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lms_sync import wire

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
METERED = ("auto", "yes", "no")
FASTEST, SLOWEST = 10_000_000, 8
"""kbit/s; below SLOWEST every request counts as lost."""
MOST_MB = 100_000_000
MOST_HOURS = 50
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d|24:00")


@dataclass(frozen=True, slots=True)
class Policy:
    """long_poll: whether the room may hold a connection open to hear of commands at once; without, it hears of them
    with its heartbeat. sync: what counts instead of the room's own ``[sync]``, as JSON holds it."""

    long_poll: bool = True
    sync: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {"long_poll": self.long_poll, **self.sync}

    @classmethod
    def from_json(cls, found: object) -> Policy:
        """Unknown members are passed over: a newer server says more. Raises ValueError with one sentence."""
        if not isinstance(found, dict):
            raise ValueError("The policy is no JSON object.")
        long_poll = found.get("long_poll", True)
        if not isinstance(long_poll, bool):
            raise ValueError("The policy's long_poll is neither true nor false.")
        for name, check in _CHECKS.items():
            if name in found:
                check(name, found[name])
        return cls(long_poll, {name: found[name] for name in _CHECKS if name in found})


def _rate(name: str, value: object) -> None:
    if not _whole(value, FASTEST) or value in range(1, SLOWEST):
        raise ValueError(f"The policy's {name} must be 0, or a whole number of kbit/s from {SLOWEST} to {FASTEST}.")


def _budget(name: str, value: object) -> None:
    if not _whole(value, MOST_MB):
        raise ValueError(f"The policy's {name} must be a whole number of MB from 0, for no budget, to {MOST_MB}.")


def _metered(name: str, value: object) -> None:
    if value not in METERED:
        raise ValueError(f"The policy's {name} must be one of {', '.join(METERED)}.")


def _tiers(name: str, value: object) -> None:
    if not isinstance(value, list) or not all(tier in wire.TIERS for tier in value):
        raise ValueError(f"The policy's {name} must be a list of {', '.join(wire.TIERS)}.")


def _flag(name: str, value: object) -> None:
    if not isinstance(value, bool):
        raise ValueError(f"The policy's {name} must be true or false.")


def _hours(name: str, value: object) -> None:
    if not isinstance(value, list) or len(value) > MOST_HOURS:
        raise ValueError(f"The policy's {name} must be a list of at most {MOST_HOURS}.")
    for number, row in enumerate(value, 1):
        place = f"{name} number {number}"
        if not isinstance(row, dict) or not row.keys() <= {"days", "from", "to", "max_kbit"}:
            raise ValueError(f"The policy's {place} must be an object with days, from, to and max_kbit.")
        days = row.get("days", list(DAYS))
        if not isinstance(days, list) or not days or not all(day in DAYS for day in days):
            raise ValueError(f"The policy's {place} must have days that are a list of {', '.join(DAYS)}.")
        begin, end = row.get("from", "00:00"), row.get("to", "24:00")
        if not all(isinstance(at, str) and _TIME.fullmatch(at) for at in (begin, end)) or begin == end:
            raise ValueError(f'The policy\'s {place} must have two times of day such as "07:30" as from and to.')
        _rate(f"{place}, its max_kbit,", row.get("max_kbit"))


def _whole(value: object, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most


_CHECKS: dict[str, Callable[[str, object], None]] = {
    "max_kbit": _rate,
    "hours": _hours,
    "daily_mb": _budget,
    "monthly_mb": _budget,
    "metered": _metered,
    "metered_tiers": _tiers,
    "yield": _flag,
    "while_recording": _flag,
}
MEMBERS = frozenset({"long_poll", *_CHECKS})
