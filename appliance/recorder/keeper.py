"""The keeper of one source: a small process that records it, take after take, until it is told to stop.

    python -m appliance.recorder.keeper < ORDER      (a JSON object, see Order)

It outlives the daemon on purpose: a daemon that is killed, hangs or is updated costs no picture. It ends on SIGTERM,
when its lesson's folder is gone, when the disk is full, or after the longest lesson allowed. SIGCONT, which harms
nobody who does not know it, says that a device was plugged in: it tries again at once. What it knows it sends as JSON
datagrams to the daemon's socket, and never waits for it; what counts is on the disk. Standard library only,
so that it starts at once.

Exit: 0 told to stop, 3 the disk is full, 4 the disk cannot be written, 5 the lesson is longer than allowed.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import select
import signal
import socket
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from appliance.recorder.process import Capture, StreamChanged
from appliance.spool.layout import make_directory
from appliance.spool.takes import Clock, TakeWriter, take_numbers
from media.fragments import Fragment, Header
from media.journal import TakeEntry

EXIT_FULL, EXIT_DISK, EXIT_LONG = 3, 4, 5
PATIENCE = 12.0
"""Seconds for the first fragment: a camera that must wake up, negotiate and send a keyframe."""
STEADY = 5.0
"""Seconds a take must have lasted for the patience to begin anew."""
BACKOFF = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0)
"""Seconds before the next attempt; the first comes at once, for most captures that end come back at once."""
CHECK_EVERY = 5.0
"""Seconds between two looks at the disk and at the lesson's length."""
TELL_EVERY = 0.8
"""Seconds between two words to the daemon: often enough for evidence of the last two seconds."""

FULL = {errno.ENOSPC, errno.EDQUOT}


@dataclass(frozen=True, slots=True)
class Order:
    """What to record and where.

    Times in seconds, sizes in bytes; reserve: what must stay free on the disk. secrets: never to be said to anybody.
    """

    lesson: str
    folder: str
    source: str
    span: int
    boot: str
    ffmpeg: list[str]
    feeder: list[str] | None
    socket: str
    reserve: int
    longest: float
    stall: float
    env: dict[str, str] = field(default_factory=dict)
    secrets: list[str] = field(default_factory=list)

    def to_json(self) -> str:
        return json.dumps(asdict(self))


class DiskReserved(OSError):
    """Only the reserve is left: as good as full, but before anything is torn."""


class Keeper:
    """Records one source until told to stop."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._folder = Path(order.folder) / order.source
        self._began = time.monotonic()
        self._stopping = self._woken = False
        self._capture: Capture | None = None
        self._writer: TakeWriter | None = None
        self._form: frozenset[bytes] = frozenset()
        self._checked = self._told = 0.0
        self._daemon = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def run(self) -> int:
        make_directory(self._folder)
        lock = os.open(self._folder / "keeper.pid", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        fcntl.flock(lock, fcntl.LOCK_EX)  # a predecessor that is just ending finishes its take first
        os.ftruncate(lock, 0)
        os.write(lock, str(os.getpid()).encode())
        signal.signal(signal.SIGTERM, self._on_stop)
        signal.signal(signal.SIGINT, self._on_stop)
        signal.signal(signal.SIGCONT, self._on_wake)
        failures = 0
        while not self._stopping:
            try:
                lasted = self._take()
            except OSError as error:
                return self._give_up(error)
            if time.monotonic() - self._began > self._order.longest:
                self._say(event="ended", code="too-long", detail="The lesson reached its longest time.")
                return EXIT_LONG
            if not Path(self._order.folder).is_dir():
                return 0
            failures = 0 if lasted > STEADY else failures + 1
            if failures and not self._stopping:
                self._rest(BACKOFF[min(failures, len(BACKOFF)) - 1])
            if self._woken:  # a device may need a moment after it was plugged in: the patience begins anew
                self._woken, failures = False, 0
        return 0

    def _take(self) -> float:
        """One take; returns the seconds it holds. Raises OSError when the disk cannot be written."""
        number = max(take_numbers(self._folder), default=0) + 1
        order = self._order
        ended = "lost"
        capture = Capture(
            order.ffmpeg, order.feeder, order.env, patience=PATIENCE, stall=order.stall, tell=self._on_feeder
        )
        self._capture = capture
        if self._stopping:  # told to stop while starting
            capture.stop()

        def on_header(header: Header) -> None:
            entry = TakeEntry.of(
                header,
                lesson=order.lesson,
                source=order.source,
                take=number,
                span=order.span,
                boot=order.boot,
                mono=time.monotonic(),
                wall=time.time(),
                epoch=capture.epoch,
            )
            self._form = frozenset()
            self._writer = TakeWriter(self._folder, header, entry)

        try:
            capture.run(on_header, self._on_fragment)
            code, _ = capture.problem()
            ended = "stopped" if self._stopping else "changed" if code == "changed" else "lost"
        except OSError as error:
            ended = "full" if error.errno in FULL else "lost"
            raise
        finally:
            self._capture = None
            writer, self._writer = self._writer, None
            if writer is not None:
                writer.close(ended)
        if ended in {"lost", "changed"}:
            code, detail = capture.problem()
            for secret in order.secrets:
                detail = detail.replace(secret, "…")  # FFmpeg repeats addresses with their logins
            self._say(event="lost", take=number, code=code, detail=detail)
        return writer.seconds if writer is not None else 0.0

    def _on_fragment(self, fragment: Fragment) -> None:
        writer = self._writer
        if writer is None:
            return
        # Compared with the first of this take and not with its header, for some cameras describe themselves otherwise
        # than they send.
        if fragment.form and self._form and fragment.form != self._form:
            raise StreamChanged
        self._form = self._form or fragment.form
        now = Clock(time.monotonic(), time.time())
        entry = writer.append(fragment, now)
        if entry.n == 1 or now.mono - self._told >= TELL_EVERY:
            self._told = now.mono
            self._say(
                event="fragment",
                take=writer.entry.take,
                span=writer.entry.span,
                n=entry.n,
                bytes=writer.size,
                seconds=writer.seconds,
                epoch=writer.epoch,
                mono=now.mono,
            )
        if now.mono - self._checked > CHECK_EVERY:
            self._checked = now.mono
            self._check(writer, now)

    def _check(self, writer: TakeWriter, now: Clock) -> None:
        disk = os.statvfs(self._folder)
        if disk.f_bavail * disk.f_frsize < self._order.reserve:
            raise DiskReserved(errno.ENOSPC, "only the reserve is left")
        if now.mono - self._began > self._order.longest or not writer.file.exists():
            self._on_stop(signal.SIGTERM, None)

    def _on_feeder(self, said: dict[str, Any]) -> None:
        if "rms_db" in said:
            self._say(event="level", rms_db=said["rms_db"], peak_db=said.get("peak_db", said["rms_db"]))

    def _on_stop(self, _signal: int, _frame: FrameType | None) -> None:
        self._stopping = True
        if self._capture is not None:
            self._capture.stop()
        os.write(self._wake_write, b"x")

    def _on_wake(self, _signal: int, _frame: FrameType | None) -> None:
        self._woken = True
        with contextlib.suppress(BlockingIOError):  # so many that nobody has read: one is enough
            os.write(self._wake_write, b"x")

    def _rest(self, seconds: float) -> None:
        """Wait, unless told to stop or to try again meanwhile."""
        if seconds and select.select([self._wake_read], [], [], seconds)[0]:
            os.read(self._wake_read, 4096)

    def _give_up(self, error: OSError) -> int:
        full = error.errno in FULL
        code = "disk-full" if full else "disk-error"
        self._say(event="ended", code=code, detail=f"The disk takes no more of this lesson: {error.strerror}.")
        return EXIT_FULL if full else EXIT_DISK

    def _say(self, **what: Any) -> None:
        """Tell the daemon, if it listens: a lost datagram loses nothing, for the journal says the same."""
        message = json.dumps({"lesson": self._order.lesson, "source": self._order.source, "pid": os.getpid(), **what})
        try:
            self._daemon.sendto(message.encode(), self._order.socket)
        except OSError as error:
            if error.errno not in {errno.ENOENT, errno.ECONNREFUSED, errno.EAGAIN, errno.ENOBUFS}:
                raise


def main() -> None:
    sys.exit(Keeper(Order(**json.load(sys.stdin))).run())


if __name__ == "__main__":
    main()
