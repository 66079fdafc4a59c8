"""A process from which keepers are forked, so that nobody waits at Start until Python has loaded what they need.

    python -S -c … appliance.recorder.nursery      (standard input: one end of a socket pair)

A message with two descriptors asks for a keeper with these as its standard input and output; the answer is its process
id, with a pidfd. The process ends when the daemon's end closes; the keepers live on. It holds nothing and may be killed
at any time: the daemon then starts another. Standard library only.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from appliance.recorder import keeper

MODULE = "appliance.recorder.nursery"
_CODE = Path(__file__).parents[2]
_BOOT = "import sys; sys.path.insert(0, sys.argv[1]); from appliance.recorder.nursery import main; main()"
PATIENCE = 5.0
"""Seconds for an answer; the first one waits until the process has loaded."""


@dataclass(frozen=True, slots=True)
class Newborn:
    """A keeper's process, and the descriptors to it, which belong to who asked for it; one that is another's, or whom
    nobody hears, lacks the last two."""

    pid: int
    pidfd: int
    stdin: int | None
    stdout: int | None


class Nursery:
    """The daemon's side. Its process is started with it, and again when it is gone. Belongs to one thread."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._door: socket.socket | None = None

    def open(self) -> None:
        """Start the process, if there is none; it loads while others go on."""
        if self._door is None:
            self._door, theirs = socket.socketpair()
            self._door.settimeout(PATIENCE)
            with theirs:
                self._process = subprocess.Popen(
                    # Without site, which costs half of a start; a keeper needs nothing but the standard library and our
                    # files. In a session of its own, which Ctrl-C does not reach.
                    [sys.executable, "-S", "-c", _BOOT, str(_CODE), MODULE],
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    start_new_session=True,
                )

    def bear(self, *, heard: bool) -> Newborn:
        """Another keeper. heard: somebody reads its standard output. Raises OSError when this machine starts no more
        processes."""
        stdin, words = os.pipe2(os.O_CLOEXEC)
        out, stdout = os.pipe2(os.O_CLOEXEC) if heard else (None, os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC))
        try:
            try:
                pid, pidfd = self._ask(stdin, stdout)
            except OSError:  # it was killed, or hangs: another one, once
                self.close()
                pid, pidfd = self._ask(stdin, stdout)
        except OSError:
            os.close(words)
            if out is not None:
                os.close(out)
            raise
        finally:
            os.close(stdin)
            os.close(stdout)
        return Newborn(pid, pidfd, words, out)

    def close(self) -> None:
        """The process ends; the keepers that it made do not."""
        if self._door is not None:
            self._door.close()
            self._door = None
        if self._process is not None:
            try:
                self._process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def _ask(self, stdin: int, stdout: int) -> tuple[int, int]:
        """Raises OSError."""
        self.open()
        door = self._door
        if door is None:
            raise ConnectionResetError
        socket.send_fds(door, [b"?"], [stdin, stdout])
        answer, descriptors, _, _ = socket.recv_fds(door, 32, 1, socket.MSG_CMSG_CLOEXEC)
        if not descriptors:
            raise ConnectionResetError
        return int(answer), descriptors[0]


def main() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel buries keepers; the daemon watches them by pidfd
    gc.freeze()
    with socket.socket(fileno=os.dup(0)) as door:
        while True:
            _, descriptors, _, _ = socket.recv_fds(door, 1, 2, socket.MSG_CMSG_CLOEXEC)
            if len(descriptors) < 2:
                return
            pid = os.fork()
            if not pid:
                break
            pidfd = os.pidfd_open(pid)  # it waits for its order, so it lives
            socket.send_fds(door, [str(pid).encode()], [pidfd])
            for descriptor in (*descriptors, pidfd):
                os.close(descriptor)
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    keeper.main()


if __name__ == "__main__":
    main()
