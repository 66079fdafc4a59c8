"""Our programs, each in a process of its own that is forked from one which has loaded them.

Tests start hundreds of servers and daemons and give hundreds of short orders (migrate, add a user, enrol), and loading
the program costs each of them a second or two of a processor before it does anything. What is loaded is the program
itself, and what runs is its entry point; only the interpreter's start is shared. How a program starts for anybody else
is seen by the tests of `make run` and of the wheel.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import entry_points
from pathlib import Path

WATCHED = "watched-room"
"""The daemon whose keepers are watched, of the power cuts."""
PROGRAMS = frozenset({"appliance", "lms-sync", "lms-server", "lms-pull", WATCHED})
LOADED = [
    "appliance.cli",
    "appliance.export",
    "appliance.main",
    "lms_sync.cli",
    "lms_sync.export",
    "lms_server.carried",
    "lms_server.cli",
    "lms_server.main",
    "lms_server.pull.cli",
    "tests.peers.zygote",
    "tests.system.powercut.witness",
]
_SPAWN = multiprocessing.get_context("forkserver")
_SPAWN.set_forkserver_preload(LOADED)


class Forked:
    """A program that runs, with as much of subprocess.Popen's face as tests look at. One that a test leaves behind is
    ended with the tests."""

    def __init__(self, argv: Sequence[str], files: Sequence[Path], env: Mapping[str, str] | None = None) -> None:
        """argv: one of PROGRAMS and its arguments. files: standard input, output and error, the last two added to."""
        self.args = list(argv)
        where = f"/proc/{os.getpid()}/task/{threading.get_native_id()}/ns"
        facts = (self.args, [str(file) for file in files], dict(env or os.environ), where, str(Path.cwd()))
        self._process = _SPAWN.Process(target=_perform, args=facts, daemon=True)
        self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        """The exit status, that of a signal negative; None while it runs."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Raises subprocess.TimeoutExpired."""
        self._process.join(timeout)
        if self._process.exitcode is None:
            assert timeout is not None
            raise subprocess.TimeoutExpired(self.args, timeout)
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def run(
    argv: Sequence[str], *, stdin: str = "", timeout: float = 120.0, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """A program to its end. Raises subprocess.TimeoutExpired."""
    with tempfile.TemporaryDirectory() as place:
        said = [Path(place) / name for name in ("in", "out", "err")]
        said[0].write_text(stdin)
        program = Forked(argv, said, env)
        try:
            code = program.wait(timeout)
        except subprocess.TimeoutExpired:
            program.kill()
            program.wait()
            raise
        out, err = (file.read_text() if file.exists() else "" for file in said[1:])
        return subprocess.CompletedProcess(list(argv), code, out, err)


def _enter(namespace: str) -> None:
    """setns(2); Python has it from 3.12 on."""
    descriptor = os.open(namespace, os.O_RDONLY | os.O_CLOEXEC)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(descriptor, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), f"setns({namespace})")
    os.close(descriptor)


def _entry(program: str) -> Callable[[], object]:
    if program == WATCHED:
        from tests.system.powercut.witness import daemon

        return daemon
    (found,) = entry_points(group="console_scripts", name=program)
    entry: Callable[[], object] = found.load()
    return entry


def _perform(argv: list[str], files: list[str], env: dict[str, str], where: str, folder: str) -> None:
    for kind in ("mnt", "net"):  # the disks and the network that the test sees, which may be its own
        if os.readlink(f"{where}/{kind}") != os.readlink(f"/proc/self/ns/{kind}"):
            _enter(f"{where}/{kind}")
    os.chdir(folder)
    flags = (os.O_RDONLY, os.O_WRONLY | os.O_CREAT | os.O_APPEND, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for descriptor, (file, flag) in enumerate(zip(files, flags, strict=True)):
        os.dup2(os.open(file, flag, 0o600), descriptor)
    sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w", buffering=1)  # noqa: SIM115 - open until the process ends
    os.environ.clear()
    os.environ.update(env)
    sys.argv = [str(Path(sys.executable).parent / argv[0]), *argv[1:]]
    try:
        sys.exit(_entry(argv[0])())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
