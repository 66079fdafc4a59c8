"""Joining a server, which is the sync agent's work: it alone knows the room's key and the way to the server."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Sequence
from pathlib import Path

from appliance.errors import JoinRefused

_AGENT = "lms_sync.cli"
SECONDS = 45.0
"""A server on a poor link has answered by then."""


def enrol(spool: Path, words: Sequence[str]) -> int:
    """``lms-sync enrol`` in a process of its own. Returns its exit code; what it says goes straight to the person."""
    command = [sys.executable, "-m", _AGENT, "enrol", "--spool", str(spool), *words]
    return subprocess.run(command, check=False).returncode


async def join(spool: Path, server: str, code: str, room: str, institution: str) -> None:
    """Bind the room to a server by a one-time code. Raises JoinRefused, with the agent's code as ``problem``."""
    words = [f"--server={server}", f"--code={code}", f"--room={room}"]
    words += [f"--institution={institution}"] if institution else []
    command = [sys.executable, "-m", _AGENT, "enrol", "--json", f"--spool={spool}", *words]
    process = await asyncio.create_subprocess_exec(*command, stdin=DEVNULL, stdout=PIPE, stderr=PIPE)
    try:
        async with asyncio.timeout(SECONDS):
            out, err = await process.communicate()
    except TimeoutError as error:
        raise JoinRefused("The server did not answer in time; check its address.", problem="unreachable") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode == 0:
        return
    try:
        said = json.loads(out)
        raise JoinRefused(str(said["detail"]), problem=str(said["code"]))
    except (ValueError, KeyError, TypeError) as error:
        lines = err.decode(errors="replace").strip().splitlines() or ["It said nothing; see the room's log."]
        raise JoinRefused(lines[-1], problem="identity") from error


def joined(spool: Path) -> str | None:
    """The address of the server that the room has joined; None before, or where that cannot be read."""
    try:
        return str(json.loads((spool / "identity" / "server.json").read_bytes())["server"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
