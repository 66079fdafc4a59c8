"""``spool/update.json``: which version of Darsbox the central server wants in this room.

The sync agent writes it; the updater reads it. It is a wish only: what is installed is proved by the signatures of
whoever makes updates.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from appliance.spool.layout import Spool, write_atomically

LARGEST = 4096
_VERSION = re.compile(r"[0-9][A-Za-z0-9.+!-]{0,59}")


def write(spool: Spool, version: str) -> None:
    """ "" for none in particular. Raises OSError, ValueError."""
    if version and not _VERSION.fullmatch(version):
        raise ValueError("That is no version such as 1.4.0.")
    if version != read(spool):
        write_atomically(_file(spool), json.dumps({"version": version}).encode() + b"\n")


def read(spool: Spool) -> str:
    """ "" when none is wanted, or it cannot be read: it comes again with the next heartbeat."""
    try:
        with _file(spool).open("rb") as file:
            found = json.loads(file.read(LARGEST))["version"]
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return found if isinstance(found, str) and _VERSION.fullmatch(found) else ""


def _file(spool: Spool) -> Path:
    return spool.root / "update.json"
