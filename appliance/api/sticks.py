"""Removable media that are mounted and may be written to: what the IT screen offers for an export, and nothing else.

From the kernel's own tables. A disk that carries the system or the spool is none, even if it hangs on USB. Blocking.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")
BLOCKS = Path("/sys/class/block")
_SYSTEM = ("/", "/boot", "/boot/efi", "/usr", "/var", "/home")
_OCTAL = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True, slots=True)
class Stick:
    """path: where it is mounted, which is also its name. Bytes."""

    path: str
    free: int
    total: int


@dataclass(frozen=True, slots=True)
class _Mount:
    device: str
    path: str
    disk: Path


def removable(spool: Path, mounts: Path = MOUNTS, blocks: Path = BLOCKS) -> list[Stick]:
    """In the order in which they were mounted. mounts, blocks: for tests. Raises OSError without such a table."""
    found = list(_mounts(mounts, blocks))
    holds_spool = max(
        (mount for mount in found if spool.resolve().is_relative_to(mount.path)),
        key=lambda mount: len(mount.path),
        default=None,
    )
    taken = {mount.disk for mount in found if mount.path in _SYSTEM or mount is holds_spool}
    sticks: dict[str, Stick] = {}
    for mount in found:
        if mount.disk in taken or not _is_removable(mount.disk) or mount.device in sticks:
            continue
        try:
            usage = shutil.disk_usage(mount.path)
        except OSError:
            continue  # it was pulled out this moment
        if os.access(mount.path, os.W_OK | os.X_OK):
            sticks[mount.device] = Stick(mount.path, usage.free, usage.total)
    return list(sticks.values())


def _mounts(mounts: Path, blocks: Path) -> Iterator[_Mount]:
    """Those of disks."""
    for line in mounts.read_text("utf-8", "surrogateescape").splitlines():
        before, _, after = line.partition(" - ")
        path, (_, source, *_) = before.split()[4], after.split()
        if source.startswith("/dev/"):
            entry = (blocks / Path(_plain(source)).name).resolve()
            disk = entry.parent if (entry / "partition").exists() else entry
            yield _Mount(source, _plain(path), disk)


def _plain(text: str) -> str:
    """As the kernel has it, without its way of writing blanks."""
    return _OCTAL.sub(lambda found: chr(int(found[1], 8)), text)


def _is_removable(disk: Path) -> bool:
    try:
        said = (disk / "removable").read_text()
    except OSError:
        return False
    return said.strip() == "1" or any(part.startswith("usb") for part in disk.parts)
