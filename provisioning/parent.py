"""The ``make`` that started the launcher, watched so that stopping make stops the room too.

make passes SIGTERM on to what it runs but not SIGINT: it relies on a terminal sending that to both, and then waits. An
editor's stop button or ``kill -INT`` reaches make alone, which would wait for ever. A make that was interrupted no
longer catches SIGINT, and the kernel shows that.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path

_INTERVAL = 0.25
_SIGINT_BIT = 1 << (signal.SIGINT - 1)


class Parent:
    """Calls ``interrupted`` once when make was interrupted or is gone. Any other parent is left alone."""

    def __init__(self, interrupted: Callable[[], None]) -> None:
        self._interrupted = interrupted
        self._pid = os.getppid()

    async def watch(self) -> None:
        """Ends when it has called, or at once when there is nothing to watch."""
        name, catches = look(self._pid)
        if name not in {"make", "gmake"} or not catches:
            return
        while True:
            await asyncio.sleep(_INTERVAL)
            if os.getppid() != self._pid or not look(self._pid)[1]:
                self._interrupted()
                return


def look(pid: int) -> tuple[str, bool]:
    """A process's name, and whether it catches SIGINT; ("", False) when it cannot be seen."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return "", False
    fields = dict(line.partition(":\t")[::2] for line in status.splitlines())
    return fields.get("Name", ""), bool(int(fields.get("SigCgt", "0"), 16) & _SIGINT_BIT)
