"""One lms-pull at a time in a lesson's folder: two that append to the same half file would spoil it for both."""

from __future__ import annotations

import errno
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import AtWork

_NO_LOCKS_HERE = {errno.ENOLCK, errno.ENOTSUP, errno.EINVAL, errno.ENOSYS}
"""What network file systems without locks say. Going on is safe there too: a spoilt file is found out by its length
and its SHA-256, and never gets its name."""


@contextmanager
def alone(file: Path) -> Iterator[None]:
    """Hold file as ours until the block ends; a program that dies lets go of it. Raises AtWork, OSError."""
    with file.open("r+b") as handle:
        try:
            _lock(handle.fileno())
        except OSError as error:
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK):
                raise AtWork(
                    f"Another lms-pull is at work in {file.parent}; let it finish, then run the same command again."
                ) from error
            if error.errno not in _NO_LOCKS_HERE:
                raise
        yield


if sys.platform == "win32":
    import msvcrt
    import os

    def _lock(handle: int) -> None:
        os.lseek(handle, 1 << 20, os.SEEK_SET)  # beyond its end, so that others can still read the file
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
