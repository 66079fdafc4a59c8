"""room.toml as the program itself writes it: by whom, what stands in it, and how it takes the place of the old one.

What the program writes begins with a seal: a line that names the writer and has the SHA-256 of the rest. A file whose
seal fits was changed by nobody; any other is a person's.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from appliance.config import MAX_BYTES, Language, parse
from appliance.dumping import are_tables, as_file, is_secret
from appliance.errors import CannotWrite, ConfigError
from appliance.secret_files import FOLDER
from appliance.spool.draft import Device
from appliance.spool.layout import make_directory, write_atomically

Writer = Literal["installer", "panel"]
BEFORE = "before"
"""Added to the name of a room.toml that was replaced; a number behind it where that is taken."""
_SEAL = re.compile(r"# darsbox: written by the (\w+), ([0-9a-f]{64})\n")
_SOURCES = ("camera", "microphone")


def sealed(text: str, writer: Writer) -> str:
    """The text with its seal above it."""
    return f"# darsbox: written by the {writer}, {_digest(text)}\n{text}"


def writer_of(text: str) -> Writer | None:
    """Who wrote this file; None for a person, if only by changing it."""
    found = _SEAL.match(text)
    if found is None or _digest(text[found.end() :]) != found[2]:
        return None
    return next((writer for writer in get_args(Writer) if writer == found[1]), None)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def read(file: Path) -> str:
    """Raises OSError, UnicodeDecodeError."""
    with file.open("rb") as opened:
        return opened.read(MAX_BYTES + 1).decode()


@dataclass(frozen=True, slots=True)
class Settings:
    """What a person chose. devices: cameras and microphones; one that has a table in the file has its id, and that
    table stays as it is. server: None leaves what the file says."""

    name: str
    language: Language
    devices: Sequence[Device]
    server: str | None = None


def write(file: Path, settings: Settings) -> Path:
    """Put these settings into the file; whatever else it says stays, but for comments. Returns where the old one is
    kept. A power cut leaves the old file or the new one. Passwords go into files of their own.

    Raises CannotWrite, ConfigError when the whole would be no room.toml; then nothing has changed.
    """
    place = file.resolve()  # a link stays one
    folder = place.parent / FOLDER
    beside = file.absolute().parent == place.parent

    def where(name: str) -> str:
        """A secret is looked for beside the file's name; behind a link that is elsewhere, so it is named whole."""
        free = _free(folder / name)
        return free.name if beside else str(free)

    try:
        old = read(place)
        new = room_toml(tomllib.loads(old), settings, where)
        parse(new.text)
        for secret_file, secret in new.secrets.items():
            _keep_secret(folder / secret_file, secret)  # a whole path stays as it is
        before, mode = _free(place.with_name(f"{place.name}.{BEFORE}")), place.stat().st_mode & 0o777
        write_atomically(before, old.encode(), mode)
        write_atomically(place, sealed(new.text, "panel").encode(), mode)
    except OSError as error:
        said = f"{error.filename or place} cannot be written ({error.strerror})"
        raise CannotWrite(f"{said}; give the room's user its folder, or write room.toml by hand.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} is not TOML ({error}); mend it first: appliance config") from error
    return before


@dataclass(frozen=True, slots=True)
class Made:
    """secrets: by their files."""

    text: str
    secrets: Mapping[str, str] = field(repr=False)


def room_toml(old: Mapping[str, Any], settings: Settings, where: Callable[[str], str] = str) -> Made:
    """Pure. old: the file as ``tomllib`` reads it. where: from a name to the file of a secret, as room.toml says it."""
    room: dict[str, Any] = {"room": {}, **{key: value for key, value in old.items() if key not in _SOURCES}}
    room["room"] = {**room["room"], "name": settings.name, "language": settings.language}
    if settings.server is not None:
        room["server"] = {**room.get("server", {}), "url": settings.server}
    taken = {table.get("id") for tables in room.values() if are_tables(tables) for table in tables}
    taken |= {wish.id for wish in settings.devices}
    secrets: dict[str, str] = {}
    for kind in _SOURCES:
        room[kind] = []
        for wish in (each for each in settings.devices if each.kind == kind):
            table = _table(old, wish)
            if table is None:
                name = next(name for name in _names(kind) if name not in taken)
                taken.add(name)
                table = {"id": name, "label": wish.title[:60], "driver": wish.driver, **wish.config}
                for key in [key for key in wish.config if is_secret(key)]:
                    file = where(name)
                    secrets[file], table[key] = str(wish.config[key]), {"file": file}
            room[kind].append(table)
    return Made(as_file(room), secrets)


def _table(old: Mapping[str, Any], wish: Device) -> dict[str, Any] | None:
    """The device's own table of the file, with an id."""
    for number, table in enumerate(old.get(wish.kind, []), start=1):
        name = table.get("id", f"{wish.kind}-{number}")
        if wish.id is not None and name == wish.id:
            return {"id": name, **table}
    return None


def _names(kind: str) -> Iterator[str]:
    number = 0
    while True:
        number += 1
        yield f"{kind}-{number}"


def _keep_secret(file: Path, secret: str) -> None:
    """For the room's user alone. Raises OSError."""
    make_directory(file.parent)
    file.parent.chmod(0o700)
    write_atomically(file, secret.encode(), 0o600)


def _free(first: Path) -> Path:
    """The first of these names that nothing has: NAME, NAME-2, NAME-3."""
    number, found = 1, first
    while found.exists():
        number += 1
        found = first.with_name(f"{first.name}-{number}")
    return found
