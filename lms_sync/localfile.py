"""One closed file of the spool, read in order and checked against its SHA-256 while it is read.

The state of the hash is carried along, so that a file is read once; after a resume or a step back, what lies before
is read again. Bytes that rotted on our own disk are found before the last of them is given. Where the receiver proves
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
from collections import deque
from collections.abc import Callable
from operator import itemgetter
from pathlib import Path
from types import TracebackType
from typing import Protocol

WINDOW = 1024 * 1024
"""Bytes of a file in memory at once."""
_SLICE = 4 * WINDOW
"""Bytes read and hashed between two instants at which the agent can be stopped."""
_MARKS = 3
"""Stretches to whose beginning one can step back without reading the file anew: the one that is on its way, the one
after it, and one more."""
Seen = Callable[[memoryview], None]


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

    async def scan(self, offset: int, count: int, seen: Seen, *, checked: bool = True) -> None:
        """Give exactly count bytes from offset to seen, window after window, in a thread. checked: the whole is held
        against what is known of it, once its last byte is among them. Raises LocalFileError."""

    async def again(self, offset: int, count: int) -> bytes:
        """Exactly count bytes from offset, which were scanned before. Raises LocalFileError."""

    async def verify(self) -> None:
        """Hold what is on the disk against what is known of it. Raises LocalFileError."""


class Stretch:
    """Part of a source as the body of a request: a window of it is in memory at a time."""

    def __init__(self, source: Source, offset: int, length: int) -> None:
        self.length = length
        self._source = source
        self._offset = offset
        self._begin, self._window = 0, b""

    async def read(self, at: int, count: int) -> bytes:
        """Bytes from at on, counted from the stretch's first: count of them, or fewer. Raises LocalFileError."""
        if not self._begin <= at < self._begin + len(self._window):
            self._window = await self._source.again(self._offset + at, min(WINDOW, self.length - at))
            self._begin = at
        inside = at - self._begin
        return self._window[inside : inside + count]


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
        self._marks: deque[tuple[int, _Hash]] = deque(maxlen=_MARKS)

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
        """Exactly count bytes from offset; the whole is checked when its last byte is among them.

        Raises FileRotten, FileUnreadable.
        """
        found = bytearray()
        await self.scan(offset, count, found.extend)
        return bytes(found)

    async def scan(self, offset: int, count: int, seen: Seen, *, checked: bool = True) -> None:
        """As ``read``, without all of it in memory. Raises FileRotten, FileUnreadable."""
        if not checked:
            for at in range(offset, offset + count, _SLICE):
                await asyncio.to_thread(self._show, at, min(_SLICE, offset + count - at), seen)
            return
        await self._seek(offset)
        self._marks.append((offset, self._hash.copy()))
        await self._through(offset + count, seen)
        if self._at == self.length:
            self._judge()

    async def again(self, offset: int, count: int) -> bytes:
        """Without a check: for what goes out under the hash that ``scan`` gave. Raises FileRotten, FileUnreadable."""
        return await asyncio.to_thread(self._bytes, offset, count)

    async def verify(self) -> None:
        """Read the whole file again. Raises FileRotten, FileUnreadable."""
        self._at, self._hash = 0, self._fresh()
        await self._seek(self.length)
        self._judge()

    async def _seek(self, offset: int) -> None:
        """Bring the hash to offset: forward by reading, back to the beginning of a late stretch or the file's."""
        if offset < self._at:
            known = max((mark for mark in self._marks if mark[0] <= offset), key=itemgetter(0), default=None)
            self._at, self._hash = (known[0], known[1].copy()) if known is not None else (0, self._fresh())
        await self._through(offset, lambda _: None)

    async def _through(self, end: int, seen: Seen) -> None:
        while self._at < end:
            count = min(_SLICE, end - self._at)
            await asyncio.to_thread(self._show, self._at, count, self._hash.update, seen)
            self._at += count

    def _show(self, offset: int, count: int, *seen: Seen) -> None:
        window = memoryview(bytearray(min(WINDOW, count)))
        for at in range(0, count, WINDOW):
            part = window[: count - at]
            self._fill(part, offset + at)
            for each in seen:
                each(part)

    def _bytes(self, offset: int, count: int) -> bytes:
        try:
            found = os.pread(self._file.fileno(), count, offset)
        except OSError as error:
            raise FileUnreadable(f"{self.path} cannot be read: {error.strerror}.") from error
        if len(found) < count:
            raise FileRotten(f"{self.path} ends before its length; it was cut after it was recorded.")
        return found

    def _fill(self, part: memoryview, offset: int) -> None:
        try:
            while part:
                come = os.preadv(self._file.fileno(), [part], offset)
                if not come:
                    raise FileRotten(f"{self.path} ends before its length; it was cut after it was recorded.")
                part, offset = part[come:], offset + come
        except OSError as error:
            raise FileUnreadable(f"{self.path} cannot be read: {error.strerror}.") from error

    def _judge(self) -> None:
        if self._hash.hexdigest() != self.sha256:
            raise FileRotten(f"{self.path} has changed on the disk since it was recorded.")
