"""Keeps a few services running on a developer's machine or a demo table: what systemd does in a real room.

Each service is a process in a session of its own, so that Ctrl-C reaches only the launcher, which then stops them in
order. One that dies is started again, at once the first time. The services die with the launcher: the kernel sends
them SIGTERM (``setpriv --pdeathsig``) even when the launcher itself is killed.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from provisioning.patience import FAILURES_AT_START, Patience

LOG_LIMIT = 5_000_000
"""Bytes; a longer log is put aside at start."""
ALIVE = 1.5
"""Seconds after which a service without a port counts as started."""
WRONG_USE = 2
"""Exit code of a command that was called wrongly: calling it again the same way cannot help."""
_PROBE_INTERVAL = 0.05


class ServiceFailed(Exception):
    """A service cannot be started; one sentence with its own last words."""


@dataclass(frozen=True)
class Service:
    """One process to keep running. port: it is ready when ``GET /healthz`` there answers 200.

    stop_seconds: how long it may take to stop in order after SIGTERM.
    """

    name: str
    command: Sequence[str]
    log: Path
    port: int | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    stop_seconds: float = 10.0


class Supervised:
    """One service, its present process and its history. ``run`` keeps it going until ``stop``."""

    def __init__(self, service: Service, tell: Callable[[str], None]) -> None:
        self.service = service
        self.ready = asyncio.Event()
        self.starts = 0
        self._tell = tell
        self._patience = Patience()
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = asyncio.Event()

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    async def run(self) -> None:
        """Raises ServiceFailed when it cannot be started."""
        name = self.service.name
        rotate(self.service.log)
        while not self._stopping.is_set():
            began = time.monotonic()
            written = self.service.log.stat().st_size if self.service.log.exists() else 0
            code = await self._live()
            if self._stopping.is_set():
                return
            lived, was_ready = time.monotonic() - began, self.ready.is_set()
            self.ready.clear()
            delay = self._patience.died(lived, was_ready)
            if delay is None or (code == WRONG_USE and not was_ready):
                words = last_words(self.service.log, written)
                times = f" {FAILURES_AT_START} times in a row" if delay is None else ""
                raise ServiceFailed(f"The {name} could not start{times}: {words} (log: {self.service.log})")
            self._tell(f"{name}: {_ended(code)}; starting it again" + (f" in {delay:.2g} s" if delay else ""))
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), delay)

    async def _live(self) -> int:
        """Start it, see it become ready, return its exit code."""
        self.service.log.parent.mkdir(parents=True, exist_ok=True)
        with self.service.log.open("ab") as log:
            starting = asyncio.ensure_future(
                asyncio.create_subprocess_exec(
                    *_dies_with_us(),
                    *self.service.command,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env={**os.environ, **self.service.environment},
                    start_new_session=True,
                )
            )
            try:
                self._process = process = await asyncio.shield(starting)
            except asyncio.CancelledError:
                # Another service failed meanwhile. stop() must know of this process, or it would be left running.
                self._process = await starting
                raise
        self.starts += 1
        if self._stopping.is_set():  # asked to stop while it was being started
            self._signal(signal.SIGTERM)
        watcher = asyncio.create_task(self._watch_for_readiness())
        try:
            return await process.wait()
        finally:
            watcher.cancel()
            with suppress(asyncio.CancelledError):
                await watcher

    async def _watch_for_readiness(self) -> None:
        began = time.monotonic()
        if self.service.port is None:
            await asyncio.sleep(ALIVE)
        else:
            await until_healthy(self.service.port)
        self.ready.set()
        if self.starts > 1:
            self._tell(f"{self.service.name}: works again after {time.monotonic() - began:.1f} s")

    async def stop(self, *, hurry: asyncio.Event | None = None) -> None:
        """SIGTERM, patience, SIGKILL. hurry: ends the patience."""
        self._stopping.set()
        if self._process is None:
            return
        self._signal(signal.SIGTERM)
        if not await _gone(self._process, self.service.stop_seconds, hurry):
            self._tell(f"{self.service.name}: did not stop in time; killed")
        # Also when it went by itself: what it left in its session goes with it. Recording keepers are in sessions of
        # their own and end with their lesson.
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.wait()

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.send_signal(number)


async def _gone(process: asyncio.subprocess.Process, seconds: float, hurry: asyncio.Event | None) -> bool:
    """Wait until it has ended, the seconds are over, or somebody is in a hurry; whether it has ended."""
    waits: set[asyncio.Task[Any]] = {asyncio.create_task(process.wait())}
    if hurry is not None:
        waits.add(asyncio.create_task(hurry.wait()))
    await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    for task in waits:
        task.cancel()
    return process.returncode is not None


async def until_healthy(port: int) -> None:
    """Poll until ``GET /healthz`` answers 200."""
    while True:
        if await healthy(port):
            return
        await asyncio.sleep(_PROBE_INTERVAL)


async def healthy(port: int, host: str = "127.0.0.1") -> bool:
    """Whether ``GET /healthz`` answers 200."""
    try:
        reader, writer = await asyncio.open_connection(host, port)
    except OSError:
        return False
    try:
        writer.write(f"GET /healthz HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n".encode())
        answer = await asyncio.wait_for(reader.readline(), 2)
    except (OSError, TimeoutError):
        return False
    finally:
        writer.close()
    return answer.split()[1:2] == [b"200"]


def rotate(log: Path, limit: int = LOG_LIMIT) -> None:
    """Put a long log aside as NAME.log.1, over the one before."""
    if log.exists() and log.stat().st_size > limit:
        log.replace(log.with_name(log.name + ".1"))


def last_words(log: Path, offset: int) -> str:
    """The last thing written to the log after the offset: a plain line, or the event of a JSON line."""
    try:
        with log.open("rb") as words:
            words.seek(offset)
            lines = words.read()[-20_000:].decode(errors="replace").splitlines()
    except OSError:
        return "it said nothing"
    said = [line.strip() for line in lines if line.strip()]
    if not said:
        return "it said nothing"
    try:
        event = json.loads(said[-1])
    except ValueError:
        return said[-1]
    return str(event.get("event", said[-1])) if isinstance(event, dict) else said[-1]


def _ended(code: int) -> str:
    if code >= 0:
        return f"ended by itself (exit code {code})"
    return f"was killed ({signal.Signals(-code).name})"


def _dies_with_us() -> tuple[str, ...]:
    setpriv = shutil.which("setpriv")
    return (setpriv, "--pdeathsig", "TERM", "--") if setpriv else ()
