"""Where the bytes of unfinished uploads lie, until they are whole and go into the store."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from lms_server.catalog.tables import UploadRow
from lms_server.errors import Busy, NotFound, StoreFull

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class Gone(Exception):
    """Bytes of an upload that were durable are not there: lost, or in the store already by another process."""

    def __init__(self, what: str) -> None:
        """what: the upload, or the file or object in which its bytes were."""
        super().__init__(what)
        self.what = what


class Part(Protocol):
    """An upload, open for one request. Synchronous: used from threads."""

    start: int
    """What is durable and noted in the catalogue."""
    end: int
    """What was written."""

    def write(self, piece: bytes | bytearray | memoryview) -> None:
        """Behind what is there. Raises StoreFull."""
        ...

    def commit(self) -> None:
        """Make durable what was written and note it in the catalogue. Raises StoreFull; Busy when another process has
        brought the upload further meanwhile: what was written is forgotten then."""
        ...

    def take_back(self) -> None:
        """Forget what was written since the last commit."""
        ...

    def close(self) -> None: ...


class Whole(Protocol):
    """An upload of which every byte is here."""

    def read(self) -> Iterator[bytes]:
        """All of it, in pieces. Raises Gone."""
        ...

    def adopt(self, sha256: str) -> None:
        """Into the store under the name of its content; what is there already is no error. Raises Gone, StoreFull."""
        ...


class Parts(Protocol):
    """The truth about an upload is its offset in the catalogue: whatever lies beyond does not count, so a request
    killed at any instant leaves nothing behind. It moves by comparison with where it was, so that of two processes that
    take the same bytes one wins and the other is told."""

    def open(self, row: UploadRow) -> Part:
        """Raises Busy when another process writes it or has written, Gone when durable bytes are missing, StoreFull."""
        ...

    def whole(self, row: UploadRow) -> AbstractContextManager[Whole]:
        """To be proven and put into the store while the block lasts. Raises Gone, Busy."""
        ...

    def join(self, row: UploadRow, parts: Sequence[UploadRow]) -> None:
        """An upload without bytes gets those of whole parts, in this order, durable and noted; the parts stay as they
        are. What fails changes nothing. Raises StoreFull, Busy, and Gone with the part that lost bytes."""
        ...

    def forget(self, upload_id: str) -> None:
        """The upload is stored, or no longer in the catalogue: its bytes are of no use."""
        ...

    def sweep(self) -> None:
        """Remove what killed processes have left."""
        ...


def overtaken() -> Busy:
    return Busy("upload-moved", "Another process has brought this upload further; ask for its offset.")


def lost() -> NotFound:
    return NotFound("upload-lost", "The server lost bytes of this upload; begin it again.")


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


def write_out(handle: int, piece: bytes | bytearray | memoryview, reserve: int) -> None:
    """All of it, at the file's place. Raises StoreFull when the disk has less than reserve bytes left."""
    with full_disk_told():
        disk = os.fstatvfs(handle)
        if disk.f_bavail * disk.f_frsize < reserve + len(piece):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        view = memoryview(piece)
        while view:
            view = view[os.write(handle, view) :]
