"""A tus server that is not ours: the ``resumable-upload`` package's, which checks every chunk's checksum."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.peers.program import running


@dataclass(frozen=True)
class TusServer:
    port: int
    folder: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def files(self) -> list[bytes]:
        """What was uploaded, each file whole or as far as it came."""
        return [path.read_bytes() for path in sorted((self.folder / "uploads").rglob("*")) if path.is_file()]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def tus_server(folder: Path, *options: str, port: int = 0) -> Iterator[TusServer]:
    """Serving at /api/v1/uploads, keeping its files below folder. port: to come back where it was."""
    port = port or free_port()
    folder.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "resumable_upload", "serve", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--base-path", "/api/v1/uploads", "--upload-dir", str(folder / "uploads")]
    command += ["--db-path", str(folder / "uploads.db"), "--checksum-algorithms", "sha1,sha256", *options]
    log = folder / f"server-{os.urandom(3).hex()}.log"
    with running(command, log, ready=lambda text: "listening on" in text):
        yield TusServer(port, folder)
