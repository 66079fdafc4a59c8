"""A driver made from the table of a test, and the feeder of its capture as it runs."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt

from drivers import registry
from drivers.protocols import Capture, Source
from tests.peers.program import wait_until

RATE = 48_000
SMALLEST: Mapping[tuple[str, str], dict[str, object]] = {
    ("camera", "rtsp"): {"url": "rtsp://127.0.0.1:1/cam"},
    ("camera", "onvif"): {"host": "127.0.0.1", "http_port": 1},
}
"""The keys without which a driver's table is not complete."""


def source(kind: str, name: str, **keys: object) -> Source:
    module = registry.load(kind, name)
    table = {"id": "it", "driver": name, **SMALLEST.get((kind, name), {}), **keys}
    return module.Driver(module.Config.model_validate_json(json.dumps(table), strict=True))


class Fed:
    """A running feeder. out: what it has given so far."""

    def __init__(self, capture: Capture, errors: Path, env: Mapping[str, str] | None = None) -> None:
        assert capture.feeder is not None
        self._errors = errors
        self.spawned = time.monotonic()
        with errors.open("wb") as words:
            self.process = subprocess.Popen(
                capture.feeder, stdout=subprocess.PIPE, stderr=words, env={**os.environ, **capture.env, **(env or {})}
            )
        assert self.process.stdout is not None
        self.stdout = self.process.stdout
        self._selector = selectors.DefaultSelector()
        self._selector.register(self.stdout, selectors.EVENT_READ)
        self.out = bytearray()
        self.first = 0.0

    def read(self, seconds: float) -> float:
        """Take what comes for so long; returns the instant of the last look."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if self._selector.select(left):
                data = os.read(self.stdout.fileno(), 1 << 20)
                if not data:
                    break
                self.first = self.first or time.monotonic()
                self.out += data
        return time.monotonic()

    def read_sound(self, seconds: float) -> None:
        """Until so much has come; a busy machine takes a while to begin."""
        wait_until(lambda: self.read(0.1) and len(self.sound) >= seconds * RATE, 30, f"{seconds} s of sound")

    @property
    def words(self) -> list[dict[str, float | str]]:
        lines = self._errors.read_text(errors="replace").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    @property
    def epoch(self) -> float:
        return float(next(word["epoch"] for word in self.words if "epoch" in word))

    @property
    def sound(self) -> npt.NDArray[np.int16]:
        return np.frombuffer(bytes(self.out[: len(self.out) // 2 * 2]), "<i2")


@contextmanager
def feeding(capture: Capture, folder: Path, env: Mapping[str, str] | None = None) -> Iterator[Fed]:
    fed = Fed(capture, folder / f"feeder-{time.monotonic_ns()}.log", env)
    try:
        yield fed
    finally:
        fed.process.kill()
        fed.process.wait()
        fed.stdout.close()


def beeps(sound: npt.NDArray[np.int16], epoch: float) -> list[float]:
    """Instants at which a beep begins; one that was cut at the beginning does not count."""
    loud = np.flatnonzero(np.abs(sound.astype(np.int32)) > 4000)
    first = loud[np.concatenate([[True], np.diff(loud) > RATE // 10])] if len(loud) else loud
    return [epoch + int(at) / RATE for at in first if at > RATE // 20]


def off_the_even_second(instants: Sequence[float]) -> list[float]:
    return [(instant + 1) % 2 - 1 for instant in instants]
