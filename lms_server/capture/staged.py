"""Where the files of a media package wait until it is whole: on this machine's disk, durable before they count."""

from __future__ import annotations

import os
from pathlib import Path

from lms_server.ingest.parts import full_disk_told, write_out


class StagedFile:
    """A new file. Synchronous: for threads."""

    def __init__(self, path: Path, reserve: int) -> None:
        """reserve: bytes of the disk that stay free. Raises StoreFull."""
        self.bytes = 0
        self._reserve = reserve
        with full_disk_told():
            self._handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)

    def write(self, piece: bytes | bytearray) -> None:
        """Raises StoreFull."""
        write_out(self._handle, piece, self._reserve)
        self.bytes += len(piece)

    def sync(self) -> None:
        """Raises StoreFull."""
        with full_disk_told():
            os.fsync(self._handle)

    def close(self) -> None:
        os.close(self._handle)
