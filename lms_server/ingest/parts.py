"""The file of an unfinished upload. Its truth is the durable offset in the database: whatever lies beyond is cut off
before anything is written, so a request killed at any instant leaves nothing behind."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from lms_server.errors import Busy, NotFound, ServerError, StoreFull
from lms_server.store.folder import sync_folder

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class Part:
    """Open for one request, locked against other processes. Synchronous: used from threads."""

    def __init__(self, path: Path, offset: int, still: Callable[[], bool] = lambda: True) -> None:
        """still: asked once nobody else can write, whether the upload yet stands at this offset; an import from a stick
        may have brought it further.

        Raises Busy when another process writes it or has written, NotFound when durable bytes are missing, StoreFull.
        """
        self.start = self.end = offset
        fresh = not path.exists()
        with full_disk_told():
            self._handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            with full_disk_told():
                self._lock_and_cut(path, offset, fresh, still)
        except (OSError, ServerError):
            os.close(self._handle)
            raise

    def _lock_and_cut(self, path: Path, offset: int, fresh: bool, still: Callable[[], bool]) -> None:
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Busy("upload-busy", "Another request is writing this upload; try again.") from error
        if not still():
            if fresh:
                path.unlink(missing_ok=True)
            raise Busy("upload-moved", "Another process has brought this upload further; ask for its offset.")
        size = os.fstat(self._handle).st_size
        if size < offset:
            raise NotFound("upload-lost", "The server lost bytes of this upload; begin it again.")
        if size > offset:
            os.ftruncate(self._handle, offset)
        os.lseek(self._handle, offset, os.SEEK_SET)
        if fresh:
            sync_folder(path.parent)

    def write(self, piece: bytes | bytearray, reserve: int) -> None:
        """Behind what is there. Raises StoreFull when the disk has less than reserve bytes left."""
        with full_disk_told():
            disk = os.fstatvfs(self._handle)
            if disk.f_bavail * disk.f_frsize < reserve + len(piece):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            view = memoryview(piece)
            while view:
                view = view[os.write(self._handle, view) :]
        self.end += len(piece)

    def sync(self) -> None:
        with full_disk_told():
            os.fsync(self._handle)
        self.start = self.end

    def take_back(self) -> None:
        """Forget what was written since the last sync."""
        os.ftruncate(self._handle, self.start)
        os.lseek(self._handle, self.start, os.SEEK_SET)
        self.end = self.start

    def close(self) -> None:
        os.close(self._handle)


@contextmanager
def full_disk_told() -> Iterator[None]:
    """A full disk becomes StoreFull; anything else is a fault and stays what it is."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise StoreFull(
                "server-full", "The server's disk is full; free some room on it, the upload then goes on."
            ) from error
        raise


def file_sha256(path: Path) -> str:
    """Hex; reads the whole file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
