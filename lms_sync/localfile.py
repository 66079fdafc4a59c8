"""One closed file of the spool, read in order and checked against its SHA-256 while it is read.

The state of the hash is carried along, so that a file is read once; after a resume or a step back, what lies before
is read again. Bytes that rotted on our own disk are found before the last of them is sent. Where the receiver proves
the whole itself, nothing of that is needed: a file that it refuses is held against its hash then.

    LocalFileError          code, detail
    ├── FileMissing         it is not there, or is no plain file
    ├── FileRotten          its length or SHA-256 is not what the ledger says
    └── FileUnreadable      the disk answers with an error
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import stat
from pathlib import Path
from types import TracebackType
from typing import Protocol

_SLICE = 4 * 1024 * 1024
"""Bytes read and hashed between two instants at which the agent can be stopped."""


class LocalFileError(Exception):
    code = "local-file"

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class FileMissing(LocalFileError):
    code = "local-file-missing"


class FileRotten(LocalFileError):
    code = "local-file-rotten"


class FileUnreadable(LocalFileError):
    code = "local-file-unreadable"


class Source(Protocol):
    """Bytes that can be sent."""

    async def fill(self, into: memoryview, offset: int, *, checked: bool = True) -> None:
        """Fill it with the bytes from offset on. checked: the whole is held against what is known of it, once its last
        byte is among them. Raises LocalFileError."""

    async def verify(self) -> None:
        """Hold what is on the disk against what is known of it. Raises LocalFileError."""


class _Hash(Protocol):
    def update(self, data: memoryview, /) -> None: ...
    def copy(self) -> _Hash: ...
    def hexdigest(self) -> str: ...


class LocalFile:
    """Use as a context manager. length in bytes, sha256 hex, as the ledger has them."""

    def __init__(self, path: Path, length: int, sha256: str) -> None:
        """Raises FileMissing, FileRotten when its length is another, FileUnreadable."""
        self.path = path
        self.length = length
        self.sha256 = sha256
        try:
            facts = path.lstat()
            if not stat.S_ISREG(facts.st_mode):
                raise FileMissing(f"{path} is not a plain file.")
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError as error:
            raise FileMissing(f"{path} is gone from the disk.") from error
        except OSError as error:
            raise FileUnreadable(f"{path} cannot be opened: {error.strerror}.") from error
        self._file = os.fdopen(descriptor, "rb", buffering=0)
        if facts.st_size != length:
            self._file.close()
            raise FileRotten(f"{path} has {facts.st_size} bytes on the disk, but {length} were recorded.")
        self._at, self._hash = 0, self._fresh()
        self._before: tuple[int, _Hash] = 0, self._fresh()

    def __enter__(self) -> LocalFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    @staticmethod
    def _fresh() -> _Hash:
        return hashlib.sha256()

    async def read(self, offset: int, count: int) -> bytes:
        """Exactly count bytes from offset. Raises FileRotten, FileUnreadable."""
        found = bytearray(count)
        await self.fill(memoryview(found), offset)
        return bytes(found)

    async def fill(self, into: memoryview, offset: int, *, checked: bool = True) -> None:
        """Fill it with the bytes from offset on; checked: the whole is, when its last byte is among them.

        Raises FileRotten, FileUnreadable.
        """
        if not checked:
            await asyncio.to_thread(self._fill, into, offset)
            return
        await self._seek(offset)
        self._before = offset, self._hash.copy()
        await self._slice(into, offset)
        if self._at == self.length:
            self._judge()

    async def verify(self) -> None:
        """Read the whole file again. Raises FileRotten, FileUnreadable."""
        self._at, self._hash = 0, self._fresh()
        await self._seek(self.length)
        self._judge()

    async def _seek(self, offset: int) -> None:
        """Bring the hash to offset: forward by reading, back to the last chunk's beginning or the file's."""
        if offset < self._at:
            at, state = self._before
            self._at, self._hash = (at, state.copy()) if at <= offset else (0, self._fresh())
        scratch = memoryview(bytearray(min(_SLICE, offset - self._at)))
        while self._at < offset:
            await self._slice(scratch[: offset - self._at], self._at)

    async def _slice(self, into: memoryview, offset: int) -> None:
        state = self._hash
        await asyncio.to_thread(self._fill_and_hash, into, offset, state)
        self._at = offset + len(into)

    def _fill_and_hash(self, into: memoryview, offset: int, state: _Hash) -> None:
        self._fill(into, offset)
        state.update(into)

    def _fill(self, into: memoryview, offset: int) -> None:
        try:
            while into:
                count = os.preadv(self._file.fileno(), [into], offset)
                if not count:
                    raise FileRotten(f"{self.path} ends before its length; it was cut after it was recorded.")
                into, offset = into[count:], offset + count
        except OSError as error:
            raise FileUnreadable(f"{self.path} cannot be read: {error.strerror}.") from error

    def _judge(self) -> None:
        if self._hash.hexdigest() != self.sha256:
            raise FileRotten(f"{self.path} has changed on the disk since it was recorded.")
