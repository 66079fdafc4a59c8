"""Recording keepers that nobody looks after any more.

They outlive the room's daemon on purpose. But when the launcher ends while the daemon is dead, no daemon will come to
take them over, and a camera that goes on recording unseen is the last thing anybody wants.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

MODULE = b"appliance.recorder.keeper"
PATIENCE = 6.0
"""Seconds a keeper gets to finish its take."""


def end_keepers(spool: Path) -> int:
    """Tell every keeper of this spool to finish, and wait until they have; how many there were. What they recorded
    stays, and the next daemon goes on with the lesson or keeps it."""
    found = keepers(spool)
    _signal(found, signal.SIGTERM)
    deadline = time.monotonic() + PATIENCE
    while (left := keepers(spool)) and time.monotonic() < deadline:
        time.sleep(0.05)
    _signal(left, signal.SIGKILL)
    return len(found)


def keepers(spool: Path) -> list[int]:
    """Process ids of the living keepers whose order names a folder of this spool."""
    folder = os.fsencode(spool) + b"/"
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended meanwhile, or is somebody else's
            words = (process / "cmdline").read_bytes().split(b"\0")
            if MODULE in words and any(folder in word for word in words):
                found.append(int(process.name))
    return found


def _signal(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
