"""A store that is a folder: ``<root>/ab/cd/abcd…`` and nothing but whole objects under those names."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from lms_server.store import PIECE, NotStored, address_in

_STAGING = "staging"


class FolderStore:
    """Renames when a file comes from the same file system, copies otherwise; fsynced either way."""

    def __init__(self, root: Path, spare: Callable[[str], None] = lambda _: None) -> None:
        """spare: told of each object that is about to be needed."""
        self._spare = spare
        self._root = root
        self._staging = root / _STAGING
        self._staging.mkdir(parents=True, exist_ok=True)

    def check(self) -> None:
        os.statvfs(self._root)

    def adopt(self, file: Path, sha256: str) -> None:
        self._spare(sha256)
        target = self._place(sha256)
        if target.is_file():
            file.unlink(missing_ok=True)
            return
        _make_durably(target.parent, self._root)
        try:
            with file.open("rb") as source:
                os.fsync(source.fileno())
            file.rename(target)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            self._copy(file, target)
        sync_folder(target.parent)
        file.unlink(missing_ok=True)

    def _copy(self, file: Path, target: Path) -> None:
        half = self._staging / f"{target.name}.{os.getpid()}"
        try:
            with file.open("rb") as source, half.open("wb") as copy:
                shutil.copyfileobj(source, copy, 1024 * 1024)
                copy.flush()
                os.fsync(copy.fileno())
            half.rename(target)
        finally:
            half.unlink(missing_ok=True)

    def size(self, sha256: str) -> int | None:
        try:
            return self._place(sha256).stat().st_size
        except FileNotFoundError:
            return None

    def read(self, sha256: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        file = self.opened(sha256)
        file.seek(start)
        return _pieces(file, length)

    def opened(self, sha256: str) -> BinaryIO:
        try:
            return self._place(sha256).open("rb", buffering=0)
        except FileNotFoundError as error:
            raise NotStored(sha256) from error

    @contextmanager
    def local(self, sha256: str) -> Iterator[Path]:
        path = self._place(sha256)
        if not path.is_file():
            raise NotStored(sha256)
        yield path

    def delete(self, sha256: str) -> None:
        place = self._place(sha256)
        if place.exists():
            place.unlink()
            sync_folder(place.parent)

    def free_bytes(self) -> int | None:
        disk = os.statvfs(self._root)
        return disk.f_bavail * disk.f_frsize

    def _place(self, sha256: str) -> Path:
        return self._root / address_in(sha256)


def _pieces(file: BinaryIO, length: int | None) -> Iterator[bytes]:
    with file:
        left = length
        while left is None or left > 0:
            piece = file.read(PIECE if left is None else min(PIECE, left))
            if not piece:
                return
            if left is not None:
                left -= len(piece)
            yield piece


def sync_folder(folder: Path) -> None:
    """A rename or a new file is durable only once its folder is."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _make_durably(folder: Path, root: Path) -> None:
    missing = [place for place in (folder, *folder.parents) if place.is_relative_to(root) and not place.exists()]
    for place in reversed(missing):
        place.mkdir(exist_ok=True)
        sync_folder(place.parent)
