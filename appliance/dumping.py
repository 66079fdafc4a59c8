"""Tables as TOML: for a reader, what is in force without secrets; for a room, a whole file."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date, datetime
from datetime import time as clock
from typing import Any

MASK = "********"
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_SECRET = re.compile(r"pass(word|phrase)?$|secret|token|credential|(^|_)(pin|key)$", re.IGNORECASE)


def is_secret(key: str) -> bool:
    """By its name."""
    return _SECRET.search(key) is not None


def without_login(text: str) -> str:
    """An address without what stands before its host."""
    return re.sub(r"(?<=://)[^/@\s]+@", f"{MASK}@", text)


def as_toml(head: str, table: Mapping[str, Any], *, masking: bool = True) -> str:
    """head: its line in brackets. Secrets are masked; keys without a value are left out."""
    shown = masked_table(table) if masking else table
    lines = [f"{_key(key)} = {_toml_value(value)}" for key, value in shown.items() if value is not None]
    return "\n".join([head, *lines, ""])


def as_file(room: Mapping[str, Any], heading: str = "") -> str:
    """A whole room.toml, secrets included, its tables in the order of ``room``. heading: a comment."""
    blocks = [f"# {heading}\n"] if heading else []
    plain = {key: value for key, value in room.items() if not isinstance(value, Mapping) and not are_tables(value)}
    blocks += [as_toml("", plain, masking=False)] if plain else []
    for name, table in room.items():
        if isinstance(table, Mapping):
            blocks.append(as_toml(f"[{name}]", table, masking=False))
        elif are_tables(table):
            blocks += [as_toml(f"[[{name}]]", entry, masking=False) for entry in table]
    return "\n".join(blocks)


def are_tables(value: object) -> bool:
    """Whether this is what TOML writes with two brackets."""
    return isinstance(value, list) and all(isinstance(entry, Mapping) for entry in value)


def masked_table(table: Mapping[str, Any]) -> dict[str, Any]:
    """Without its secrets, at whatever depth."""
    return {key: _masked(key, value) for key, value in table.items()}


def _toml_value(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(k)} = {_toml_value(v)}" for k, v in value.items() if v is not None) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_toml_value(item) for item in value) + "]"
    if isinstance(value, datetime | date | clock):
        return value.isoformat()
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else json.dumps(name, ensure_ascii=False)


def _masked(key: str, value: Any) -> Any:
    """Passwords by the name of their key, and those inside an address."""
    if isinstance(value, Mapping):
        return masked_table(value)
    if isinstance(value, list):
        return [_masked(key, item) for item in value]
    if not isinstance(value, str) or not value:
        return value
    return MASK if is_secret(key) else without_login(value)
