"""A device's samples on the room's clock: exactly 48,000 a second of the monotonic clock, whatever the device's own
crystal does.

A slow control loop compares the instant at which each block was heard with the place it would get, and stretches the
sound by at most a thousandth. Holes, when a block was lost, are filled with silence; what comes twice is dropped.
Pure: no device, no clock.
"""

from __future__ import annotations

from collections import deque

import numpy as np
import numpy.typing as npt

from drivers.feeding import SAMPLE_RATE

Floats = npt.NDArray[np.float32]

SETTLE_SECONDS = 0.1
"""Of sound before the beginning is placed: single reports of the sound system are some milliseconds off."""
MAX_STRETCH = 0.001
PROPORTIONAL = 0.1
"""Of the error removed in a second: 10 ms off is stretched away at the full thousandth."""
INTEGRAL = PROPORTIONAL**2 / 4
"""Critically damped: learns a wrong crystal in about twenty seconds without swinging."""
SMOOTHING_SECONDS = 1.0
HOLE_SECONDS = 0.06
"""More than this off, several reports running, is no drift but a hole."""
SMALL_HOLE_SECONDS = 0.02
"""The same in the first seconds, when the beginning may have been misplaced and nobody speaks yet, and just after the
device itself said that it lost something."""
EARLY_SECONDS = 3.0
REPORTS = 5


class Timeline:
    """Takes blocks of one channel as they come, gives s16le. rate: the device's, in samples a second.

    epoch: the instant of the first sample given, in seconds of the monotonic clock; None until it is known.
    """

    def __init__(self, rate: float) -> None:
        self.epoch: float | None = None
        self._rate = rate
        self._received = 0
        self._waiting: list[tuple[int, float, Floats]] = []
        self._given = 0
        self._samples: Floats = np.zeros(0, np.float32)
        self._base = 0  # device's number of the first of _samples
        self._position = 1.0  # where in _samples the next output lies; the cubic looks one back and two ahead
        self._error = 0.0
        self._drift = 0.0
        self._doubtful = round(EARLY_SECONDS * SAMPLE_RATE)
        self._reports: deque[float] = deque(maxlen=REPORTS)

    @property
    def stretch(self) -> float:
        """Output seconds more than device seconds, as a share: the device's clock error once it is learnt."""
        return min(MAX_STRETCH, max(-MAX_STRETCH, self._drift + PROPORTIONAL * self._error))

    def add(self, block: Floats, heard: float, *, lost: bool = False) -> bytes:
        """block: samples between -1 and 1. heard: instant of its first sample. lost: the device said that something
        before it is missing. Returns what can be given now, often a little less or more than came."""
        first, self._received = self._received, self._received + len(block)
        if self.epoch is None:
            self._waiting.append((first, heard, block))
            if self._received < SETTLE_SECONDS * self._rate:
                return b""
            self.epoch = float(np.median([heard - number / self._rate for number, heard, _ in self._waiting]))
            self._samples = np.zeros(1, np.float32)  # what lies before the beginning
            self._base = -1
            block = np.concatenate([block for _, _, block in self._waiting])
            self._waiting.clear()
            silence = 0
        else:
            silence = self._follow(first, heard, len(block) / self._rate, lost)
        self._samples = np.concatenate([self._samples, block])
        sound = np.concatenate([np.zeros(silence, np.float32), self._resample()])
        return bytes((np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())

    def _follow(self, first: int, heard: float, seconds: float, lost: bool) -> int:
        """Compare and correct; returns how many samples of silence a hole needs."""
        error = heard - self._instant(first)
        if lost:
            self._reports.clear()
            self._doubtful = self._given + round(EARLY_SECONDS * SAMPLE_RATE)
        self._reports.append(error)
        offset = float(np.median(self._reports))
        bound = SMALL_HOLE_SECONDS if self._given < self._doubtful else HOLE_SECONDS
        if len(self._reports) == REPORTS and abs(offset) > bound:
            self._reports.clear()
            self._error = 0.0
            return self._jump(offset)
        self._error += (error - self._error) * min(1.0, seconds / SMOOTHING_SECONDS)
        drift = self._drift + INTEGRAL * self._error * seconds
        self._drift = min(MAX_STRETCH, max(-MAX_STRETCH, drift))
        return 0

    def _jump(self, offset: float) -> int:
        if offset > 0:
            silence = round(offset * SAMPLE_RATE)
            self._given += silence
            return silence
        self._position += -offset * self._rate
        return 0

    @property
    def _step(self) -> float:
        """Device samples to an output sample."""
        return self._rate / SAMPLE_RATE / (1 + self.stretch)

    def _instant(self, number: int) -> float:
        """Where the device's sample lies on the output's time, as things stand."""
        ahead = (number - self._base - self._position) / self._step
        return (self.epoch or 0.0) + (self._given + ahead) / SAMPLE_RATE

    def _resample(self) -> Floats:
        """Everything that can be read between four neighbours (Catmull-Rom); passes sound through unchanged while the
        clocks agree."""
        step = self._step
        count = max(0, int(np.ceil((len(self._samples) - 2 - self._position) / step)))
        places = self._position + np.arange(count) * step
        whole = places.astype(np.int64)
        part = (places - whole).astype(np.float32)
        before, here, after, beyond = (self._samples[whole + shift] for shift in (-1, 0, 1, 2))
        sound = here + part * 0.5 * (
            (after - before)
            + part * (2 * before - 5 * here + 4 * after - beyond + part * (3 * (here - after) + beyond - before))
        )
        self._given += count
        self._position += count * step
        done = min(int(self._position) - 1, len(self._samples))
        self._samples = self._samples[done:]
        self._base += done
        self._position -= done
        return sound.astype(np.float32, copy=False)
