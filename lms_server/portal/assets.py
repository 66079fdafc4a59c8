"""The portal's own style and scripts, served from memory under addresses that change with their content, so that a
browser asks for each only once. The design tokens are the panel's very file."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib import resources

_OURS = {
    "portal.css": "text/css; charset=utf-8",
    "lists.css": "text/css; charset=utf-8",
    "lesson.css": "text/css; charset=utf-8",
    "player.js": "text/javascript; charset=utf-8",
    "filter.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class StaticFile:
    body: bytes
    content_type: str
    version: str


def load() -> dict[str, StaticFile]:
    """Raises FileNotFoundError when the installation lacks one."""
    found = {name: (resources.files(__package__).joinpath("static", name), kind) for name, kind in _OURS.items()}
    found["tokens.css"] = (resources.files("kiosk_ui").joinpath("static", "tokens.css"), _OURS["portal.css"])
    files: dict[str, StaticFile] = {}
    for name, (place, kind) in found.items():
        body = place.read_bytes()
        files[name] = StaticFile(body, kind, hashlib.sha256(body).hexdigest()[:12])
    return files
