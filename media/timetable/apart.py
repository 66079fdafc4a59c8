"""A timetable read by a process of its own: ``command()`` is given ``question(...)``, and ``understood`` what it says.

``read_apart`` does all three, and blocks; who has an event loop starts the process there.
"""

from __future__ import annotations

import json
import subprocess
import sys

from media.timetable import BadTimetable, Timetable

MEMORY = 1 << 30
"""Bytes of address space."""
SECONDS = 20
"""Of the processor."""
PATIENCE = 120.0
"""Seconds by the clock: the machine may be busy."""
SLOW = "The timetable takes too long to read; export a shorter time, with simpler repetitions."


def command() -> list[str]:
    return [sys.executable, "-m", "media.timetable"]


def question(calendar: bytes, since: float, until: float, *, seconds: int = SECONDS) -> bytes:
    return json.dumps({"since": since, "until": until, "seconds": seconds}).encode() + b"\n" + calendar


def understood(said: bytes) -> Timetable:
    """What the process wrote; nothing when it was ended. Raises BadTimetable."""
    if not said:
        raise BadTimetable(SLOW)
    try:
        found = json.loads(said)
        if "problem" not in found:
            return Timetable.from_json(found)
        problem = str(found["problem"])
    except (ValueError, KeyError, TypeError) as error:
        raise BadTimetable(SLOW) from error
    raise BadTimetable(problem)


def read_apart(calendar: bytes, since: float, until: float, *, seconds: int = SECONDS) -> Timetable:
    """As ``reading.read``. seconds: of the processor, that it may take. Raises BadTimetable, OSError."""
    asked = question(calendar, since, until, seconds=seconds)
    try:
        done = subprocess.run(command(), input=asked, capture_output=True, timeout=PATIENCE, check=False)
    except subprocess.TimeoutExpired as error:
        raise BadTimetable(SLOW) from error
    return understood(done.stdout)
