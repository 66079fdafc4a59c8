"""A stand-in for the package ``sounddevice``: PortAudio with one microphone whose crystal is wrong.

It is found instead of the real one by a program that has this folder first on its ``PYTHONPATH``. The microphone,
"crystal mic", hears a beep (1 kHz, 100 ms) at every even multiple of two seconds of the monotonic clock, and takes
``CRYSTAL_PPM`` millionths more samples a second than it says. Like real ones it reports the instant of a block some
milliseconds wrong, and delivers it somewhat late. Standard library only.
"""

from __future__ import annotations

import math
import os
import random
import time
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event, Thread
from typing import Any

RATE = 48_000
PERIOD, BEEP_SECONDS, HZ, PEAK = 2.0, 0.1, 1000, 22_000
REPORT_ERROR, LATENESS = 0.003, 0.01
"""Seconds: standard deviation of a report, longest delay of a delivery."""


class PortAudioError(Exception):
    """Named as in the real one; never raised here."""


@dataclass(frozen=True)
class Moment:
    """PortAudio's names for its two instants, in seconds of one clock."""

    currentTime: float
    inputBufferAdcTime: float


@dataclass(frozen=True)
class Status:
    input_overflow: bool = False


def query_devices() -> list[dict[str, Any]]:
    return [{"index": 0, "name": "crystal mic", "max_input_channels": 1, "default_samplerate": float(RATE)}]


def check_input_settings(**_settings: object) -> None:
    """It takes everything."""


class RawInputStream:
    """The part of ``sounddevice.RawInputStream`` that a feeder uses; samples are s16."""

    def __init__(
        self, *, blocksize: int, callback: Callable[[bytes, int, Moment, Status], None], **_other: object
    ) -> None:
        self._block, self._callback = blocksize, callback
        self._rate = RATE * (1 + float(os.environ["CRYSTAL_PPM"]) / 1e6)
        self._ended = Event()
        self._work = Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._work.start()

    def abort(self, **_how: object) -> None:
        self._ended.set()

    def close(self, **_how: object) -> None:
        self._work.join()

    def _run(self) -> None:
        began, taken = time.monotonic(), 0
        chance = random.Random(7)
        while True:
            heard = began + taken / self._rate
            due = heard + self._block / self._rate + chance.random() * LATENESS
            if self._ended.wait(max(0.0, due - time.monotonic())):
                return
            now = time.monotonic()
            moment = Moment(now, heard + chance.gauss(0.0, REPORT_ERROR))
            self._callback(self._sound(heard), self._block, moment, Status())
            taken += self._block

    def _sound(self, heard: float) -> bytes:
        """A block whose first sample is of this monotonic instant."""
        samples = array("h", bytes(2 * self._block))
        into = heard % PERIOD
        if into < BEEP_SECONDS or into + self._block / self._rate >= PERIOD:
            for n in range(self._block):
                at = (into + n / self._rate) % PERIOD
                if at < BEEP_SECONDS:
                    samples[n] = round(PEAK * math.sin(2 * math.pi * HZ * at))
        return samples.tobytes()
