"""``spool/audit.log``: a line for what nobody in the room did by a touch, durable before it is done."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from appliance.spool.layout import Spool, sync_directory


def note(spool: Spool, line: Mapping[str, object]) -> None:
    """Append one line, durably, after a line that a power cut may have torn. Raises OSError."""
    _append(spool.root / "audit.log", json.dumps(line).encode() + b"\n")


def _append(file: Path, line: bytes) -> None:
    new = not file.exists()
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640)
    try:
        size = os.fstat(descriptor).st_size
        if size and os.pread(descriptor, 1, size - 1) != b"\n":
            line = b"\n" + line
        if os.write(descriptor, line) != len(line):
            raise OSError(28, "the audit log took only a part of its line")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    if new:
        sync_directory(file.parent)
