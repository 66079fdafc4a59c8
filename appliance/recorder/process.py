"""One run of one capture: (feeder |) FFmpeg, whose fragments go into a take as they arrive.

Health is judged by growth alone, never by exit codes: FFmpeg can end with 0 after a camera died. Standard library only.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import signal
import subprocess
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
LOOK = 1.0
"""Seconds between two looks at the clock while nothing comes."""
LONGEST_LINE = 1 << 16

F_SETPIPE_SZ = 1031


class StreamChanged(Exception):
    """From here on the source sends another form of picture, which cannot stand in the same take."""


class Bursts:
    """Reads a pipe on which much comes at once and then nothing for a while, always into the same memory."""

    def __init__(self, descriptor: int, wait: Callable[[], None]) -> None:
        """wait: returns when something can be read, or the other end is closed."""
        self._descriptor = descriptor
        self._wait = wait
        self._room = memoryview(bytearray(PIPE_BYTES))
        self._start = self._end = 0

    def read(self, size: int) -> memoryview:
        """Exactly so many bytes, fewer at the end. They stand there until the next call."""
        while self._end - self._start < size and self._more(size):
            pass
        start, self._start = self._start, min(self._start + size, self._end)
        return self._room[start : self._start]

    def _more(self, size: int) -> bool:
        if self._start == self._end:
            self._start = self._end = 0
        if len(self._room) - self._start < size:
            held = bytes(self._room[self._start : self._end])
            if len(self._room) < size:
                self._room = memoryview(bytearray(size + PIPE_BYTES))
            self._room[: len(held)] = held
            self._start, self._end = 0, len(held)
        if self._start < self._end:
            time.sleep(BURST)
        self._wait()
        came = os.readv(self._descriptor, [self._room[self._end :]])
        self._end += came
        return came > 0


class Ear:
    """Hears the lines that a program says on its standard error, as they come."""

    def __init__(self, pipe: IO[bytes], take_in: Callable[[str], None]) -> None:
        self.pipe = pipe
        self._take_in = take_in
        self._rest = b""
        self.over = False
        os.set_blocking(pipe.fileno(), False)

    def hear(self) -> bool:
        """Take in what is there; False when nothing is, and ``over`` when nothing more will be."""
        try:
            data = os.read(self.pipe.fileno(), 1 << 16)
        except BlockingIOError:
            return False
        *lines, self._rest = (self._rest + data).split(b"\n")
        if not data or len(self._rest) > LONGEST_LINE:
            lines, self._rest = [*lines, self._rest], b""
        for line in lines:
            if text := line.decode(errors="replace").strip():
                self._take_in(text)
        self.over = not data
        return not self.over


class Capture:
    """Runs the two programs and hands on what they give. Use from the main thread; ``stop`` is safe in a signal
    handler.

    tell: called with every JSON line of the feeder. door: a descriptor at which to listen besides, and what to call
    when something is there; it says whether to listen on, and what it raises ends the capture.
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
        door: tuple[int, Callable[[], bool]] | None = None,
    ) -> None:
        self._tell = tell
        self._door = door
        self._stall = stall
        self._deadline = time.monotonic() + patience
        self._stopping = False
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
        with contextlib.suppress(OSError):  # an unprivileged limit: the default size then does
            fcntl.fcntl(self._out.fileno(), F_SETPIPE_SZ, PIPE_BYTES)
        self._poll = select.poll()
        self._poll.register(self._out.fileno(), select.POLLIN)
        if door:
            self._poll.register(door[0], select.POLLIN)
        self._ears: dict[int, Ear] = {}
        for process, take_in in ((self._feeder, self._hear_feeder), (self._ffmpeg, self._log.append)):
            if process and process.stderr:
                self._ears[process.stderr.fileno()] = Ear(process.stderr, take_in)
                self._poll.register(process.stderr.fileno(), select.POLLIN)

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
            for part in read_stream(Bursts(self._out.fileno(), self._wait).read):
                if isinstance(part, Header):
                    on_header(part)
                else:
                    on_fragment(part)
                self._be_patient(part)
                del part  # its memory is the next one's
        except StreamChanged:
            self._problem = ("changed", "The camera changed the form of its picture; a new take begins.")
        except BadStream as error:
            self._problem = ("garbage", f"The source sends what cannot be recorded: {error}")
        finally:
            self._end()

    def stop(self) -> None:
        """Ask the capture to finish its last fragment and end; it is killed after GRACE."""
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
        if not self._stopping:
            self._kill()
        for process in (self._ffmpeg, self._feeder):
            if process:
                try:
                    process.wait(GRACE)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        for ear in self._ears.values():
            while ear.hear():
                pass
            ear.pipe.close()
        self._out.close()

    def _kill(self) -> None:
        for process in (self._ffmpeg, self._feeder):
            if process and process.poll() is None:
                process.kill()

    def _wait(self) -> None:
        """Until there is something to read; listens meanwhile, and kills what has not sent a fragment in time."""
        while True:
            left = self._deadline - time.monotonic()
            if left <= 0:
                self.stalled = not self._stopping
                self._kill()
                left = LOOK
            for descriptor, _ in (ready := self._poll.poll(min(LOOK, left) * 1000)):
                if ear := self._ears.get(descriptor):
                    ear.hear()
                    if ear.over:
                        self._poll.unregister(descriptor)
                elif self._door and descriptor == self._door[0] and not self._door[1]():
                    self._poll.unregister(descriptor)
            if any(descriptor == self._out.fileno() for descriptor, _ in ready):
                return

    def _be_patient(self, part: Header | Fragment) -> None:
        """Counted from the moment at which a part is durable: a slow disk is not the source's fault."""
        if not self._stopping:
            anew = time.monotonic() + self._stall
            self._deadline = anew if isinstance(part, Fragment) else max(self._deadline, anew)

    def _hear_feeder(self, text: str) -> None:
        try:
            said = json.loads(text)
        except ValueError:
            self._log.append(text)
            return
        if not isinstance(said, dict):
            return
        if isinstance(said.get("epoch"), int | float):
            self.epoch = float(said["epoch"])
        if "code" in said:
            self._problem = (str(said["code"]), str(said.get("detail", "")))
        self._tell(said)
