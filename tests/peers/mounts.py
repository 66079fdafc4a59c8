"""File systems for one test run only: whatever becomes of the run, no mount and no loop device outlives its processes.

They are mounted in a mount namespace of the run's own (mount_namespaces(7)), which the kernel empties when the last
process in it has ended, and on loop devices that free themselves. So a run that was killed leaves nothing that is busy
when the next one cleans up. Needs root.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.peers.program import wait_until

CLONE_NEWNS = 0x00020000
"""linux/sched.h. Python has os.unshare from 3.12 on."""


@cache
def private_to_this_run() -> str:
    """From now on mounts of this thread, of threads it starts and of all their programs are seen by nobody else.

    Returns the file of an outer namespace, for nsenter: what is mounted there is seen here too, but not the other way
    round. A program that serves a disk must live in that one: its end would unmount the disk with nobody to serve it.
    """
    _unshare()
    _run("mount", "--make-rshared", "/")
    outer = os.open("/proc/thread-self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
    _unshare()
    _run("mount", "--make-rslave", "/")
    return f"/proc/{os.getpid()}/fd/{outer}"


def _unshare() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), "unshare(CLONE_NEWNS)")


@contextlib.contextmanager
def image(file: Path, folder: Path) -> Iterator[Path]:
    """The file system of an image, in use. No direct I/O on the loop device: on a FUSE file it corrupts."""
    with _mounted(folder, "-o", "loop,noatime", str(file)):
        yield folder


@contextlib.contextmanager
def memory(folder: Path, size: int, *options: str) -> Iterator[Path]:
    """A file system of so many bytes in memory."""
    with _mounted(folder, "-t", "tmpfs", "-o", ",".join([f"size={size}", *options]), "tmpfs"):
        yield folder


@contextlib.contextmanager
def _mounted(folder: Path, *how: str) -> Iterator[None]:
    private_to_this_run()
    folder.mkdir(exist_ok=True)
    _run("mount", *how, str(folder))
    try:
        yield
    finally:
        wait_until(lambda: _unmounted(folder), 15, f"the end of every program on {folder}")


def _unmounted(folder: Path) -> bool:
    return subprocess.run(["umount", str(folder)], capture_output=True, check=False).returncode == 0


def _run(*argv: str) -> None:
    subprocess.run(argv, check=True, capture_output=True)
