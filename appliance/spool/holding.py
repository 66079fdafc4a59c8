"""Who records a source: the process that holds the lock on ``keeper.pid`` in the source's folder.

The kernel drops the lock with the process, however that ends, so the file is never believed after a crash. Standard
library only: the keeper uses it.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

NAME = "keeper.pid"


def hold(folder: Path) -> int:
    """Be the one who records into this folder, as soon as nobody else does. Returns the descriptor that holds the lock,
    until it is closed. Raises OSError."""
    lock = os.open(folder / NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    fcntl.flock(lock, fcntl.LOCK_EX)
    os.ftruncate(lock, 0)
    os.write(lock, str(os.getpid()).encode())
    return lock


def holder(folder: Path) -> int | None:
    """The process id of who records into this folder now, None if nobody does."""
    try:
        lock = os.open(folder / NAME, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)  # shared, so that two who ask do not see each other
    except BlockingIOError:
        said = os.read(lock, 32)
        return int(said) if said.isdigit() else None  # it has just begun, and will have written at the next look
    finally:
        os.close(lock)
    return None
