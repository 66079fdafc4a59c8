"""Web addresses as room.toml has them. Pure."""

from __future__ import annotations

from urllib.parse import urlsplit


def web_address(url: str) -> str:
    """Without a slash at its end. Raises ValueError with the rest of a sentence."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise ValueError('must be a web address such as "https://lessons.example.org"')
    return url.rstrip("/")
