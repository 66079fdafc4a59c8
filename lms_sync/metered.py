"""Whether each byte of the link costs money, as NetworkManager has been told or guesses (a phone's hot spot, say).

Asked over D-Bus through ``busctl``, which comes with systemd: property ``Metered`` of org.freedesktop.NetworkManager,
an NMMetered: 0 unknown, 1 yes, 2 no, 3 probably, 4 probably not. A room without NetworkManager has nobody to ask, and
its link counts as free: room.toml says otherwise with ``metered = "yes"``.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable

AGAIN, NOBODY = 60.0, 600.0
"""Seconds between two questions, and where nobody answered."""
PATIENCE = 2.0
_NAME = "org.freedesktop.NetworkManager"
COMMAND = (
    "busctl",
    "--system",
    "--auto-start=no",
    f"--timeout={PATIENCE:.0f}",
    "get-property",
    _NAME,
    "/org/freedesktop/NetworkManager",
    _NAME,
    "Metered",
)
_ANSWERS = {"u 0": False, "u 1": True, "u 2": False, "u 3": True, "u 4": False}


def ask(command: tuple[str, ...] = COMMAND) -> bool | None:
    """None when nobody answers, or not in time."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE + 1, check=False)
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        return None
    return _ANSWERS.get(done.stdout.strip()) if done.returncode == 0 else None


class Meter:
    """The last answer. ask, steady: for tests."""

    def __init__(self, ask: Callable[[], bool | None] = ask, steady: Callable[[], float] = time.monotonic) -> None:
        self._ask = ask
        self._steady = steady
        self._due = float("-inf")
        self._metered = False

    def __call__(self) -> bool:
        """Asks again once a minute, which takes some milliseconds."""
        now = self._steady()
        if now >= self._due:
            found = self._ask()
            self._metered = bool(found)
            self._due = now + (NOBODY if found is None else AGAIN)
        return self._metered
