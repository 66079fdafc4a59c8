"""The portal's own style and scripts, served from memory under addresses that change with their content, so that a
browser asks for each only once. The design tokens are the panel's very file."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from importlib import resources

_STYLE, _SCRIPT = "text/css; charset=utf-8", "text/javascript; charset=utf-8"
_OURS = {
    "portal.css": _STYLE,
    "lists.css": _STYLE,
    "audit.css": _STYLE,
    "rooms.css": _STYLE,
    "courses.css": _STYLE,
    "lesson.css": _STYLE,
    "player.css": _STYLE,
    "staff.css": _STYLE,
    "icon.svg": "image/svg+xml",
    "filter.js": _SCRIPT,
    # A script stands after those that it imports.
    "memory.js": _SCRIPT,
    "kept.js": _SCRIPT,
    "pictures.js": _SCRIPT,
    "bar.js": _SCRIPT,
    "keys.js": _SCRIPT,
    "moments.js": _SCRIPT,
    "cutting.js": _SCRIPT,
    "player.js": _SCRIPT,
}
_IMPORT = re.compile(rb'(?<=from "\./)([a-z]+\.js)(?=")')


@dataclass(frozen=True, slots=True)
class StaticFile:
    body: bytes
    content_type: str
    version: str


def load() -> dict[str, StaticFile]:
    """Raises FileNotFoundError when the installation lacks one, KeyError when a script imports a later one."""
    found = {name: (resources.files(__package__).joinpath("static", name), kind) for name, kind in _OURS.items()}
    found["tokens.css"] = (resources.files("kiosk_ui").joinpath("static", "tokens.css"), _STYLE)
    files: dict[str, StaticFile] = {}
    for name, (place, kind) in found.items():
        body = place.read_bytes()
        if kind == _SCRIPT:  # what it imports is fetched once for ever too
            body = _IMPORT.sub(lambda one: one[0] + b"?v=" + files[one[0].decode()].version.encode(), body)
        files[name] = StaticFile(body, kind, hashlib.sha256(body).hexdigest()[:12])
    return files
