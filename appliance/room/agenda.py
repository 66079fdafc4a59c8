"""What the timetable wants done now, and what of it must be remembered. Pure but for the memory's file.

A lesson that the timetable began is *held*: it ends at its time. One that somebody began by hand is nobody's but
theirs. A lesson of the timetable that was ended by hand, or begun by hand, is *done* and is not begun again; one that a
power cut ended is not done, and is begun again while its time lasts.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from appliance.spool.layout import write_atomically
from media.timetable import Event

EARLY = 15 * 60.0
"""Seconds before its time from which on a lesson begun by hand is taken for the timetable's."""
LATE = LEAST = 60.0
"""A lesson that would begin more than LATE seconds late and last less than LEAST is not worth beginning."""
MOST_EXTRA = 4 * 3600.0
_SLACK = 120.0
"""Seconds: pre-roll, for none was on when it was decided."""
_REMEMBERED = 7 * 86400.0
_MOST_DONE = 500

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Held:
    """A lesson that the timetable began. lesson: its id, "" from the decision until it is known; asked: Unix seconds of
    the room's clock at the decision. end: as the timetable has it; extra: seconds that somebody in the room added."""

    event: Event
    asked: float
    lesson: str = ""
    extra: float = 0.0


@dataclass(slots=True)
class Memory:
    """done: the ends (Unix seconds) of lessons that are not to be begun again, by their keys."""

    held: Held | None = None
    done: dict[str, float] = field(default_factory=dict)

    def finish(self, event: Event, now: float) -> None:
        self.done[event.key] = event.end
        if len(self.done) > _MOST_DONE:
            newest = sorted(self.done.items(), key=lambda item: item[1])[-_MOST_DONE:]
            self.done = dict(newest)
        self.done = {key: end for key, end in self.done.items() if end > now - _REMEMBERED or key == event.key}


def recall(file: Path) -> Memory:
    """What an earlier daemon remembered; nothing when it cannot be read."""
    try:
        body = json.loads(file.read_bytes())
        held = body["held"]
        return Memory(
            Held(**{**held, "event": Event.from_json(held["event"])}) if held else None,
            {str(key): float(end) for key, end in body["done"].items()},
        )
    except FileNotFoundError:
        return Memory()
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        log.warning("%s cannot be read and is passed over: %s", file, error)
        return Memory()


def note(file: Path, memory: Memory) -> None:
    """Raises OSError."""
    held = asdict(memory.held) if memory.held is not None else None
    write_atomically(file, json.dumps({"held": held, "done": memory.done}).encode() + b"\n")


@dataclass(frozen=True, slots=True)
class Running:
    """The lesson that is on. began: Unix seconds, by the clock that the timetable goes by; asked: by the room's."""

    id: str
    began: float
    asked: float


def ends(held: Held, events: Sequence[Event], overrun: float) -> float:
    """Unix seconds at which a held lesson is ended. overrun: seconds that every lesson may take, but for the next."""
    end = held.event.end
    if held.extra:
        return end + held.extra
    following = min((event.begin for event in events if event.begin >= end), default=end + overrun)
    return min(end + overrun, max(end, following))


def attribute(memory: Memory, running: Running | None, seen: str, events: Sequence[Event], now: float) -> Memory:
    """The memory after a look at the room. seen: the held lesson that this daemon has seen run; "" for none."""
    found = Memory(memory.held, dict(memory.done))
    held = found.held
    if held is not None and running is not None and not held.lesson and running.asked >= held.asked - _SLACK:
        held = found.held = replace(held, lesson=running.id)  # the daemon was killed just then
    if held is not None and (running is None or running.id != held.lesson):
        if held.lesson and held.lesson == seen:
            found.finish(held.event, now)
        found.held = None
    elif held is not None:
        changed = next((event for event in events if event.key == held.event.key), held.event)
        if changed != held.event:
            found.held = replace(held, event=changed)
        return found
    if running is not None:
        for event in events:
            if running.began >= event.begin - EARLY and event.begin <= now < event.end and event.key not in found.done:
                found.finish(event, now)
    return found


def to_begin(memory: Memory, events: Sequence[Event], now: float) -> Event | None:
    """The lesson to begin now, where none is on."""
    for event in events:
        late, left = now - event.begin, event.end - now
        if late >= 0 and left > 0 and event.key not in memory.done and not (late > LATE and left < LEAST):
            return event
    return None


def current(events: Sequence[Event], now: float) -> Event | None:
    return next((event for event in events if event.begin <= now < event.end), None)


def following(memory: Memory, events: Sequence[Event], now: float) -> Event | None:
    return next((event for event in events if event.begin > now and event.key not in memory.done), None)
