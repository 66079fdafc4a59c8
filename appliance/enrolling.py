"""Joining a server, which is the sync agent's work: it alone knows the room's key and the way to the server."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

_AGENT = "lms_sync.cli"


def enrol(spool: Path, words: Sequence[str]) -> int:
    """``lms-sync enrol`` in a process of its own. Returns its exit code; what it says goes straight to the person."""
    command = [sys.executable, "-m", _AGENT, "enrol", "--spool", str(spool), *words]
    return subprocess.run(command, check=False).returncode
