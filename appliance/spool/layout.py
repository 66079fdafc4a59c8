"""Where things lie in the spool, and how a small file is written so that a power cut leaves the old or the new one.

spool/ledger.sqlite · spool/lessons/<ulid>/lesson.json · spool/lessons/<ulid>/<source>/take-001.mp4 and .journal ·
spool/lessons/<ulid>/receipts/<sha256>.<path>.jws · spool/identity/. Standard library only (see media.lesson).
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from pathlib import Path

from media.lesson import Lesson

LARGEST_RECEIPT = 16 * 1024
"""Bytes; one has some five hundred."""
_ULID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")


def sync_directory(path: Path) -> None:
    """A new name is durable only when its directory is."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_directory(path: Path) -> None:
    """Make a directory and its parents, each durable in its parent. No error if it is there."""
    if path.is_dir():
        return
    make_directory(path.parent)
    path.mkdir(exist_ok=True)
    sync_directory(path.parent)


def write_atomically(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Replace a file whole and durably: temporary name, fsync, rename, fsync of the directory. Raises OSError."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


class Spool:
    """The folder tree of a room's lessons. Reading needs no lock: durable bytes never change."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.lessons = root / "lessons"
        self.ledger_file = root / "ledger.sqlite"
        self.identity = root / "identity"

    def prepare(self) -> None:
        """Make the folders on first use."""
        make_directory(self.lessons)
        make_directory(self.identity)

    def lesson_ids(self) -> list[str]:
        """Oldest first: ULIDs sort by their time."""
        if not self.lessons.is_dir():
            return []
        return sorted(entry.name for entry in self.lessons.iterdir() if _ULID.fullmatch(entry.name))

    def lesson_dir(self, lesson: str) -> Path:
        """Raises ValueError when the id is no lesson id, so that no name climbs out of the spool."""
        if not _ULID.fullmatch(lesson):
            raise ValueError(f"{lesson!r} is not a lesson id.")
        return self.lessons / lesson

    def lesson_file(self, lesson: str) -> Path:
        return self.lesson_dir(lesson) / "lesson.json"

    def read_lesson(self, lesson: str) -> Lesson:
        """Raises media.lesson.BadLesson, FileNotFoundError."""
        return Lesson.from_json(self.lesson_file(lesson).read_bytes())

    def write_lesson(self, lesson: Lesson) -> None:
        """Durable when it returns. Raises OSError (a full disk, say)."""
        write_atomically(self.lesson_file(lesson.id), lesson.to_json().encode())

    def receipt_file(self, lesson: str, path: str, sha256: str) -> Path:
        """Where the server's signature over an asset is kept; its folder is made. Two assets of a lesson may be alike
        to the byte, so the name has the first 16 hex digits of the SHA-256 of the asset's path too."""
        make_directory(self._receipts(lesson))
        return self._receipts(lesson) / _receipt_name(path, sha256)

    def receipt_of(self, lesson: str, path: str, sha256: str) -> Path | None:
        """The file with this asset's receipt, if there is one; what stands in it is for the reader to check. Older
        programs named it by the SHA-256 alone: such a file counts for the asset that it speaks of."""
        own, older = self._receipts(lesson) / _receipt_name(path, sha256), self._receipts(lesson) / f"{sha256}.jws"
        if own.is_file():
            return own
        return older if older.is_file() and _speaks_of(older) == path else None

    def _receipts(self, lesson: str) -> Path:
        return self.lesson_dir(lesson) / "receipts"


def _receipt_name(path: str, sha256: str) -> str:
    return f"{sha256}.{hashlib.sha256(path.encode()).hexdigest()[:16]}.jws"


def _speaks_of(receipt: Path) -> str | None:
    """The path that a JWS in compact form names, unchecked; None if it is none. Raises OSError."""
    payload = receipt.read_bytes()[:LARGEST_RECEIPT].split(b".")[1:2]
    try:
        claims = json.loads(base64.urlsafe_b64decode(b"".join(payload) + b"=="))
        return str(claims["path"])
    except (ValueError, TypeError, KeyError):
        return None
