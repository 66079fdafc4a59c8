"""Passwords that do not stand in room.toml: in their place stands where they are.

``password = {file = "front-camera"}`` is the file ``secrets/front-camera`` beside room.toml (or a whole path);
``password = {env = "FRONT_CAMERA"}`` is a variable of the daemon's environment.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from appliance.dumping import is_secret

LONGEST = 4096
"""Bytes; no device takes a longer password."""
FOLDER = "secrets"
WITHHELD = "withheld"
"""What stands for a secret where nobody may look at it: with the staff who check a room's file elsewhere."""


class NoSecret(Exception):
    """One sentence with the thing to do, without its key."""


class Secrets:
    """folder: that of room.toml; None: no secret is looked at, each is ``WITHHELD``."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def filled(self, entry: Mapping[str, Any]) -> dict[str, Any]:
        """The table of a device or a target with its secrets in place. Raises NoSecret."""
        return {key: self._of(key, value) if is_secret(key) else value for key, value in entry.items()}

    def _of(self, key: str, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        if len(value) != 1 or not {"file", "env"}.issuperset(value) or not all(map(_plain, value.values())):
            raise NoSecret(f'"{key}" must be text, {{file = "NAME"}} or {{env = "NAME"}}')
        ((where, name),) = value.items()
        if self._folder is None:
            return WITHHELD
        return self._read(key, name) if where == "file" else _variable(key, name)

    def _read(self, key: str, name: str) -> str:
        assert self._folder is not None  # noqa: S101  nothing is read where nobody may look
        file = self._folder / FOLDER / name  # a whole path stays as it is
        try:
            with file.open("rb") as opened:
                text = opened.read(LONGEST + 1).decode().strip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            said = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
            raise NoSecret(f'"{key}" is in {file}, which cannot be read ({said}); write it there') from error
        if not text or len(text) > LONGEST:
            raise NoSecret(f'"{key}" is in {file}, which is empty or too long; write it there')
        return text


def _variable(key: str, name: str) -> str:
    text = os.environ.get(name, "")
    if not text:
        raise NoSecret(f'"{key}" is in the variable {name}, which is not set; set it in the unit of the daemon')
    return text


def _plain(value: object) -> bool:
    return isinstance(value, str) and bool(value) and value.isprintable()
