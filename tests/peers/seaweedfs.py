"""A real SeaweedFS with its S3 door, on ports of loopback, from the tests' second Python environment."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tests.peers.program import wait_until

WEED = Path(sys.prefix) / "peers" / "bin" / "weed"
KEYS = {"AWS_ACCESS_KEY_ID": "darsbox", "AWS_SECRET_ACCESS_KEY": "of the tests alone"}
PORTS = ("master.port", "volume.port", "filer.port", "s3.port")
BUCKET = "lessons"
OFF = ("master.telemetry=false", "s3.iam=false", "s3.port.iceberg=0", "s3.port.lance=0")


class SeaweedFS:
    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self._s3 = boto3.client(
            "s3",
            endpoint_url=endpoint,
            region_name="us-east-1",
            config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
        )

    def make(self) -> str:
        """The address of a place with nothing in it; a bucket each would be dear for this store."""
        return f"s3://{BUCKET}/{secrets.token_hex(4)}?endpoint={self.endpoint}"

    def answers(self) -> bool:
        try:
            self._s3.create_bucket(Bucket=BUCKET)
        except (BotoCoreError, ClientError):
            return False
        return True

    def close(self) -> None:
        self._s3.close()


@contextmanager
def seaweedfs() -> Iterator[SeaweedFS]:
    """While the block lasts, KEYS stand in the environment."""
    assert WEED.exists(), "make test installs the tests' peers: .venv/bin/python -m provisioning.prepare test"
    folder = Path(tempfile.mkdtemp(prefix="darsbox-seaweedfs-"))
    before = {name: os.environ.get(name) for name in KEYS}
    os.environ.update(KEYS)
    numbers = _free(2 * len(PORTS))
    ports = {name: (numbers[2 * at], numbers[2 * at + 1]) for at, name in enumerate(PORTS)}
    words = [f"-{name}={port}" for name, (port, _) in ports.items()]
    words += [f"-{name}.grpc={port}" for name, (_, port) in ports.items()]
    limits = ["-volume.max=100", "-master.volumeSizeLimitMB=64", f"-dir={folder}"]
    log = folder / "log"
    with log.open("wb") as out:
        server = subprocess.Popen(
            [str(WEED), "server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3", *words, *limits]
            + [f"-{word}" for word in OFF],
            stdout=out,
            stderr=out,
        )
    peer = SeaweedFS(f"http://127.0.0.1:{ports['s3.port'][0]}")

    def ready() -> bool:
        assert server.poll() is None, log.read_text(errors="replace")[-3000:]
        return peer.answers()

    try:
        wait_until(ready, 60, "SeaweedFS")
        yield peer
    finally:
        peer.close()
        server.kill()  # an orderly end takes it half a minute, and it holds nothing worth keeping
        server.wait()
        shutil.rmtree(folder, ignore_errors=True)
        for port in numbers:
            for socket_file in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):
                socket_file.unlink(missing_ok=True)
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _free(count: int) -> list[int]:
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]
