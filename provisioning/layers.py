"""A room on top of its profile: what a room has of its own is a short TOML, and the whole room.toml is made of both.

The rules are three. A table is taken key by key, the room's coming before the profile's. A device (and a target) is
known by its id: the same id takes the profile's table key by key, another one is added behind it; with another
``driver`` than the profile's nothing of the profile's table is taken, and ``absent = true`` leaves the device out.
Everything else (a number, a text, a list) is replaced whole. A profile may itself begin with ``profile = "…"``.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from appliance.config import DEVICE_KINDS, MAX_BYTES
from appliance.dumping import are_tables, is_secret, without_login
from appliance.errors import ConfigError

LISTED = (*DEVICE_KINDS, "target")
"""Tables that stand once for each device."""
SHIPPED = Path(__file__).parent / "profiles"
OWN = Path("/etc/darsbox/profiles")
"""Where IT staff keep theirs; one of the same name comes before the shipped one."""
DEEPEST = 8

Room = dict[str, Any]
"""A room.toml as ``tomllib`` reads it."""


class Profiles:
    """Profiles by their name, each read once. own: folders that are looked into before the shipped ones."""

    def __init__(self, *own: Path) -> None:
        self._folders = (*own, SHIPPED)
        self._read: dict[str, Room] = {}

    def names(self) -> dict[str, Path]:
        found: dict[str, Path] = {}
        for folder in self._folders:
            for file in sorted(folder.glob("*.toml")):
                found.setdefault(file.stem, file)
        return found

    def get(self, name: str) -> Room:
        """With what it stands on itself. Raises ConfigError."""
        if name not in self._read:
            self._read[name] = self._whole(name, ())
        return self._read[name]

    def _whole(self, name: str, above: Sequence[str]) -> Room:
        if name in above or len(above) >= DEEPEST:
            raise ConfigError(f"The profile {name!r} stands on itself: {' on '.join([*above, name])}.")
        names = self.names()
        if name not in names:
            near = difflib.get_close_matches(name, names, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(names)}."
            raise ConfigError(f"There is no profile {name!r}; {hint}")
        own = read(names[name])
        below = own.pop("profile", None)
        return own if below is None else merged(self._whole(str(below), (*above, name)), own)


def read(file: Path) -> Room:
    """Raises ConfigError with one sentence."""
    try:
        data = file.read_bytes()
        if len(data) > MAX_BYTES:
            raise ConfigError(f"{file} is larger than 1 MiB, so it is none of ours.")
        return tomllib.loads(data.decode("utf-8-sig").replace("\r\n", "\n"))
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file} is not text in UTF-8; save it so.") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file} is not TOML: {error}.") from error


def on_profile(own: Mapping[str, Any], profiles: Profiles) -> Room:
    """The whole room. Without a profile it is what it has of its own. Raises ConfigError."""
    name = own.get("profile")
    rest = {key: value for key, value in own.items() if key != "profile"}
    if name is None:
        return merged({}, rest)
    room = merged(profiles.get(str(name)), rest)
    return merged(room, {"room": {"profile": name}})


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> Room:
    """See the module's rules. Neither is changed. What is no table where one belongs stays for the room's own check."""
    made = dict(below)
    for key, value in above.items():
        under = below.get(key)
        if key in LISTED and are_tables(value):
            made[key] = _devices(list(under) if under is not None and are_tables(under) else [], value)
        elif isinstance(value, Mapping) and isinstance(under, Mapping):
            made[key] = {**under, **value}
        else:
            made[key] = value
    return made


def _devices(below: Sequence[Mapping[str, Any]], above: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    made = [dict(entry) for entry in below]
    for entry in above:
        at = next((place for place, known in enumerate(made) if known.get("id") == entry.get("id")), len(made))
        own = {key: value for key, value in entry.items() if key != "absent"}
        under = made[at] if at < len(made) else {}
        same = own.get("driver", under.get("driver")) == under.get("driver")
        made[at : at + 1] = [] if entry.get("absent") is True else [{**under, **own} if same else own]
    return made


def places(room: Mapping[str, Any]) -> dict[tuple[str, ...], Any]:
    """Every value by its place: ("recorder", "height"), and with a device's id ("camera", "front", "url")."""
    found: dict[tuple[str, ...], Any] = {}
    for table, value in room.items():
        if are_tables(value) and table in LISTED:
            for number, entry in enumerate(value, start=1):
                name = str(entry.get("id", f"{table}-{number}"))
                found |= {(table, name, key): inner for key, inner in entry.items() if key != "id"}
        elif isinstance(value, Mapping):
            found |= {(table, key): inner for key, inner in value.items()}
        else:
            found[(table,)] = value
    return found


def told_secrets(room: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Where a password stands in the open, and a sentence without its full stop."""
    for place, value in places(room).items():
        if not isinstance(value, str) or not value:
            continue
        if is_secret(place[-1]):
            said = f'"{place[-1]}" is a secret, which has no place here; write {{file = "NAME"}}, and the secret itself'
            yield place, f"{said} into secrets/NAME beside the room's room.toml"
        elif without_login(value) != value and ":" in value.partition("://")[2].rpartition("@")[0]:
            yield (
                place,
                f'"{place[-1]}" has a password in it, which has no place here; write password = {{file = "NAME"}}',
            )
