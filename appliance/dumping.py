"""Tables as TOML for a reader: what is in force, without secrets."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

MASK = "********"
_SECRET = re.compile(r"pass(word|phrase)?$|secret|token|credential|(^|_)(pin|key)$", re.IGNORECASE)


def as_toml(head: str, table: Mapping[str, Any]) -> str:
    """head: its line in brackets. Secrets are masked; keys without a value are left out."""
    lines = [f"{key} = {_toml_value(_masked(key, value))}" for key, value in table.items() if value is not None]
    return "\n".join([head, *lines, ""])


def _toml_value(value: Any) -> str:
    if isinstance(value, dict):
        pairs = (f"{json.dumps(k)} = {_toml_value(_masked(k, v))}" for k, v in value.items() if v is not None)
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_toml_value(item) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _masked(key: str, value: Any) -> Any:
    """Passwords by the name of their key, and those inside an address."""
    if not isinstance(value, str) or not value:
        return value
    if _SECRET.search(key):
        return MASK
    return re.sub(r"(?<=://)[^/@\s]+@", f"{MASK}@", value)
