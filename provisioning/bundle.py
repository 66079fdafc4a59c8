"""What who helps from afar asks for, in one archive, without a secret: every text goes through the scrubber last."""

from __future__ import annotations

import gzip
import io
import json
import os
import platform
import subprocess
import tarfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from appliance import client
from appliance import doctor as room_doctor
from appliance.config import load
from appliance.errors import RoomError
from appliance.spool.layout import Spool, write_atomically
from appliance.spool.ledger import Ledger, LedgerUnreadable
from provisioning import doctor as machine_doctor
from provisioning.scrubbing import Scrubber, secrets_of_room

MOST = 2 * 1024 * 1024
"""Bytes of each log: its end."""
SECONDS = 20.0
DAYS = 7
_NAMED = ("title", "teacher", "label", "person")
"""Keys whose values are about people or their lessons."""


def write_bundle(out: Path, config: Path, spool: Path, url: str, logs: Path | None = None) -> list[str]:
    """The names of what is in it. What cannot be had says so in its place. Raises OSError."""
    scrubber = Scrubber(secrets_of_room(config, spool))
    parts: dict[str, Callable[[], str]] = {
        "about.json": _about,
        "doctor.json": lambda: _json([each.as_json() for each in room_doctor.examine(config, spool, url, quick=True)]),
        "machine.json": lambda: _json([vars(each) for each in machine_doctor.examine("run", spool)]),
        "room.toml": lambda: load(config).dump(),
        "status.json": lambda: _json(_unnamed(client.ask(url, "GET", "/api/v1/status"))),
        "devices.json": lambda: _json(client.ask(url, "GET", "/api/v1/devices")),
        "ledger.json": lambda: _ledger(Spool(spool)),
        "spool.txt": lambda: _listing(spool),
        "audit.log": partial(_tail, spool / "audit.log"),
        "journal.log": _journal,
    }
    for file in sorted(logs.glob("*.log*")) if logs is not None else []:
        parts[f"logs/{file.name}"] = partial(_tail, file)
    packed = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w") as archive,
    ):
        for name, make in parts.items():
            _add(archive, f"darsbox/{name}", scrubber.clean(_said(make)))
    write_atomically(out, packed.getvalue(), mode=0o600)
    return list(parts)


def _said(make: Callable[[], str]) -> str:
    try:
        return make()
    except RoomError as error:
        return f"It cannot be had: {error.detail}\n"
    except LedgerUnreadable as error:
        return f"It cannot be had: {error}\n"
    except OSError as error:
        return f"It cannot be had: {error.filename or ''} {error.strerror or error}\n"


def _add(archive: tarfile.TarFile, name: str, text: str) -> None:
    data = text.encode("utf-8", "replace")
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode, entry.mtime = len(data), 0o600, int(time.time())
    archive.addfile(entry, io.BytesIO(data))


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"


def _about() -> str:
    return _json(
        {
            "made": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "machine": platform.platform(),
            "system": platform.freedesktop_os_release().get("PRETTY_NAME", ""),
            "python": platform.python_version(),
            "up_seconds": round(time.monotonic()),
            "load": os.getloadavg(),
            "packages": {each.name: each.version for each in sorted(distributions(), key=lambda each: each.name)},
        }
    )


def _ledger(spool: Spool) -> str:
    """How many files are how far, and what the agent noted; no lesson by its name."""
    if not spool.ledger_file.exists():
        return "There is none.\n"
    with Ledger(spool.ledger_file, patience=2.0) as ledger:
        rows, notes = ledger.assets(), ledger.notes()
    count, size = Counter[str](), Counter[str]()
    for row in rows:
        count[f"{row.tier} {row.state}"] += 1
        size[f"{row.tier} {row.state}"] += row.bytes
    problems = Counter(row.problem for row in rows if row.problem)
    return _json({"files": count, "bytes": size, "problems": problems, "notes": notes})


def _listing(spool: Path) -> str:
    """Every file with its length and time, as a lesson's parts tell what became of it; none of their content."""
    return "".join(f"{size:>14} {when} {name}\n" for name, size, when in _entries(spool)) or "It is empty.\n"


def _entries(spool: Path) -> Iterator[tuple[str, int, str]]:
    for file in sorted(spool.rglob("*")):
        try:
            facts = file.lstat()
        except OSError:
            continue
        if not file.is_dir():
            when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(facts.st_mtime))
            yield str(file.relative_to(spool)), facts.st_size, when


def _tail(file: Path) -> str:
    """Without the line in which it begins: half of one could hold half of a secret."""
    with file.open("rb") as log:
        begin = max(0, file.stat().st_size - MOST)
        log.seek(begin)
        text = log.read(MOST).decode(errors="replace")
    return text.partition("\n")[2] if begin else text


def _journal() -> str:
    command = ["journalctl", "--no-pager", "--output=short-iso", f"--since=-{DAYS}d", "--unit=darsbox*"]
    try:
        done = subprocess.run(command, capture_output=True, timeout=SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return "There is no journal here.\n"
    if not done.stdout.strip():
        said = done.stderr.decode(errors="replace")
        return f"There is nothing in the journal for this user; try again with sudo.\n{said}"
    text = done.stdout[-MOST:].decode(errors="replace")
    return text.partition("\n")[2] if len(done.stdout) > MOST else text


def _unnamed(value: Any) -> Any:
    """Without what is about people and their lessons."""
    if isinstance(value, dict):
        return {key: "…" if key in _NAMED and inner else _unnamed(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_unnamed(inner) for inner in value]
    return value
