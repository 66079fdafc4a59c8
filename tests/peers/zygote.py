"""Our command line programs, each run to its end in a process of its own that is forked from one which has loaded them.

Tests give hundreds of short orders (migrate, add a user, enrol), and loading the program costs each of them more than a
second of a processor before it does some milliseconds' work. What is loaded is the program itself, and what runs is its
entry point; only the interpreter's start is shared. The daemons, and programs that are killed, are started as anybody
starts them.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from importlib.metadata import entry_points
from pathlib import Path

LOADED = [
    "appliance.cli",
    "appliance.export",
    "lms_sync.cli",
    "lms_sync.export",
    "lms_server.carried",
    "lms_server.cli",
    "lms_server.pull.cli",
    "tests.peers.zygote",
]
_SPAWN = multiprocessing.get_context("forkserver")
_SPAWN.set_forkserver_preload(LOADED)


def run(
    argv: Sequence[str], *, stdin: str = "", timeout: float = 120.0, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """argv: one of our programs by its name, and its arguments. Raises subprocess.TimeoutExpired."""
    with tempfile.TemporaryDirectory() as place:
        said = [Path(place) / name for name in ("in", "out", "err")]
        said[0].write_text(stdin)
        files = [str(file) for file in said]
        where = f"/proc/{os.getpid()}/task/{threading.get_native_id()}/ns"
        process = _SPAWN.Process(target=_perform, args=(list(argv), files, dict(env or os.environ), where))
        process.start()
        process.join(timeout)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired(list(argv), timeout)
        out, err = (file.read_text() if file.exists() else "" for file in said[1:])
        return subprocess.CompletedProcess(list(argv), process.exitcode, out, err)


def _enter(namespace: str) -> None:
    """setns(2); Python has it from 3.12 on."""
    folder = Path.cwd()
    descriptor = os.open(namespace, os.O_RDONLY | os.O_CLOEXEC)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(descriptor, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), f"setns({namespace})")
    os.close(descriptor)
    os.chdir(folder)


def _perform(argv: list[str], files: list[str], env: dict[str, str], where: str) -> None:
    for kind in ("mnt", "net"):  # the disks and the network that the test sees, which may be its own
        if os.readlink(f"{where}/{kind}") != os.readlink(f"/proc/self/ns/{kind}"):
            _enter(f"{where}/{kind}")
    flags = (os.O_RDONLY, os.O_WRONLY | os.O_CREAT, os.O_WRONLY | os.O_CREAT)
    for descriptor, (file, flag) in enumerate(zip(files, flags, strict=True)):
        os.dup2(os.open(file, flag, 0o600), descriptor)
    sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w", buffering=1)  # noqa: SIM115 - open until the process ends
    os.environ.clear()
    os.environ.update(env)
    (program,) = entry_points(group="console_scripts", name=argv[0])
    sys.argv = [str(Path(sys.executable).parent / argv[0]), *argv[1:]]
    try:
        sys.exit(program.load()())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
