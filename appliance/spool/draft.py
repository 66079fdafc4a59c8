"""What somebody has chosen on the panel so far for this room, until it is room.toml: ``spool/identity/setup.json``.

It may have the password of a camera that was typed in, so it is for the room's user alone, as the room's key is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from appliance.spool.layout import Spool, make_directory, write_atomically


@dataclass(frozen=True, slots=True)
class Device:
    """A camera or a microphone. key: by which the panel names it. id: that of its table in room.toml, if it has one.
    config: what room.toml would need."""

    key: str
    kind: str
    driver: str
    title: str
    config: Mapping[str, Any] = field(repr=False)
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """None: not chosen yet. typed: cameras by their addresses. later: the server is left for another day."""

    language: str | None = None
    name: str | None = None
    devices: tuple[Device, ...] | None = None
    typed: tuple[Device, ...] = ()
    later: bool = False


def file_of(spool: Spool) -> Path:
    return spool.identity / "setup.json"


def read(spool: Spool) -> Draft:
    """An empty one where there is none, or one that cannot be read: it is asked again then."""
    try:
        found = json.loads(file_of(spool).read_bytes())
        devices = found["devices"]
        return Draft(
            language=found["language"],
            name=found["name"],
            devices=None if devices is None else tuple(Device(**each) for each in devices),
            typed=tuple(Device(**each) for each in found["typed"]),
            later=bool(found["later"]),
        )
    except (OSError, ValueError, TypeError, KeyError):
        return Draft()


def write(spool: Spool, draft: Draft) -> None:
    """Durable when it returns. Raises OSError."""
    make_directory(spool.identity)
    text = json.dumps(asdict(draft), ensure_ascii=False)
    write_atomically(file_of(spool), text.encode() + b"\n", 0o600)


def remove(spool: Spool) -> None:
    """Raises OSError."""
    file_of(spool).unlink(missing_ok=True)
