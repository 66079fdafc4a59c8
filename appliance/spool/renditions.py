"""What was made of a kept lesson for poor links, and what is settled: ``renditions/renditions.json`` of its folder.

A rendition counts once it stands there, with its length and SHA-256; whatever else lies in the folder was left by a
run that was killed. The ledger's assets follow from it (appliance.spool.ledger.assets_of).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from appliance.spool.layout import Spool, make_directory, sync_directory, write_atomically

FOLDER = "renditions"
TIERS = {"poster": "card", "slidecast": "slidecast", "proxy": "proxy"}
"""Tier of every kind, in the order of making and of sending."""
NAMES = {"poster": "poster.jpg", "slidecast": "slidecast.mp4", "proxy": "proxy.mp4"}
_LIST = "renditions.json"


@dataclass(frozen=True, slots=True)
class Rendition:
    kind: str
    bytes: int
    sha256: str

    @property
    def path(self) -> str:
        """Inside the lesson's folder."""
        return f"{FOLDER}/{NAMES[self.kind]}"


@dataclass(frozen=True, slots=True)
class Renditions:
    """settled: the kinds that were made, or of which it is known that nothing can be made."""

    settled: tuple[str, ...] = ()
    made: tuple[Rendition, ...] = ()

    @property
    def complete(self) -> bool:
        return set(TIERS) <= set(self.settled)


def read(spool: Spool, lesson: str) -> Renditions:
    """A list that is missing or cannot be read is an empty one: everything is made again."""
    try:
        body = json.loads((spool.lesson_dir(lesson) / FOLDER / _LIST).read_bytes())
        made = tuple(Rendition(str(item["kind"]), int(item["bytes"]), str(item["sha256"])) for item in body["made"])
        settled = tuple(kind for kind in body["settled"] if kind in TIERS)
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return Renditions()
    return Renditions(settled, tuple(item for item in made if item.kind in TIERS))


def folder(spool: Spool, lesson: str) -> Path:
    """Where they are made, durable."""
    place = spool.lesson_dir(lesson) / FOLDER
    make_directory(place)
    return place


def settle(spool: Spool, lesson: str, kind: str, part: Path | None) -> None:
    """A kind is made, in the file ``part`` of the same folder, which is durable; or nothing can be made of it. Raises
    OSError.

    Killed at any instant, it has happened or it has not.
    """
    known = read(spool, lesson)
    made = [item for item in known.made if item.kind != kind]
    if part is not None:
        with part.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        made.append(Rendition(kind, part.stat().st_size, digest))
        part.replace(part.with_name(NAMES[kind]))
        sync_directory(part.parent)
    body = {"settled": [*dict.fromkeys((*known.settled, kind))], "made": [asdict(item) for item in made]}
    write_atomically(spool.lesson_dir(lesson) / FOLDER / _LIST, json.dumps(body, indent=1).encode() + b"\n")
