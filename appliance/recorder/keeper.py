"""The keeper of one source: a small process that records it, take after take, until it is told to stop.

    python -m appliance.recorder.keeper < ORDER      (a JSON object in one line, see Order)

The daemon has it forked by the nursery, which has loaded all of this already.

It outlives the daemon on purpose: a daemon that is killed, hangs or is updated costs no picture. It ends on SIGTERM,
when its lesson's folder is gone, when the disk is full, or after the longest lesson allowed. SIGCONT, which harms
nobody who does not know it, says that a device was plugged in: it tries again at once. What it knows it sends as JSON
datagrams to the daemon's socket, and never waits for it; what counts is on the disk. Standard library only,
so that it starts at once.

An armed keeper (pre-roll) has no lesson yet: it holds the last seconds in memory and touches no disk. Lines after the
order tell it what to do: ``show`` and ``hide`` (pictures for the preview, on standard output) and ``record``. Until
that word it ends when the daemon does, which closes the pipe; from then on it is a keeper like any other.

Exit: 0 told to stop, 3 the disk is full, 4 the disk cannot be written, 5 the lesson is longer than allowed.
"""

from __future__ import annotations

import contextlib
import errno
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

from appliance.recorder.preroll import Held, TooMuch, Window, Words
from appliance.recorder.process import Capture, StreamChanged
from appliance.spool.holding import hold
from appliance.spool.layout import make_directory
from appliance.spool.takes import Clock, TakeWriter, take_numbers
from media.fragments import Fragment, Header, decode_time, earlier
from media.journal import TakeEntry

EXIT_FULL, EXIT_DISK, EXIT_LONG = 3, 4, 5
PATIENCE = 12.0
"""Seconds for the first fragment: a camera that must wake up, negotiate and send a keyframe."""
NICENESS = -5
STEADY = 5.0
"""Seconds a take must have lasted for the patience to begin anew."""
BACKOFF = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0)
"""Seconds before the next attempt; the first comes at once, for most captures that end come back at once."""
CHECK_EVERY = 5.0
"""Seconds between two looks at the disk and at the lesson's length."""
BARREN = 2
"""Takes in a row without a fragment after which the spare command gets its chance."""
TOO_LATE = 1.0
"""Seconds from a fragment's last picture until it is durable: what a power cut may cost."""
TELL_EVERY = 0.8
"""Seconds between two words to the daemon: often enough for evidence of the last two seconds."""

FULL = {errno.ENOSPC, errno.EDQUOT}
_MCL_CURRENT, _MCL_FUTURE, _MCL_ONFAULT = 1, 2, 4


@dataclass(frozen=True, slots=True)
class Order:
    """What to record and where.

    Times in seconds, sizes in bytes; reserve: what must stay free on the disk. secrets: never to be said to anybody.
    spare: instead of ffmpeg from when that has given nothing twice in a row, for hardware may break; empty for none.
    hold: if not 0, nothing is recorded before the word; so many seconds are held, and stand at the lesson's beginning.
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
    spare: list[str] = field(default_factory=list)
    hold: float = 0.0

    def to_json(self) -> str:
        return json.dumps(asdict(self))


class DiskReserved(OSError):
    """Only the reserve is left: as good as full, but before anything is torn."""


class Keeper:
    """Records one source until told to stop."""

    def __init__(self, order: Order, words: Words) -> None:
        self._order = order
        self._folder = Path(order.folder) / order.source
        self._began = time.monotonic()
        self._stopping = self._woken = False
        self._ending = "stopped"
        self._late, self._too_late = 0.0, 0
        self._ffmpeg = order.ffmpeg
        self._capture: Capture | None = None
        self._header: Header | None = None
        self._writer: TakeWriter | None = None
        self._begins = 0
        self._form: frozenset[bytes] = frozenset()
        self._checked = self._told = 0.0
        self._daemon = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._words = words if order.hold else None
        self._armed = order.hold > 0
        self._window = Window(sys.stdout.fileno()) if order.hold else None
        self._held: Held | None = None

    def run(self) -> int:
        signal.signal(signal.SIGTERM, self._on_stop)
        signal.signal(signal.SIGINT, self._on_stop)
        signal.signal(signal.SIGUSR1, self._on_ease)
        signal.signal(signal.SIGCONT, self._on_wake)
        if self._armed:
            stay_in_memory()
        else:
            self._settle()
        failures = barren = 0
        while not self._stopping:
            try:
                lasted = self._take()
                if not self._armed and time.monotonic() - self._began > self._order.longest:
                    self._say(event="ended", code="too-long", detail="The lesson reached its longest time.")
                    return EXIT_LONG
                if not self._armed and not Path(self._order.folder).is_dir():
                    return 0
                failures = 0 if lasted > STEADY else failures + 1
                barren = barren + 1 if lasted == 0 else 0
                if barren >= BARREN and self._order.spare:
                    self._ffmpeg = self._order.spare
                if failures and not self._stopping:
                    self._rest(BACKOFF[min(failures, len(BACKOFF)) - 1])
            except OSError as error:
                return self._give_up(error)
            if self._woken:  # a device may need a moment after it was plugged in: the patience begins anew
                self._woken, failures = False, 0
        return 0

    def _settle(self) -> None:
        """The lesson's folder, in which the daemon finds this process again."""
        make_directory(self._folder)
        hold(self._folder)  # a predecessor that is just ending finishes its take first

    def _take(self) -> float:
        """One take, or what is held meanwhile; returns the seconds it lasted. Raises OSError when the disk cannot be
        written."""
        order = self._order
        ended = "lost"
        began = time.monotonic()
        capture = Capture(
            self._ffmpeg,
            order.feeder,
            order.env,
            patience=PATIENCE,
            stall=order.stall,
            tell=self._on_feeder,
            door=(self._words.fileno(), self._heed) if self._words is not None else None,
        )
        self._capture = capture
        if self._stopping:  # told to stop while starting
            capture.stop()
        try:
            capture.run(self._on_header, self._on_fragment)
            code, _ = capture.problem()
            ended = self._ending if self._stopping else "changed" if code == "changed" else "lost"
        except OSError as error:
            ended = "full" if error.errno in FULL else "lost"
            raise
        finally:
            self._capture = self._header = self._held = None
            writer, self._writer = self._writer, None
            if writer is not None:
                writer.close(ended)
        if ended == "lost" or (ended == "changed" and not self._armed):
            code, detail = capture.problem()
            for secret in order.secrets:
                detail = detail.replace(secret, "…")  # FFmpeg repeats addresses with their logins
            self._say(event="lost", take=writer.entry.take if writer is not None else 0, code=code, detail=detail)
        if self._armed and self._told > began:
            return time.monotonic() - began
        return writer.seconds if writer is not None else 0.0

    def _on_header(self, header: Header) -> None:
        self._header = header
        self._form = frozenset()
        if self._armed:
            self._held = Held(header, self._order.hold)
            if self._window is not None:
                self._window.begin(header)
        else:
            self._open(header, Clock(time.monotonic(), time.time()), 0)

    def _open(self, header: Header, now: Clock, begins: int) -> TakeWriter:
        """Begin a take. begins: the unit of the capture's media time that is the take's zero."""
        order = self._order
        epoch = self._capture.epoch if self._capture is not None else None
        entry = TakeEntry.of(
            header,
            lesson=order.lesson,
            source=order.source,
            take=max(take_numbers(self._folder), default=0) + 1,
            span=order.span,
            boot=order.boot,
            mono=now.mono,
            wall=now.wall,
            epoch=None if epoch is None else epoch + begins / header.timescale,
        )
        self._begins = begins
        self._writer = TakeWriter(self._folder, header, entry)
        return self._writer

    def _on_fragment(self, fragment: Fragment) -> None:
        # Compared with the first of this take and not with its header, for some cameras describe themselves otherwise
        # than they send.
        if fragment.form and self._form and fragment.form != self._form:
            raise StreamChanged
        self._form = self._form or fragment.form
        now = Clock(time.monotonic(), time.time())
        if self._held is not None:
            self._hold(self._held, fragment, now)
        else:
            self._keep(fragment, now)
            self._measure()

    def _measure(self) -> None:
        """How late the fragment that has just become durable is."""
        if self._writer is not None:
            late = time.monotonic() - (self._writer.epoch + self._writer.seconds)
            self._late = max(self._late, late)
            self._too_late += late > TOO_LATE

    def _keep(self, fragment: Fragment, arrived: Clock) -> None:
        """Make it durable."""
        header, writer = self._header, self._writer
        if header is None:
            return
        if writer is None:  # told to record before anything was held
            writer = self._open(header, arrived, decode_time(header, fragment))
        if self._begins:
            fragment = earlier(header, fragment, self._begins)
        entry = writer.append(fragment, arrived)
        now = time.monotonic()
        if entry.n == 1 or now - self._told >= TELL_EVERY:
            self._told = now
            self._say(
                event="fragment",
                take=writer.entry.take,
                span=writer.entry.span,
                n=entry.n,
                bytes=writer.size,
                seconds=writer.seconds,
                epoch=writer.epoch,
                mono=now,
                late=round(self._late, 3),
                too_late=self._too_late,
            )
            self._late = 0.0
        if now - self._checked > CHECK_EVERY:
            self._checked = now
            self._check(writer, now)

    # -- armed

    def _hold(self, held: Held, fragment: Fragment, now: Clock) -> None:
        try:
            held.add(fragment, now)
        except TooMuch:
            raise StreamChanged from None  # opened anew, a source begins with a keyframe
        if self._window is not None:
            self._window.offer(fragment)
        if now.mono - self._told >= TELL_EVERY:
            self._told = now.mono
            self._say(event="held", seconds=held.seconds, mono=now.mono)

    def _heed(self) -> bool:
        """Obey the daemon; whether to listen to it further."""
        if self._words is not None:
            self._obey(self._words)
        return self._words is not None

    def _obey(self, words: Words) -> None:
        """Raises OSError when the disk cannot be written."""
        said = words.read()
        if not said:
            self._words = None
            self._on_stop(signal.SIGTERM, None)
        for word in said:
            if word == "record":
                self._record()
            elif self._window is not None and word == "show":
                self._window.show(self._held)
            elif self._window is not None and word == "hide":
                self._window.hide()

    def _record(self) -> None:
        """From here on a keeper like any other; what was held is the lesson's beginning."""
        header, held = self._header, self._held.take_out() if self._held is not None else []
        self._armed, self._words, self._held = False, None, None
        self._began = time.monotonic()
        os.dup2(os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC), sys.stdout.fileno())
        self._window = None
        self._settle()
        if header is not None and held:
            first, arrived = held[0]
            self._open(header, arrived, decode_time(header, first))
        for fragment, arrived in held:
            self._keep(fragment, arrived)

    # -- both

    def _check(self, writer: TakeWriter, now: float) -> None:
        disk = os.statvfs(self._folder)
        if disk.f_bavail * disk.f_frsize < self._order.reserve:
            raise DiskReserved(errno.ENOSPC, "only the reserve is left")
        if now - self._began > self._order.longest or not writer.file.exists():
            self._on_stop(signal.SIGTERM, None)

    def _on_feeder(self, said: dict[str, Any]) -> None:
        if "rms_db" in said:
            self._say(event="level", rms_db=said["rms_db"], peak_db=said.get("peak_db", said["rms_db"]))

    def _on_stop(self, _signal: int, _frame: FrameType | None) -> None:
        self._stopping = True
        if self._capture is not None:
            self._capture.stop()
        os.write(self._wake_write, b"x")

    def _on_ease(self, number: int, frame: FrameType | None) -> None:
        self._ending = "eased"
        self._on_stop(number, frame)

    def _on_wake(self, _signal: int, _frame: FrameType | None) -> None:
        self._woken = True
        with contextlib.suppress(BlockingIOError):  # so many that nobody has read: one is enough
            os.write(self._wake_write, b"x")

    def _rest(self, seconds: float) -> None:
        """Wait, unless told to stop or to try again meanwhile."""
        words = [] if self._words is None else [self._words.fileno()]
        heard = select.select([self._wake_read, *words], [], [], seconds)[0] if seconds else []
        if self._wake_read in heard:
            os.read(self._wake_read, 4096)
        if self._words is not None and self._words.fileno() in heard:
            self._obey(self._words)

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


def stay_in_memory() -> None:
    """What is held must not reach a disk as swap either: keep all pages of this process in memory, where that is
    allowed without a limit (the room's unit does)."""
    import ctypes  # noqa: PLC0415 - an unarmed keeper, which must start at once, needs neither of them
    import resource  # noqa: PLC0415 - likewise

    if resource.getrlimit(resource.RLIMIT_MEMLOCK)[0] == resource.RLIM_INFINITY:
        ctypes.CDLL(None).mlockall(_MCL_CURRENT | _MCL_FUTURE | _MCL_ONFAULT)


def _go_first() -> None:
    """Before judge and preview, and before what else the machine does, where this user may: each keeper has a session,
    and so by default a share of the processors, of its own (sched(7), autogroup)."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, NICENESS)
    with contextlib.suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(NICENESS))


def main() -> None:
    _go_first()
    words = Words(sys.stdin.fileno())
    lines = words.read()
    if not lines:  # who wanted a keeper has gone
        return
    order = Order(**json.loads(lines[0]))
    Path("/proc/self/comm").write_text(f"keep {order.source}")  # its name for ps and top; the kernel takes 15 letters
    sys.exit(Keeper(order, words).run())


if __name__ == "__main__":
    main()
