"""One run of one capture: (feeder |) FFmpeg, whose fragments go into a take as they arrive.

Health is judged by growth alone, never by exit codes: FFmpeg can end with 0 after a camera died. Standard library only.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Any, cast

from media.fragments import BadStream, Fragment, Header, read_stream

PIPE_BYTES = 1024 * 1024
"""Holds about two seconds of a camera while the disk thinks; the kernel's default holds a tenth of that."""
BURST = 0.003
"""Seconds in which FFmpeg writes the rest of a fragment, piece by piece; waiting so long wakes us once for all."""
GRACE = 2.0
"""Seconds a capture gets to finish its last fragment when told to stop."""

_F_SETPIPE_SZ = 1031


class StreamChanged(Exception):
    """From here on the source sends another form of picture, which cannot stand in the same take."""


class Bursts:
    """Reads a pipe on which much comes at once and then nothing for a while."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._room = memoryview(bytearray(PIPE_BYTES))
        self._buffer = bytearray()

    def read(self, size: int) -> bytes:
        """Exactly so many bytes, fewer at the end."""
        buffer = self._buffer
        while len(buffer) < size:
            if buffer:
                time.sleep(BURST)
            came = os.readv(self._descriptor, [self._room])
            if not came:
                break
            buffer += self._room[:came]
        data = bytes(memoryview(buffer)[:size])
        del buffer[:size]
        return data


class Capture:
    """Runs the two programs and hands on what they give. Use from the main thread; ``stop`` is safe in a signal
    handler.

    tell: called from reader threads with every JSON line of the feeder.
    """

    def __init__(
        self,
        ffmpeg: Sequence[str],
        feeder: Sequence[str] | None,
        env: Mapping[str, str],
        *,
        patience: float,
        stall: float,
        tell: Callable[[dict[str, Any]], None],
    ) -> None:
        self._tell = tell
        self._stall = stall
        self._deadline = time.monotonic() + patience
        self._stopping = False
        self._over = threading.Event()
        self.stalled = False
        self.epoch: float | None = None
        self._problem: tuple[str, str] | None = None
        self._log: deque[str] = deque(maxlen=20)
        environment = {**os.environ, **env}
        self._feeder = self._spawn(feeder, environment, None, subprocess.PIPE) if feeder else None
        source = self._feeder.stdout if self._feeder else subprocess.DEVNULL
        self._ffmpeg = self._spawn(ffmpeg, environment, source, subprocess.PIPE)
        if self._feeder and self._feeder.stdout:
            self._feeder.stdout.close()  # FFmpeg alone reads it: its end must reach the feeder as a closed pipe
        self._out: IO[bytes] = cast(IO[bytes], self._ffmpeg.stdout)
        self._bursts = Bursts(self._out.fileno())
        with contextlib.suppress(OSError):  # an unprivileged limit: the default size then does
            fcntl.fcntl(self._out.fileno(), _F_SETPIPE_SZ, PIPE_BYTES)
        self._threads = [threading.Thread(target=self._watch, daemon=True)]
        for process, read in ((self._feeder, self._read_feeder), (self._ffmpeg, self._read_log)):
            if process and process.stderr:
                self._threads.append(threading.Thread(target=read, args=(process.stderr,), daemon=True))
        for thread in self._threads:
            thread.start()

    @staticmethod
    def _spawn(argv: Sequence[str], env: Mapping[str, str], stdin: Any, stdout: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            list(argv), stdin=stdin or subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE, env=env
        )

    def run(self, on_header: Callable[[Header], None], on_fragment: Callable[[Fragment], None]) -> None:
        """Blocks until the capture has ended. Raises whatever the callbacks raise, but for StreamChanged, after ending
        the capture.
        """
        try:
            for part in read_stream(self._bursts.read):
                if isinstance(part, Header):
                    on_header(part)
                else:
                    self._deadline = time.monotonic() + self._stall
                    on_fragment(part)
        except StreamChanged:
            self._problem = ("changed", "The camera changed the form of its picture; a new take begins.")
        except BadStream as error:
            self._problem = ("garbage", f"The source sends what cannot be recorded: {error}")
        finally:
            self._end()

    def stop(self) -> None:
        """Ask the capture to finish its last fragment and end; the watcher kills it after GRACE."""
        if self._stopping:
            return
        self._stopping = True
        self._deadline = time.monotonic() + GRACE
        if self._feeder:
            self._feeder.send_signal(signal.SIGTERM)  # FFmpeg sees the end of its input and finishes
        else:
            self._ffmpeg.send_signal(signal.SIGINT)

    def problem(self) -> tuple[str, str]:
        """Why it ended, as code and one English sentence."""
        if self._problem:
            return self._problem
        if self.stalled:
            return "stalled", f"The source sent nothing for {self._stall:.0f} s."
        last = self._log[-1] if self._log else f"the capture program ended with {self._ffmpeg.returncode}"
        return "capture-ended", f"The source stopped: {last}"

    def _end(self) -> None:
        self._over.set()
        for process in (self._ffmpeg, self._feeder):
            if process and process.poll() is None and not self._stopping:
                process.kill()
        for process in (self._ffmpeg, self._feeder):
            if process:
                try:
                    process.wait(GRACE)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        for thread in self._threads:
            thread.join(GRACE)
        self._out.close()

    def _watch(self) -> None:
        while not self._over.wait(max(0.05, min(1.0, self._deadline - time.monotonic()))):
            if time.monotonic() >= self._deadline:
                self.stalled = not self._stopping
                for process in (self._ffmpeg, self._feeder):
                    if process and process.poll() is None:
                        process.kill()
                return

    def _read_feeder(self, lines: IO[bytes]) -> None:
        with lines:
            for text in lines:
                try:
                    said = json.loads(text)
                except ValueError:
                    self._log.append(text.decode(errors="replace").strip())
                    continue
                if not isinstance(said, dict):
                    continue
                if isinstance(said.get("epoch"), int | float):
                    self.epoch = float(said["epoch"])
                if "code" in said:
                    self._problem = (str(said["code"]), str(said.get("detail", "")))
                self._tell(said)

    def _read_log(self, lines: IO[bytes]) -> None:
        with lines:
            for text in lines:
                self._log.append(text.decode(errors="replace").strip())
