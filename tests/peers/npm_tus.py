"""A tus server and a tus client that are not ours and run in Node.js: ``@tus/server`` and ``tus-js-client``.

They are installed by ``python3 -m provisioning.prepare test``.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.peers.program import running

NPM = Path(__file__).with_name("npm")
LISTENING = re.compile(r"^listening on (\d+)$", re.MULTILINE)


@dataclass(frozen=True)
class NpmServer:
    port: int
    folder: Path
    host: str

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def files(self) -> list[bytes]:
        """What was uploaded, each file whole or as far as it came."""
        return [path.read_bytes() for path in sorted(self.folder.iterdir()) if path.suffix != ".json"]


def node_version() -> int:
    """The first number of Node.js's version."""
    said = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    return int(said.removeprefix("v").partition(".")[0])


@contextmanager
def npm_server(folder: Path, host: str = "127.0.0.1") -> Iterator[NpmServer]:
    """``@tus/server`` at /api/v1/uploads, keeping its files in folder. It checks no checksums."""
    folder.mkdir()
    log = folder.with_name(f"{folder.name}.log")
    command = ["node", str(NPM / "serve.mjs"), str(folder), host]
    with running(command, log, ready=lambda text: LISTENING.search(text) is not None, seconds=30):
        found = LISTENING.search(log.read_text())
        assert found is not None
        yield NpmServer(int(found[1]), folder, host)


def npm_upload_command(endpoint: str, file: Path, **more: Any) -> list[str]:
    """``tus-js-client`` sending a file. more: what npm/upload.mjs takes besides."""
    return ["node", str(NPM / "upload.mjs"), json.dumps({"endpoint": endpoint, "file": str(file), **more})]


def npm_upload(endpoint: str, file: Path, **more: Any) -> dict[str, Any]:
    """Send it to the end; {"url", "sent", "retries"}."""
    command = npm_upload_command(endpoint, file, **more)
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))
