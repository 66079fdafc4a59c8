"""A store that is a bucket: ``objects/ab/cd/abcd…`` and nothing but whole objects under those names."""

from __future__ import annotations

import fcntl
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lms_server.store import NotStored, address_in
from lms_server.store.bucket import Bucket, Missing

JUST_NOW = 60.0
"""Seconds."""


class S3Store:
    def __init__(self, bucket: Bucket, fetched: Path, spare: Callable[[str], None] = lambda _: None) -> None:
        """fetched: a folder of this machine for objects that somebody needs as files. spare: told of each object that
        is about to be needed."""
        self._spare = spare
        self._bucket = bucket
        self._fetched = fetched
        fetched.mkdir(parents=True, exist_ok=True)
        self._clean()

    def check(self) -> None:
        self._bucket.check()

    def adopt(self, file: Path, sha256: str) -> None:
        self._spare(sha256)
        key = key_of(sha256)
        length = file.stat().st_size
        if self._bucket.size(key) != length:
            with file.open("rb") as source:
                self._bucket.upload(key, source, length)
        file.unlink()

    def size(self, sha256: str) -> int | None:
        return self._bucket.size(key_of(sha256))

    def read(self, sha256: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        try:
            return self._bucket.read(key_of(sha256), start, length)
        except Missing as error:
            raise NotStored(sha256) from error

    def opened(self, sha256: str) -> None:
        return None

    @contextmanager
    def local(self, sha256: str) -> Iterator[Path]:
        pieces = self.read(sha256)
        with tempfile.NamedTemporaryFile(dir=self._fetched, prefix=f"{sha256[:16]}.") as file:
            fcntl.flock(file, fcntl.LOCK_SH)
            for piece in pieces:
                file.write(piece)
            file.flush()
            yield Path(file.name)

    def delete(self, sha256: str) -> None:
        self._bucket.delete([key_of(sha256)])

    def free_bytes(self) -> int | None:
        return None

    def _clean(self) -> None:
        """What killed processes have fetched; what is in use is locked, or was begun just now."""
        for path in self._fetched.iterdir():
            with suppress(FileNotFoundError, BlockingIOError), path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if time.time() - os.fstat(file.fileno()).st_mtime > JUST_NOW:
                    path.unlink()


def key_of(sha256: str) -> str:
    """Raises ValueError for anything but 64 hexadecimal digits."""
    return f"objects/{address_in(sha256)}"
