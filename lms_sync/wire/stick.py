"""A folder on a stick that came from somewhere: whatever lies on it, nothing outside of it is read or written.

Folders are held by descriptor and names are single names, so a link, a pipe or a name that climbs is never followed.
What is written is durable before it has its name.

    OSError
    └── NotPlain        a link, a pipe, a device or a folder stands where a file or a folder should; one sentence
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FILE = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
"""A pipe that nobody writes to must not hold us."""


class NotPlain(OSError):
    """strerror is one sentence."""

    def __init__(self, name: str) -> None:
        super().__init__(errno.EINVAL, f"{name!r} is a link or no plain file, and is not followed", name)


class Folder:
    """Use as a context manager."""

    def __init__(self, descriptor: int) -> None:
        self._here = descriptor

    @classmethod
    def at(cls, path: Path) -> Folder:
        """Where the person says the stick is; a link up to there is theirs. Raises OSError."""
        return cls(os.open(path, _FOLDER))

    def __enter__(self) -> Folder:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._here)

    def names(self) -> list[str]:
        """Sorted. Raises OSError."""
        return sorted(os.listdir(self._here))

    def folder(self, name: str, *, make: bool = False) -> Folder:
        """Raises FileNotFoundError, NotPlain, OSError."""
        _single(name)
        if make:
            with suppress(FileExistsError):
                os.mkdir(name, 0o755, dir_fd=self._here)
                self.sync()
        with _unfollowed(name):
            return Folder(os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=self._here))

    def open(self, name: str) -> BinaryIO:
        """To read. Raises FileNotFoundError, NotPlain, OSError."""
        _single(name)
        with _unfollowed(name):
            descriptor = os.open(name, os.O_RDONLY | _FILE, dir_fd=self._here)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise NotPlain(name)
        return os.fdopen(descriptor, "rb")

    def read(self, name: str, most: int) -> bytes:
        """The whole file, or one byte more than most when it is longer. Raises FileNotFoundError, NotPlain, OSError."""
        with self.open(name) as file:
            return file.read(most + 1)

    @contextmanager
    def create(self, name: str) -> Iterator[BinaryIO]:
        """A new file to write; durable when the block has ended, gone when that failed. Raises OSError."""
        _single(name)
        self.remove(name)
        descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _FILE, 0o644, dir_fd=self._here)
        try:
            with os.fdopen(descriptor, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
                # What is read back must come from the stick, not from memory.
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        except BaseException:
            with suppress(OSError):  # a stick that was pulled out has nothing to be tidied
                self.remove(name)
            raise

    def write(self, name: str, data: bytes) -> None:
        """A whole file under its name, durable; a torn one never has that name. Raises OSError."""
        _single(name)
        half = f"{name}.new"
        with self.create(half) as file:
            file.write(data)
        os.rename(half, name, src_dir_fd=self._here, dst_dir_fd=self._here)
        self.sync()

    def remove(self, name: str) -> None:
        """What is not here is no error. Raises OSError."""
        _single(name)
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=self._here)

    def sync(self) -> None:
        os.fsync(self._here)

    def free(self) -> tuple[int, int]:
        """Bytes free, and bytes of the smallest piece the file system hands out."""
        disk = os.fstatvfs(self._here)
        return disk.f_bavail * disk.f_frsize, disk.f_frsize

    @property
    def device(self) -> int:
        return os.fstat(self._here).st_dev


def _single(name: str) -> None:
    if "/" in name or "\0" in name or name in {"", ".", ".."}:
        raise NotPlain(name)


@contextmanager
def _unfollowed(name: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.ENOTDIR, errno.ENXIO}:
            raise NotPlain(name) from error
        raise
