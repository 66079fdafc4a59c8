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

from appliance.spool.holding import NAME, holder

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
    """Process ids of the living keepers that record into this spool."""
    found = (holder(file.parent) for file in spool.glob(f"lessons/*/*/{NAME}"))
    return [pid for pid in found if pid is not None]


def _signal(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
