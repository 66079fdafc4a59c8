"""One file from the server to the disk: resumable, verified, and there under its name only when it is right.

name.3fa29b1c.part  grows by range requests; the eight digits are of the SHA-256 it will have, so that a file that
                    changed on the server is never continued with foreign bytes
name                the verified file, put in place in one step
"""

from __future__ import annotations

import errno
import glob
import hashlib
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import httpx

from .client import PAUSES, File, Server
from .errors import CannotWrite, Damaged, DiskFull, PullError

BLOCK = 1 << 20
"""Bytes read, hashed and written at once."""


class Watcher(Protocol):
    """Who wants to know how far a file is: bytes of it that are on the disk (it may fall back to 0)."""

    def at(self, done: int) -> None: ...


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fetch(
    server: Server, file: File, target: Path, watch: Watcher, *, sleep: Callable[[float], Any] = time.sleep
) -> None:
    """Bring file to target. A wrong SHA-256 is thrown away and fetched anew once.

    Raises Damaged, DiskFull, CannotWrite, Unreachable and what Server.open raises. What came before an error stays in
    the .part file for the next time.
    """
    part = target.with_name(f"{target.name}.{file.sha256[:8]}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _sweep(part, target.name)
        for _attempt in range(2):
            if _download(server, file, part, watch, sleep) == file.sha256:
                _put_in_place(part, target)
                return
            part.unlink()
            watch.at(0)
    except OSError as error:
        raise of_disk(error, target, file.bytes) from error
    raise Damaged(
        f"{target.name} arrived twice with a wrong SHA-256 and was thrown away; "
        "try again, and tell the server's administrator if it stays so."
    )


def of_disk(error: OSError, target: Path, needed: int) -> PullError:
    """What an error of the operating system means to a person."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return DiskFull(
            f"The disk of {target.parent} has no room for {target.name} ({needed / 1e6:,.0f} MB); "
            "make room and run the same command again."
        )
    return CannotWrite(f"{target} cannot be written ({error.strerror or error}); choose another folder with --out.")


class _Part:
    """The .part file: its bytes, their running SHA-256, and no more."""

    def __init__(self, disk: BinaryIO) -> None:
        self._disk = disk
        self.size = 0
        self.digest = hashlib.sha256()
        disk.seek(0)
        while block := disk.read(BLOCK):
            self.digest.update(block)
            self.size += len(block)

    def append(self, block: bytes) -> None:
        self._disk.write(block)
        self.digest.update(block)
        self.size += len(block)

    def start_over(self) -> None:
        self._disk.truncate(0)
        self.digest = hashlib.sha256()
        self.size = 0

    def settle(self) -> str:
        """Everything is on the disk; its SHA-256, or none when the file is longer than what this process put there."""
        self._disk.flush()
        os.fsync(self._disk.fileno())
        return self.digest.hexdigest() if os.fstat(self._disk.fileno()).st_size == self.size else ""


def _download(server: Server, file: File, path: Path, watch: Watcher, sleep: Callable[[float], Any]) -> str:
    """Make the .part as long as the file; the SHA-256 of what it then holds. A broken link is taken up again for as
    long as bytes keep coming."""
    with path.open("a+b") as disk:
        part = _Part(disk)
        tries = 0
        while True:
            before = part.size
            try:
                _stream(server, file, part, path.parent, watch)
            except httpx.TransportError as error:
                tries = 0 if part.size > before else tries + 1
                if tries > len(PAUSES):
                    raise server.unreachable(error) from error
                sleep(PAUSES[max(tries - 1, 0)])
            else:
                return part.settle()


def _stream(server: Server, file: File, part: _Part, folder: Path, watch: Watcher) -> None:
    """Append what is missing. Raises httpx.TransportError when the link ends before the file does."""
    if part.size > file.bytes:
        part.start_over()
    watch.at(part.size)
    if part.size == file.bytes:
        return
    if shutil.disk_usage(folder).free < file.bytes - part.size:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with server.open(file, part.size) as response:
        if not _continues(response, part.size):
            part.start_over()
            if response.status_code != 200:
                raise httpx.RemoteProtocolError("the answer does not go on where we stopped")
        for block in response.iter_bytes(BLOCK):
            if part.size + len(block) > file.bytes:
                return  # longer than announced: its SHA-256 cannot be right, and the caller sees that
            part.append(block)
            watch.at(part.size)
    if part.size < file.bytes:
        raise httpx.RemoteProtocolError("the answer ended early")


def _continues(response: httpx.Response, offset: int) -> bool:
    """Does the answer begin where we stopped?"""
    if response.status_code != 206:
        return offset == 0
    span: str = response.headers.get("Content-Range", "")
    return span.startswith(f"bytes {offset}-")


def _sweep(part: Path, name: str) -> None:
    """Remove what was begun of an older form of the same file."""
    for other in part.parent.glob(f"{glob.escape(name)}.????????.part"):
        if other != part:
            other.unlink()


def _put_in_place(part: Path, target: Path) -> None:
    part.replace(target)
    if os.name == "posix":  # Windows has no handle on a folder to sync
        folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
