"""Starting, finding again, watching and stopping keepers.

A keeper may be this daemon's child, or the child of a predecessor that was killed; a pidfd watches either.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

from appliance.recorder.keeper import Order

MODULE = "appliance.recorder.keeper"


class KeeperHandle:
    """A living keeper.

    ``ended`` is set when its process is gone; ``code`` is its exit status, None if it was no child.
    """

    def __init__(self, source: str, pid: int, child: subprocess.Popen[bytes] | None) -> None:
        """Raises ProcessLookupError when it is gone already."""
        self.source = source
        self.pid = pid
        self.code: int | None = None
        self.ended = asyncio.Event()
        self._child = child
        self._pidfd = os.pidfd_open(pid)
        asyncio.get_running_loop().add_reader(self._pidfd, self._on_end)

    def stop(self) -> None:
        """Finish the take and end."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if not self.ended.is_set():
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, number)

    def _on_end(self) -> None:
        asyncio.get_running_loop().remove_reader(self._pidfd)
        os.close(self._pidfd)
        if self._child is not None:
            self.code = self._child.wait()
        self.ended.set()


def spawn(order: Order) -> KeeperHandle:
    """Start a keeper in a session of its own, so that neither Ctrl-C nor the daemon's death reaches it."""
    child = subprocess.Popen(
        [sys.executable, "-m", MODULE, order.to_json()],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    return KeeperHandle(order.source, child.pid, child)


def adopt(lesson_dir: Path, source: str) -> KeeperHandle | None:
    """The keeper that still records a source of this lesson, if there is one."""
    try:
        pid = int((lesson_dir / source / "keeper.pid").read_text())
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        # A process id alone may belong to somebody else by now.
        if MODULE.encode() not in words or lesson_dir.name.encode() not in b" ".join(words):
            return None
        return KeeperHandle(source, pid, None)
    except (OSError, ValueError):
        return None
