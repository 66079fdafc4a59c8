"""What is wrong with a room, by evidence alone: what it said itself of late, and when it was last heard. Pure.

Codes and figures; the faces make sentences of them. ``lasting`` adds the hysteresis of alarms: what is wrong must hold
for a while before it is raised, and be over, by a wider margin, for a while before it is cleared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from packaging.version import InvalidVersion, Version

from lms_server.catalog.schemas import Health, RoomView, Trouble, TroubleCode

FRESH = 900.0
"""Seconds after which what a room said is no evidence any more: it says something every minute."""
NIGHT = 26 * 3600.0
"""Seconds without a word that are worth one: longer than from one evening to the next."""
WEEK = 7 * 86400.0
MISSED = 600.0
"""Seconds into a lesson of its timetable after which a silent room is missed."""
FEW_HOURS, ENOUGH_HOURS = 3.0, 6.0
"""Of recording that fit on a room's disk: a morning's lessons, and when it is well again."""
CLOCK_WRONG, CLOCK_RIGHT = 300.0, 60.0
"""Seconds between a room's clock and the server's."""
BEHIND = 2 * 86400.0
"""Seconds after a release in which a room finds an hour without a lesson, and a link."""
GROWN = 500_000_000
"""Bytes by which the least of a day must rise to count as growth: less is a lesson more or less."""
_SOUNDLESS = frozenset({"microphone-silent", "microphone-muted"})
_POOR = ("picture-", "sound-")
_ON = ("recording", "paused")


def troubles(room: RoomView, now: float) -> list[Trouble]:
    """The worst first."""
    return [] if room.revoked else sorted(_found(room, now), key=lambda found: _RANK[found.code])


def silent_for(room: RoomView, now: float) -> float:
    """Seconds; since its enrolment when it was never heard."""
    return max(0.0, now - (room.enrolled if room.last_seen is None else room.last_seen))


def fresh(room: RoomView, now: float) -> Health | None:
    """What the room said, while that is evidence."""
    return room.health if room.health is not None and now - room.health.received <= FRESH else None


def grows(lows: Sequence[int]) -> bool | None:
    """Whether the least that waits rises from day to day. None: neither that nor falling."""
    if len(lows) > 1 and lows[-1] < lows[-2]:
        return False
    if len(lows) < 3:
        return None if lows else False
    return True if lows[-2] > lows[-3] + GROWN and lows[-1] >= lows[-2] else None


def _found(room: RoomView, now: float) -> Iterator[Trouble]:
    silent = silent_for(room, now)
    if room.last_seen is None:
        yield Trouble(code="never-called", need="visit")
        return
    if room.failed:
        yield Trouble(code="lessons-failed", need="look", number=room.failed)
    said = fresh(room, now)
    if said is not None:
        yield from _ailing(room, said)
    elif silent > FRESH:
        yield from _silent(room, silent, now)


def _silent(room: RoomView, silent: float, now: float) -> Iterator[Trouble]:
    health = room.health
    waiting = health.waiting if health is not None else 0
    facts: dict[str, Any] = {"seconds": silent, "bytes": waiting, "number": room.receiving}
    due = health is not None and health.next_begin is not None and health.next_begin + MISSED < now
    amid = health is not None and health.state in _ON
    unfinished = bool(waiting or room.receiving)
    if amid or due or (unfinished and silent > NIGHT) or silent > WEEK:
        yield Trouble(code="room-silent", need="visit", **facts)
    elif unfinished or silent > NIGHT:
        yield Trouble(code="room-quiet", need="look", **facts)


def _ailing(room: RoomView, said: Health) -> Iterator[Trouble]:
    if said.state == "silent":
        yield Trouble(code="recorder-down", need="visit")
        return
    on = said.state in _ON
    wrong = [each.label or each.id for each in said.sources if each.problem or each.state in ("lost", "stalled")]
    if wrong:
        yield Trouble(code="lesson-without" if on else "source-down", need="visit", names=wrong)
    elif said.state == "cannot-record":
        yield Trouble(code="cannot-record", need="visit")
    elif said.finding == "selftest":
        yield Trouble(code="source-down", need="visit", names=[said.finding_of] if said.finding_of else [])
    if on and said.finding in _SOUNDLESS:
        yield Trouble(code="lesson-silent", need="visit", names=[said.finding_of] if said.finding_of else [])
    elif on and said.finding.startswith(_POOR):
        yield Trouble(code="lesson-poor", need="look", names=[said.finding_of], finding=said.finding)
    if said.disk_hours is not None and said.disk_hours < FEW_HOURS:
        yield Trouble(code="disk-filling", need="visit", seconds=3600 * said.disk_hours)
    if abs(said.clock_ahead) > CLOCK_WRONG:
        yield Trouble(code="clock-wrong", need="look", seconds=said.clock_ahead)
    if said.problem and said.waiting:
        yield Trouble(code="cannot-send", need="look", bytes=said.waiting)
    if _behind(said.version, room.wanted) and said.received - (room.released or 0.0) > BEHIND:
        yield Trouble(code="version-behind", need="look", names=[room.wanted])
    if grows(room.lows):
        yield Trouble(code="backlog-growing", need="look", bytes=said.waiting)


def _behind(runs: str, wanted: str) -> bool:
    """Not where a stick has brought something newer; agents of others run no version of ours."""
    try:
        return bool(runs and wanted) and Version(runs) < Version(wanted)
    except InvalidVersion:
        return False


WORST_FIRST: tuple[TroubleCode, ...] = (
    "lesson-silent",
    "lesson-without",
    "recorder-down",
    "cannot-record",
    "room-silent",
    "disk-filling",
    "source-down",
    "never-called",
    "lesson-poor",
    "cannot-send",
    "lessons-failed",
    "backlog-growing",
    "room-quiet",
    "clock-wrong",
    "version-behind",
)
"""A lesson that is lost while one reads comes before the next one, and that before all that can wait."""
_RANK = {code: rank for rank, code in enumerate(WORST_FIRST)}


@dataclass(frozen=True, slots=True)
class Rule:
    """after: seconds for which it must hold before it is an alarm; calm: for which it must be over before it is none.
    over: whether it is, by evidence; what is neither so nor over stays as it was."""

    after: float
    calm: float
    over: Callable[[RoomView, Health, float], bool]


def _not_so(code: TroubleCode) -> Callable[[RoomView, Health, float], bool]:
    return lambda room, said, now: all(found.code != code for found in _ailing(room, said))


ALARMS: dict[TroubleCode, Rule] = {
    "room-silent": Rule(0.0, 300.0, lambda room, said, now: True),
    "recorder-down": Rule(180.0, 60.0, lambda room, said, now: said.state != "silent"),
    "lesson-silent": Rule(60.0, 60.0, _not_so("lesson-silent")),
    "lesson-without": Rule(60.0, 60.0, _not_so("lesson-without")),
    "disk-filling": Rule(120.0, 0.0, lambda room, said, now: (said.disk_hours or 0.0) > ENOUGH_HOURS),
    "clock-wrong": Rule(300.0, 60.0, lambda room, said, now: abs(said.clock_ahead) < CLOCK_RIGHT),
    "backlog-growing": Rule(0.0, 0.0, lambda room, said, now: grows(room.lows) is False),
}


def holds(code: TroubleCode, room: RoomView, now: float) -> Trouble | bool | None:
    """The trouble while there is one, False when it is over, None when nobody can say: then it is as it was."""
    if room.revoked:
        return False
    found = next((each for each in room.troubles if each.code == code), None)
    if found is not None:
        return found
    said = fresh(room, now)
    return False if said is not None and ALARMS[code].over(room, said, now) else None
