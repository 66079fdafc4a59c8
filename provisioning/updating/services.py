"""The room's services as an update needs them: begin again with what ``current`` names, and say whether they live."""

from __future__ import annotations

import subprocess
from typing import Protocol

from provisioning.updating.errors import UpdateError

ROOM, SYNC, PANEL = "darsbox-room.service", "darsbox-sync.service", "darsbox-kiosk.service"


class Services(Protocol):
    def restart(self) -> None:
        """Raises UpdateError."""
        ...

    def ailing(self) -> str:
        """Which of them does not live, as one sentence; "" when all do."""
        ...


class Systemd:
    def restart(self) -> None:
        """The daemon is killed, not stopped: it is made for that, and a lesson that somebody begins in this very second
        goes on in its keepers, where a stop would end it."""
        _systemctl("kill", "--kill-who=main", "--signal=KILL", ROOM)
        # What was given up after too many starts, or stood still, was not there to be killed.
        _systemctl("reset-failed", ROOM, SYNC)
        if _systemctl("start", ROOM):
            raise UpdateError(f"{ROOM} cannot be started; see: journalctl -u {ROOM}")
        _systemctl("try-restart", SYNC)
        # Its page is of the version before. There is none in a room without a screen.
        _systemctl("try-restart", PANEL)

    def ailing(self) -> str:
        # One that is not enabled in this room need not live.
        dead = [unit for unit in (ROOM, SYNC) if not _systemctl("is-enabled", unit) and _systemctl("is-active", unit)]
        return f"{' and '.join(dead)} ended." if dead else ""


def _systemctl(*words: str) -> int:
    """Raises UpdateError."""
    command = ["systemctl", "--quiet", *words]
    try:
        return subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False
        ).returncode
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UpdateError("systemd does not answer; look at the machine with: systemctl status") from error
