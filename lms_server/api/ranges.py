"""Byte ranges and conditional requests (RFC 9110), and names for downloads (RFC 6266, RFC 8187)."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import quote

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


class NotSatisfiable(ValueError):
    """The range lies beyond the file."""


def parse_range(header: str | None, size: int) -> tuple[int, int] | None:
    """(first byte, length) of a single range. None where the whole file is the right answer: no range, several, or none
    that makes sense. Raises NotSatisfiable."""
    match = _RANGE.fullmatch((header or "").strip().lower().replace(" ", ""))
    if match is None or len(match[0]) > 60:
        return None
    first, last = match[1], match[2]
    if not first and not last:
        return None
    if not first:
        wanted = min(int(last), size)
        if wanted == 0:
            raise NotSatisfiable
        return size - wanted, wanted
    start = int(first)
    end = min(int(last), size - 1) if last else size - 1
    if last and int(last) < start:
        return None
    if start >= size:
        raise NotSatisfiable
    return start, end - start + 1


def matches(header: str | None, etag: str) -> bool:
    """If-None-Match: does it name this one?"""
    if header is None:
        return False
    return header.strip() == "*" or etag in (part.strip().removeprefix("W/") for part in header.split(","))


def disposition(kind: str, name: str, plain: str) -> str:
    """Content-Disposition with a name in any script, and a plain one for old programs. kind: attachment or inline."""
    safe = "".join(sign if _printable(sign) else " " for sign in name)
    safe = " ".join(re.sub(r'[\\/:*?"<>|]', " ", safe).split()).strip(". ") or plain
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(safe, safe='')}"


def _printable(sign: str) -> bool:
    """Control signs, and signs that turn the direction of writing and so disguise an ending, do not belong in names."""
    return unicodedata.category(sign) not in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
