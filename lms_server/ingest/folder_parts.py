"""Unfinished uploads as files: appended to, synced, cut to the durable offset before anything is written."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from lms_server.catalog.tables import UploadRow
from lms_server.catalog.uploads import Uploads
from lms_server.errors import BadRequest, Busy, ServerError
from lms_server.ingest.parts import Gone, full_disk_told, overtaken, write_out
from lms_server.store import Store
from lms_server.store.folder import sync_folder

PIECE = 1024 * 1024
AHEAD = 4 * 1024 * 1024
"""Bytes after which the disk is set to work."""
FORGOTTEN = 86400.0
"""Seconds after which a file that belongs to no upload was left by a killed process."""
SUFFIX = ".part"


class FolderParts:
    """On the store's file system, so that finishing is a rename. A lock on the file keeps other processes of this
    machine away, such as an import from a stick."""

    def __init__(self, folder: Path, store: Store, uploads: Uploads, reserve: int) -> None:
        """reserve: bytes of the disk that stay free."""
        self._folder = folder
        self._store = store
        self._uploads = uploads
        self._reserve = reserve
        folder.mkdir(parents=True, exist_ok=True)

    def open(self, row: UploadRow) -> FilePart:
        return FilePart(self._path(row.id), row, self._uploads, self._reserve)

    @contextmanager
    def whole(self, row: UploadRow) -> Iterator[_WholeFile]:
        path = self._path(row.id)
        if row.length == 0 and row.state == "open":
            path.touch(mode=0o600)
        try:
            handle = os.open(path, os.O_RDWR)
        except FileNotFoundError as error:
            raise Gone(row.id) from error
        try:
            _lock(handle)
            if os.fstat(handle).st_size < row.length:
                raise Gone(row.id)
            yield _WholeFile(path, self._store)
        finally:
            os.close(handle)

    def join(self, row: UploadRow, parts: Sequence[UploadRow]) -> None:
        whole = self.open(row)
        try:
            for part in parts:
                self._copy(part, whole)
            whole.sync()
            if not self._uploads.joins(row.id, parts):
                raise overtaken()
        except (ServerError, Gone):
            whole.take_back()
            raise
        finally:
            whole.close()

    def _copy(self, part: UploadRow, whole: FilePart) -> None:
        left = part.length
        try:
            with self._path(part.id).open("rb") as file:
                while left and (piece := file.read(min(left, PIECE))):
                    whole.write(piece)
                    left -= len(piece)
        except FileNotFoundError as error:
            raise Gone(part.id) from error
        if left:
            raise Gone(part.id)

    def forget(self, upload_id: str) -> None:
        self._path(upload_id).unlink(missing_ok=True)

    def sweep(self) -> None:
        known = self._uploads.open_ids()
        for path in self._folder.glob(f"*{SUFFIX}"):
            if path.stem not in known and time.time() - path.stat().st_mtime > FORGOTTEN:
                path.unlink(missing_ok=True)

    def _path(self, upload_id: str) -> Path:
        if not upload_id.replace("-", "").replace("_", "").isalnum():
            raise BadRequest("bad-upload", "That is not the name of an upload.")
        return self._folder / f"{upload_id}{SUFFIX}"


class FilePart:
    """Open for one request, locked against other processes."""

    def __init__(self, path: Path, row: UploadRow, uploads: Uploads, reserve: int) -> None:
        """Raises Busy, Gone, StoreFull."""
        self.start = self.end = self._begun = row.offset
        self._row = row
        self._uploads = uploads
        self._reserve = reserve
        fresh = not path.exists()
        with full_disk_told():
            self._handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            with full_disk_told():
                self._lock_and_cut(path, fresh)
        except (OSError, ServerError, Gone):
            os.close(self._handle)
            raise

    def _lock_and_cut(self, path: Path, fresh: bool) -> None:
        _lock(self._handle)
        if not self._stands():
            if fresh:
                path.unlink(missing_ok=True)
            raise overtaken()
        size = os.fstat(self._handle).st_size
        if size < self.start:
            raise Gone(self._row.id)
        if size > self.start:
            os.ftruncate(self._handle, self.start)
        os.lseek(self._handle, self.start, os.SEEK_SET)
        if fresh:
            sync_folder(path.parent)

    def _stands(self) -> bool:
        """Asked once nobody else can write: an import from a stick may have brought the upload further."""
        now = self._uploads.get(self._row.id)
        return now is not None and (now.state, now.offset) == (self._row.state, self._row.offset)

    def write(self, piece: bytes | bytearray | memoryview) -> None:
        write_out(self._handle, piece, self._reserve)
        self.end += len(piece)
        if self.end - self._begun >= AHEAD:
            # Linux begins to write it now, so that there is little to wait for when it is to be durable.
            os.posix_fadvise(self._handle, self._begun, self.end - self._begun, os.POSIX_FADV_DONTNEED)
            self._begun = self.end

    def sync(self) -> None:
        with full_disk_told():
            os.fsync(self._handle)

    def commit(self) -> None:
        self.sync()
        if not self._uploads.advance(self._row.id, self.start, self.end):
            self.end = self.start
            raise overtaken()
        self.start = self.end

    def take_back(self) -> None:
        os.ftruncate(self._handle, self.start)
        os.lseek(self._handle, self.start, os.SEEK_SET)
        self.end = self._begun = self.start

    def close(self) -> None:
        os.close(self._handle)


class _WholeFile:
    def __init__(self, path: Path, store: Store) -> None:
        self._path = path
        self._store = store

    def read(self) -> Iterator[bytes]:
        with self._gone_told(), self._path.open("rb") as file:
            while piece := file.read(PIECE):
                yield piece

    def adopt(self, sha256: str) -> None:
        with self._gone_told(), full_disk_told():
            self._store.adopt(self._path, sha256)

    @contextmanager
    def _gone_told(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            raise Gone(str(self._path)) from error


def _lock(handle: int) -> None:
    """Raises Busy."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise Busy("upload-busy", "Another request is writing this upload; try again.") from error
