"""First use of a demo installation: a server with an admin, a token for programs, and a room enrolled with it.

Everything goes through the command lines that an admin would use. What was done is written down inside the server's
own folder, so that deleting that folder undoes it too.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

ADMIN = "admin"
PROGRAM = "pull"
_NOTE = "demo-setup.json"
_COMMAND_SECONDS = 60.0


class CannotJoin(Exception):
    """One sentence: which command did not work, and its own last words."""


@dataclass
class Logins:
    """How people and programs get in; random for every installation."""

    admin_password: str
    pull_token: str = ""
    room_id: str = ""
    """The room that was enrolled last; empty before."""


def programme(name: str) -> str:
    """Path of one of our commands, beside the Python that runs this."""
    return str(Path(sys.executable).parent / name)


def read_logins(server_data: Path) -> Logins | None:
    """What an earlier start set up, or None."""
    try:
        return Logins(**json.loads((server_data / _NOTE).read_text()))
    except (OSError, ValueError, TypeError):
        return None


def write_private(file: Path, body: object) -> None:
    """JSON that only its owner can read, never half written."""
    fresh = file.with_name(file.name + ".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        json.dump(body, out, indent=1)
        out.write("\n")
    fresh.replace(file)


def enrolled_room(spool: Path) -> str:
    """The id by which the room knows itself at its server; empty when it is not enrolled."""
    try:
        return str(json.loads((spool / "identity" / "server.json").read_text())["room_id"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


async def make_logins(server_data: Path) -> Logins:
    """An admin with a random password, and a token to pull recordings with. Raises CannotJoin."""
    server = [programme("lms-server"), "--data", str(server_data)]
    logins = Logins(admin_password=secrets.token_urlsafe(9))
    await _person(server, ADMIN, "admin", logins.admin_password)
    await _person(server, PROGRAM, "service", secrets.token_urlsafe(24))
    logins.pull_token = (await command([*server, "user", "token", PROGRAM])).strip()
    write_private(server_data / _NOTE, asdict(logins))
    return logins


async def _person(server: Sequence[str], name: str, role: str, password: str) -> None:
    """Add somebody; one whom an interrupted first start has added already gets this password."""
    try:
        await command([*server, "user", "add", name, "--role", role, "--password-stdin"], stdin=password)
    except CannotJoin:
        await command([*server, "user", "password", name, "--password-stdin"], stdin=password)


async def enrol(
    server_data: Path, spool: Path, logins: Logins, *, server_url: str, room: str, institution: str
) -> None:
    """Bind the room's key to the running server. Raises CannotJoin."""
    code = (await command([programme("lms-server"), "--data", str(server_data), "enrol-code", room])).split()[-1]
    where = ["--spool", str(spool), "--server", server_url]
    who = ["--room", room, *(["--institution", institution] if institution else [])]
    await command([programme("lms-sync"), "enrol", *where, "--code", code, *who])
    logins.room_id = enrolled_room(spool)
    write_private(server_data / _NOTE, asdict(logins))


async def command(line: Sequence[str], stdin: str = "") -> str:
    """What one of our commands printed. Raises CannotJoin with its last words."""
    process = await asyncio.create_subprocess_exec(
        *line, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(_COMMAND_SECONDS):
            out, errors = await process.communicate(stdin.encode())
    except TimeoutError as error:
        raise CannotJoin(f"{_shown(line)} did not end within {_COMMAND_SECONDS:.0f} s.") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        said = [text for text in errors.decode(errors="replace").splitlines() if text.strip()] or ["it said nothing"]
        raise CannotJoin(f"{_shown(line)} did not work: {said[-1].strip()}")
    return out.decode()


def _shown(line: Sequence[str]) -> str:
    return " ".join([Path(line[0]).name, *line[1:]])
