"""``FOLDER/waiting.json``: the version that the server wants and that is not in use yet, since when, and why: for
whoever asks the doctor. The updater writes it at each try; it decides nothing by it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from appliance.spool.layout import write_atomically

FILE = "waiting.json"
LARGEST = 64 * 1024


@dataclass(frozen=True, slots=True)
class Waiting:
    """since: Unix seconds of the first try, 0 when the time was not known. why: one sentence."""

    version: str
    since: float
    why: str


def read(folder: Path) -> Waiting | None:
    """None when nothing waits, or it cannot be read."""
    try:
        with (folder / FILE).open("rb") as file:
            found = json.loads(file.read(LARGEST))
        return Waiting(str(found["version"]), float(found["since"]), str(found["why"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def note(folder: Path, version: str, why: str, now: float | None) -> None:
    """Raises OSError."""
    before = read(folder)
    since = before.since if before is not None and before.version == version and before.since else now or 0.0
    said = Waiting(version, since, why)
    if said != before:
        write_atomically(folder / FILE, json.dumps(asdict(said)).encode() + b"\n")


def clear(folder: Path) -> None:
    """Raises OSError."""
    (folder / FILE).unlink(missing_ok=True)
