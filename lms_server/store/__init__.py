"""Where the bytes are kept: content-addressed, durable, replaceable behind one small protocol."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO, Protocol

PIECE = 256 * 1024
"""Bytes that are read at once, at most."""
_SHA256 = re.compile(r"[0-9a-f]{64}")


class NotStored(Exception):
    """The store has nothing under this SHA-256."""


class StoreUnavailable(OSError):
    """The store does not answer, or refuses; one sentence. It may be better in a while."""


def address_in(sha256: str) -> str:
    """``ab/cd/abcd…``: where an object lies. Raises ValueError for anything but 64 hexadecimal digits: no name ever
    climbs out."""
    if not _SHA256.fullmatch(sha256):
        raise ValueError(f"{sha256!r} is not a SHA-256")
    return f"{sha256[:2]}/{sha256[2:4]}/{sha256}"


class Store(Protocol):
    """Objects are named by the SHA-256 (hex) of their content and never change. The caller has proven that the content
    matches. Out of room: OSError with ENOSPC, and nothing half-way is left behind. A store on the network that does not
    answer: StoreUnavailable, from any of these."""

    def check(self) -> None:
        """A cheap look at whether it can be used. Raises OSError."""
        ...

    def adopt(self, file: Path, sha256: str) -> None:
        """Take a finished file in. When this returns the object is durable and ``file`` is gone; adopting what is there
        already is no error."""
        ...

    def size(self, sha256: str) -> int | None:
        """Length in bytes; None when it is not here."""
        ...

    def read(self, sha256: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """The bytes from start on, at most length of them, in pieces of at most 256 KiB. Raises NotStored at once."""
        ...

    def opened(self, sha256: str) -> BinaryIO | None:
        """The object as an open file, unbuffered; None in a store that has none at hand, which is read then. Raises
        NotStored."""
        ...

    def local(self, sha256: str) -> AbstractContextManager[Path]:
        """The object as a file of this machine, to be read and not written, while the block lasts. Raises NotStored."""
        ...

    def delete(self, sha256: str) -> None:
        """Forget an object, durably; what is not here is no error."""
        ...

    def free_bytes(self) -> int | None:
        """Room left; None where nobody can say."""
        ...
