"""Stepping back behind the recorder: less CPU and disk for us, without needing any right to it."""

from __future__ import annotations

import ctypes
import os
import platform

NICE = 10
_IOPRIO_SET = {"x86_64": 251, "aarch64": 30}
"""Number of the system call; glibc has no function for it."""
_WHO_PROCESS, _CLASS_IDLE, _CLASS_SHIFT = 1, 3, 13


def step_back() -> None:
    """Lower this process's CPU and disk priority as far as the system lets it; what it does not is no loss."""
    wanted = NICE - os.getpriority(os.PRIO_PROCESS, 0)
    if wanted > 0:
        os.nice(wanted)
    number = _IOPRIO_SET.get(platform.machine())
    if number is not None:
        ctypes.CDLL(None).syscall(number, _WHO_PROCESS, 0, _CLASS_IDLE << _CLASS_SHIFT)
