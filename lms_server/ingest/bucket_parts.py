"""Unfinished uploads in a bucket, where nothing can be appended to: every stretch that was made durable is an object,
noted in the same transaction that moves the offset. At the end they are joined inside the bucket."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from lms_server.catalog.tables import UploadPiece, UploadRow
from lms_server.catalog.uploads import Uploads
from lms_server.ingest.parts import Gone, full_disk_told, overtaken
from lms_server.store.bucket import Bucket, Missing, Stretch
from lms_server.store.s3 import key_of

PREFIX = "uploads/"
FORGOTTEN = 86400.0
"""Seconds after which an object that is not noted, or a joining that was not done, was left by a killed process."""


class BucketParts:
    """Nobody is kept away: who notes his bytes first has won, and the others' objects are deleted."""

    def __init__(self, bucket: Bucket, uploads: Uploads, spool: Path, clock: Callable[[], float]) -> None:
        """spool: a folder of this machine, in which a body waits until it is sent on."""
        self._bucket = bucket
        self._uploads = uploads
        self._spool = spool
        self._clock = clock
        spool.mkdir(parents=True, exist_ok=True)

    def open(self, row: UploadRow) -> BucketPart:
        return BucketPart(self._bucket, row, self._uploads, self._spool)

    @contextmanager
    def whole(self, row: UploadRow) -> Iterator[_WholeObjects]:
        pieces = self._uploads.pieces(row.id)
        if sum(piece.length for piece in pieces) != row.length:
            raise Gone(row.id)
        yield _WholeObjects(self._bucket, pieces, row.length)

    def join(self, row: UploadRow, parts: Sequence[UploadRow]) -> None:
        if not self._uploads.joins(row.id, parts):
            raise overtaken()

    def forget(self, upload_id: str) -> None:
        self._bucket.delete(self._uploads.release_pieces(upload_id))

    def sweep(self) -> None:
        for upload_id in self._uploads.with_useless_pieces():
            self.forget(upload_id)
        before = self._clock() - FORGOTTEN
        for page in self._bucket.list(PREFIX):
            old = [found.key for found in page if found.made < before]
            known = self._uploads.known_pieces(old) if old else set()
            self._bucket.delete([key for key in old if key not in known])
        self._bucket.abort_begun_before(before)


class BucketPart:
    """What a request brings waits in a file without a name until it is committed: memory is bounded, and a killed
    process leaves nothing."""

    def __init__(self, bucket: Bucket, row: UploadRow, uploads: Uploads, spool: Path) -> None:
        self.start = self.end = row.offset
        self._bucket = bucket
        self._row = row
        self._uploads = uploads
        with full_disk_told():
            # Unbuffered: a full disk is told at the write itself.
            self._file = tempfile.TemporaryFile(dir=spool, buffering=0)  # noqa: SIM115  closed by close()

    def write(self, piece: bytes | bytearray | memoryview) -> None:
        with full_disk_told():
            view = memoryview(piece)
            while view:
                view = view[self._file.write(view) :]
        self.end += len(piece)

    def commit(self) -> None:
        length = self.end - self.start
        key = ""
        if length:
            key = f"{PREFIX}{self._row.id}/{self.start}-{secrets.token_hex(8)}"
            with full_disk_told():
                self._file.seek(0)
                self._bucket.upload(key, self._file, length)
        if not self._uploads.advance(self._row.id, self.start, self.end, key):
            self.take_back()
            if key:
                self._bucket.delete([key])
            raise overtaken()
        self.start = self.end
        self._empty()

    def take_back(self) -> None:
        self.end = self.start
        self._empty()

    def _empty(self) -> None:
        self._file.seek(0)
        self._file.truncate()

    def close(self) -> None:
        self._file.close()


class _WholeObjects:
    def __init__(self, bucket: Bucket, pieces: Sequence[UploadPiece], length: int) -> None:
        self._bucket = bucket
        self._pieces = pieces
        self._length = length

    def read(self) -> Iterator[bytes]:
        with _gone_told():
            for piece in self._pieces:
                yield from self._bucket.read(piece.key)

    def adopt(self, sha256: str) -> None:
        """Raises Gone also when what was joined has another length: then the store has mixed something up."""
        key = key_of(sha256)
        if self._bucket.size(key) == self._length:
            return
        with _gone_told():
            if self._pieces:
                self._bucket.join(key, [Stretch(piece.key, piece.length) for piece in self._pieces])
            else:
                self._bucket.put(key, b"")
        if self._bucket.size(key) != self._length:
            raise Gone(key)


@contextmanager
def _gone_told() -> Iterator[None]:
    try:
        yield
    except Missing as error:
        raise Gone(str(error)) from error
