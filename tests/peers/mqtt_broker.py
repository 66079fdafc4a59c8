"""amqtt as the broker, in the tests' second Python environment: its pins do not go with ours."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.peers.program import stop

PYTHON = Path(sys.prefix) / "peers" / "bin" / "python"
PROGRAM = """
import asyncio, json, sys
from amqtt.broker import Broker
async def main():
    broker = Broker(json.loads(sys.argv[1]))
    await broker.start()
    print("ready", flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""


class MqttBroker:
    """A broker at 127.0.0.1:``port`` that can be killed and started again. guarded: it wants a user's name."""

    def __init__(self, port: int, *, guarded: bool = False) -> None:
        self.port = port
        plugin = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": not guarded}}
        listener = {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}}
        self._settings = json.dumps({"listeners": listener, "plugins": plugin})
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        assert PYTHON.exists(), "make test installs the tests' peers: .venv/bin/python -m provisioning.prepare test"
        argv = [str(PYTHON), "-c", PROGRAM, self._settings]
        self._process = await asyncio.to_thread(
            subprocess.Popen, argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        assert self._process.stdout is not None
        said = await asyncio.to_thread(self._process.stdout.readline)
        assert said == b"ready\n"

    async def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            await asyncio.to_thread(stop, self._process)
            if self._process.stdout is not None:
                self._process.stdout.close()
            self._process = None


@asynccontextmanager
async def mqtt_broker(port: int, *, guarded: bool = False) -> AsyncIterator[MqttBroker]:
    broker = MqttBroker(port, guarded=guarded)
    try:
        await broker.start()
        yield broker
    finally:
        await broker.kill()
