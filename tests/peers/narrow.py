"""A narrow link with a real queue: the kernel's own TCP feels its delay, which no proxy can bring about.

``with narrow(256) as link:`` makes a network namespace behind a token bucket; what is started with ``link.inside``
before its command lives there and is reached at ``link.address``. Needs root, ``ip`` and ``tc``. The namespace has no
name, so it is gone with its last process, and the link with it, however the run ends.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.peers.program import stop, wait_until

_BURST = 1600
"""Bytes that pass at once: one packet."""


@dataclass(frozen=True)
class Narrow:
    """address: of the far end. inside: the beginning of a command that runs there."""

    address: str
    inside: tuple[str, ...]


@contextmanager
def narrow(kbit: int, queue: float = 1.0) -> Iterator[Narrow]:
    """kbit: kbit/s towards the far end; the way back is free. queue: seconds of it that fit before packets are lost."""
    holder = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
    try:
        ours = os.readlink("/proc/self/ns/net")
        there = Path(f"/proc/{holder.pid}/ns/net")
        wait_until(lambda: os.readlink(there) != ours, 20, "a network namespace")
        inside = ("nsenter", f"--net={there}")
        near, net = f"narrow{holder.pid}", f"10.93.{holder.pid % 250}"
        bucket = ("rate", f"{kbit}kbit", "burst", str(_BURST), "limit", str(int(kbit * 125 * queue) + _BURST))
        for command in (
            ("ip", "link", "add", near, "type", "veth", "peer", "name", "far", "netns", str(holder.pid)),
            ("ip", "address", "add", f"{net}.1/24", "dev", near),
            ("ip", "link", "set", near, "up"),
            (*inside, "ip", "address", "add", f"{net}.2/24", "dev", "far"),
            (*inside, "ip", "link", "set", "far", "up"),
            (*inside, "ip", "link", "set", "lo", "up"),
            ("tc", "qdisc", "add", "dev", near, "root", "tbf", *bucket),
        ):
            subprocess.run(command, check=True, capture_output=True)
        yield Narrow(f"{net}.2", inside)
    finally:
        stop(holder)
