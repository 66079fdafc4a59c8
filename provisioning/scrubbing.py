"""Text without secrets: those that are known, in every form in which they travel, and what looks like one."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from appliance.dumping import MASK, is_secret
from appliance.errors import ConfigError
from appliance.secret_files import FOLDER
from provisioning.layers import read

SHORTEST = 3
"""Signs; to take a shorter one out would take half of every text."""
_LOGIN = re.compile(r"://([^/@\s:]*):([^/@\s]*)@")
_NAMES = r"pass(?:word|phrase)?|secret|token|credential|api[_-]?key"
_LOOKS = (
    re.compile(r"(?<=://)[^/@\s]+@"),
    re.compile(r"(?i)(authorization[\"']?\s*[:=]\s*[\"']?(?:basic |bearer |digest |darsbox )?)[^\s\"']+"),
    re.compile(rf"(?i)((?:{_NAMES})[\"']?\s*[:=]\s*)(?:\"[^\"]*\"|'[^']*'|[^\s,;}}&{{]+)"),
    re.compile(r"(\"(?:d|k|p|q|dp|dq|qi)\"\s*:\s*)\"[^\"]{16,}\""),
    re.compile(r"()\b[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5}\b"),
    re.compile(r"()\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*"),
)
"""Logins in addresses, headers, keys and their values, private parts of JWKs, enrolment codes, JWS. What stands in the
first group stays."""


class Scrubber:
    def __init__(self, known: Iterable[str]) -> None:
        forms = {form for secret in known for form in _forms(secret) if len(form) >= SHORTEST}
        self._known = re.compile("|".join(map(re.escape, sorted(forms, key=len, reverse=True)))) if forms else None

    def clean(self, text: str) -> str:
        if self._known is not None:
            text = self._known.sub(MASK, text)
        logins, *others = _LOOKS
        text = logins.sub(f"{MASK}@", text)
        for pattern in others:
            text = pattern.sub(lambda found: found[1] + MASK, text)
        return text


def _forms(secret: str) -> Iterator[str]:
    yield secret
    yield quote(secret, safe="")
    yield quote(secret)
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    yield base64.b64encode(secret.encode()).decode()


def secrets_of_room(config_file: Path, spool: Path) -> list[str]:
    """Whatever a room holds that nobody else may see: of its file, the files beside it, its key."""
    found: list[str] = []
    try:
        found += _in_tables(read(config_file))
    except ConfigError:
        found += _in_broken(config_file)
    beside = [*_files(config_file.absolute().parent / FOLDER), *_files(spool / "identity"), spool / "targets.json"]
    for file in beside:
        try:
            text = file.read_text(errors="replace").strip()
        except OSError:
            continue  # who may not read it cannot give it away either
        found += _in_json(text) if text.startswith(("{", "[")) else [text]
    return [secret for secret in found if secret]


def _files(folder: Path) -> list[Path]:
    try:
        return [file for file in sorted(folder.iterdir()) if file.is_file()]
    except OSError:
        return []


def _in_tables(value: Any, key: str = "", user: str = "") -> Iterator[str]:
    """Values of secret keys, and logins in addresses, at whatever depth. With the user's name before it, as a header of
    HTTP has it."""
    if isinstance(value, Mapping):
        name = value.get("user")
        for inner_key, inner in value.items():
            yield from _in_tables(inner, str(inner_key), name if isinstance(name, str) else user)
    elif isinstance(value, list):
        for inner in value:
            yield from _in_tables(inner, key, user)
    elif isinstance(value, str) and value:
        if is_secret(key):
            yield from (value, f"{user}:{value}")
        for name, password in _LOGIN.findall(value):
            yield from (password, unquote(password), f"{name}:{unquote(password)}")


def _in_broken(file: Path) -> Iterator[str]:
    """Of a room.toml that is no TOML: whatever stands in quotes behind a key with a secret's name."""
    try:
        text = file.read_text(errors="replace")
    except OSError:
        return
    for key, value in re.findall(r"([A-Za-z_-]+)\s*=\s*[\"']([^\"'\n]+)", text):
        yield from _in_tables(value, key)


def _in_json(text: str) -> Iterator[str]:
    """Private parts of keys, passwords and codes of a JSON file."""
    try:
        value = json.loads(text)
    except ValueError:
        return
    yield from _in_tables(value)
    if isinstance(value, dict) and isinstance(value.get("d"), str):
        yield value["d"]
