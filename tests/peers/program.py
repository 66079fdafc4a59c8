"""Start a program, wait until it says that it is ready, and stop it by its own process id."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.peers.zygote import Forked

FIRST = ("nice", "-n", "-10") if os.geteuid() == 0 else ()
"""Before the command of what has a processor of its own elsewhere, a camera or a sound card: what else this machine
does is not theirs to wait for."""


SHORTEST_PAUSE, LONGEST_PAUSE = 0.02, 0.25
"""Seconds between two looks at what is waited for."""


def wait_until(condition: Callable[[], object], seconds: float, what: str) -> None:
    """Poll until the condition holds: often at first, and for what takes long the more rarely, since a question costs
    the machine that is to do it. Raises TimeoutError naming what never came."""
    began = time.monotonic()
    while not condition():
        waited = time.monotonic() - began
        if waited > seconds:
            raise TimeoutError(f"{what} did not come within {seconds:g} s")
        time.sleep(min(LONGEST_PAUSE, max(SHORTEST_PAUSE, waited / 10)))


def stop(process: subprocess.Popen[bytes] | Forked, seconds: float = 5.0) -> None:
    """Ask the process to end, then make it."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def running(
    command: Sequence[str],
    log: Path,
    *,
    env: Mapping[str, str] | None = None,
    ready: Callable[[str], bool],
    seconds: float = 15.0,
) -> Iterator[subprocess.Popen[bytes]]:
    """The program, from the moment ``ready`` says so of its output (standard output and error go to ``log``) until the
    block ends."""
    with log.open("wb") as out:
        process = subprocess.Popen(list(command), stdout=out, stderr=out, env={**os.environ, **(env or {})})
    try:

        def is_ready() -> bool:
            text = log.read_text(errors="replace")
            if process.poll() is not None:
                raise RuntimeError(f"{command[0]} ended with code {process.returncode}: {text[-2000:]}")
            return ready(text)

        wait_until(is_ready, seconds, f"readiness of {command[0]}")
        yield process
    finally:
        stop(process)
