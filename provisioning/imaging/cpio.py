"""An archive that Linux unpacks into its first file system: cpio's "newc" form, as
Documentation/driver-api/early-userspace/buffer-format.rst of Linux has it."""

from __future__ import annotations

import stat
from collections.abc import Mapping

FILE, SCRIPT = stat.S_IFREG | 0o644, stat.S_IFREG | 0o755
_FOLDER = stat.S_IFDIR | 0o755


def archive(files: Mapping[str, bytes], when: int) -> bytes:
    """files: by path, without a leading slash; what ends in .sh can be run. Folders are made. when: Unix seconds of
    every file."""
    entries: dict[str, tuple[int, bytes]] = {}
    for path, data in files.items():
        parts = path.split("/")
        for depth in range(1, len(parts)):
            entries.setdefault("/".join(parts[:depth]), (_FOLDER, b""))
        entries[path] = (SCRIPT if path.endswith(".sh") else FILE, data)
    rows = [_entry(number, path, mode, data, when) for number, (path, (mode, data)) in enumerate(entries.items(), 1)]
    return b"".join([*rows, _entry(0, "TRAILER!!!", 0, b"", 0)])


def _entry(number: int, path: str, mode: int, data: bytes, when: int) -> bytes:
    name = path.encode() + b"\0"
    fields = (number, mode, 0, 0, 1, when, len(data), 0, 0, 0, 0, len(name), 0)
    head = b"070701" + b"".join(b"%08X" % field for field in fields) + name
    return _padded(head) + _padded(data)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
