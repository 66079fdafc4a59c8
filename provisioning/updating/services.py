"""The room's services as an update needs them: begin again with what ``current`` names, and say whether they live."""

from __future__ import annotations

import subprocess
from typing import Protocol

from provisioning.updating.errors import UpdateError

ROOM, SYNC, PANEL = "darsbox-room.service", "darsbox-sync.service", "darsbox-kiosk.service"
MOST_RESTARTS = 5
"""Of a service since it was begun anew: more, and it will not stay up however long one waits."""


class Services(Protocol):
    def restart(self) -> None:
        """Raises UpdateError."""
        ...

    def falling(self) -> str:
        """Which of them ends again and again, as one sentence; "" while none does. Raises UpdateError."""
        ...

    def ailing(self) -> str:
        """Which of them does not live, as one sentence; "" when all do. Raises UpdateError."""
        ...


class Systemd:
    def restart(self) -> None:
        """The daemon is killed, not stopped: it is made for that, and a lesson that somebody begins in this very second
        goes on in its keepers, where a stop would end it."""
        _systemctl("kill", "--kill-whom=main", "--signal=KILL", ROOM)
        # What was given up, or stood still, was not there to be killed; and its restarts are counted from here.
        _systemctl("reset-failed", ROOM, SYNC)
        _systemctl("start", "--no-block", ROOM)
        _systemctl("try-restart", "--no-block", SYNC)
        # Its page is of the version before. There is none in a room without a screen.
        _systemctl("try-restart", "--no-block", PANEL)

    def falling(self) -> str:
        for unit in (ROOM, SYNC):
            count = _systemctl("show", "--property=NRestarts", "--value", unit).stdout.strip()
            if count.isdigit() and int(count) > MOST_RESTARTS:
                return f"{unit} ended {count} times."
        return ""

    def ailing(self) -> str:
        # One that is not enabled in this room need not live.
        dead = [unit for unit in (ROOM, SYNC) if _holds("is-enabled", unit) and not _holds("is-active", unit)]
        return f"{' and '.join(dead)} ended." if dead else ""


def _holds(question: str, unit: str) -> bool:
    return _systemctl(question, "--quiet", unit).returncode == 0


def _systemctl(*words: str) -> subprocess.CompletedProcess[str]:
    """Raises UpdateError."""
    command = ["systemctl", *words]
    try:
        return subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UpdateError("systemd does not answer; look at the machine with: systemctl status") from error
