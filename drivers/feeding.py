"""What every feeder does: keep the room's time, speak JSON lines, and end without a fuss.

A feeder is a program whose standard output is FFmpeg's standard input (``drivers.protocols.Capture``). Standard library
only, and little of it: a feeder's first frame or sample must leave in a few hundredths of a second.
"""

from __future__ import annotations

import json
import math
import os
import signal
import sys
import time
from array import array
from collections.abc import Callable, Iterator
from operator import mul
from threading import Thread

SAMPLE_RATE = 48_000
PCM_INPUT = (
    # There is nothing to find out about these samples; left to itself FFmpeg listens to a second of them first.
    *("-probesize", "32", "-analyzeduration", "0"),
    *("-f", "s16le", "-ar", str(SAMPLE_RATE), "-ac", "1", "-i", "pipe:0"),
)
"""FFmpeg's input arguments for what a sound feeder writes."""
BLOCK = SAMPLE_RATE // 50
"""Samples in 20 ms: what a sound feeder writes at once."""
LEVEL_SAMPLES = SAMPLE_RATE // 10
SILENCE_DB = -120.0
PIPE_BYTES = 1 << 20
EXIT_OK, EXIT_DEVICE, EXIT_USAGE = 0, 1, 2
F_SETPIPE_SZ = 1031  # Linux; named in fcntl from Python 3.10 on, but only where the C library names it


class FeederError(Exception):
    """The feeder cannot go on. code and detail as in ``drivers.errors``; told on standard error before it exits."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


def tell(line: dict[str, float | str], descriptor: int = 2) -> None:
    """Write one JSON line to standard error, or to a duplicate of it."""
    os.write(descriptor, json.dumps(line).encode() + b"\n")


def run(feed: Callable[[], None]) -> int:
    """Run a feeder until it is told to stop, its reader goes away, or it fails; returns the exit code.

    A closed pipe and SIGINT or SIGTERM are ordinary ends.
    """
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    try:
        feed()
    except (BrokenPipeError, _Stopped):
        return EXIT_OK
    except FeederError as error:
        tell({"code": error.code, "detail": error.detail})
        return EXIT_DEVICE
    return EXIT_OK


class _Stopped(BaseException):
    """Not an Exception: nothing on the way up may mistake it for a failure."""


def _stop(number: int, frame: object) -> None:
    raise _Stopped


class Background(Thread):
    """Work beside the pacing loop that may not die silently: ``check`` raises what ended it."""

    def __init__(self, work: Callable[[], None]) -> None:
        super().__init__(daemon=True)
        self._work = work
        self._error: Exception | None = None
        self.start()

    def run(self) -> None:
        try:
            self._work()
        except Exception as error:  # noqa: BLE001 - not swallowed: handed to the main thread
            self._error = error

    def check(self) -> None:
        """Called by the pacing loop."""
        if self._error is not None:
            raise self._error


def widen_pipe() -> None:
    """Let a whole picture fit into the pipe, where the system allows: fewer system calls, steadier pace."""
    if sys.platform == "linux":
        import fcntl  # noqa: PLC0415 - not there on every system

        try:
            fcntl.fcntl(1, F_SETPIPE_SZ, PIPE_BYTES)
        except OSError:
            return  # not a pipe, or this user's pipes may not grow: it works as it is


def write(data: bytes | bytearray | memoryview) -> None:
    """All of it, to standard output. Raises BrokenPipeError when the reader is gone."""
    view = memoryview(data).cast("B")
    while view:
        view = view[os.write(1, view) :]


def grid_epoch(fps: float) -> float:
    """The latest instant of the frame grid through zero of the monotonic clock: a beginning that costs no waiting."""
    return math.floor(time.monotonic() * fps) / fps


def frames(epoch: float, fps: float) -> Iterator[tuple[int, int]]:
    """Frames as they fall due: (number, how many times to send it). Frame n is due at epoch + n/fps.

    Whoever is late sends one picture several times, so that the count of frames always is the time gone by.
    """
    sent = 0
    while True:
        wait = epoch + sent / fps - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        due = int((time.monotonic() - epoch) * fps + 1e-6) + 1
        if due > sent:
            yield due - 1, due - sent
            sent = due


def blocks(epoch: float, size: int = BLOCK) -> Iterator[int]:
    """First sample number of each block of ``size`` samples, each given when its last sample has been spoken."""
    first = 0
    while True:
        wait = epoch + (first + size) / SAMPLE_RATE - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        yield first
        first += size


def decibels(level: float) -> float:
    """Of full scale; level is a 16-bit sample's size."""
    return round(20 * math.log10(level / 32768), 1) if level > 0 else SILENCE_DB


class Meter:
    """Loudness as JSON lines, ten times a second, of the s16le mono samples it is shown."""

    def __init__(self, descriptor: int = 2) -> None:
        self._descriptor = descriptor
        self._samples = array("h")

    def show(self, data: bytes) -> None:
        self._samples.frombytes(data)
        while len(self._samples) >= LEVEL_SAMPLES:
            window, self._samples = self._samples[:LEVEL_SAMPLES], self._samples[LEVEL_SAMPLES:]
            rms = math.sqrt(sum(map(mul, window, window)) / LEVEL_SAMPLES)
            peak = max(*window, -min(window))
            tell({"rms_db": decibels(rms), "peak_db": decibels(peak)}, self._descriptor)
