"""Messages with gaps, as a profile writes them: the same line makes what is sent and knows what came.

Two notations. ``text``: characters, TOML's own escapes for the unprintable ones, e.g. ``ka {id:02x} {value:02x}``.
``hex``: bytes as two digits each, e.g. ``AA 11 {id} 01 {value}``. A gap is ``{id}`` (the device's address),
``{value}``, or, in what comes, ``{any}``. What follows its colon:

    text    02x, 02X, 03d   a number in so many digits          >4       right-justified in four characters
            d, x            a number in as many as it takes
            letter          1 is A, 2 is B
    hex     2               a number in two bytes, the higher first; without it, one byte
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Notation = Literal["text", "hex"]
Value = int | str
"""A number, or the wire's own writing: characters in text, hexadecimal digits in hex."""

_GAP = re.compile(r"\{(\w+)(?::([^}]*))?\}")
_SPEC = {"text": re.compile(r"|letter|>[1-9]|0?(?:[1-9][0-9]?)?[dxX]"), "hex": re.compile(r"|[1-4]")}


@dataclass(frozen=True, slots=True)
class Gap:
    name: str
    spec: str = ""


@dataclass(frozen=True, slots=True)
class Template:
    notation: Notation
    parts: tuple[bytes | Gap, ...]

    @classmethod
    def parse(cls, text: str, notation: Notation) -> Template:
        """Raises ValueError in words for who wrote it."""
        parts: list[bytes | Gap] = []
        at = 0
        for found in _GAP.finditer(text):
            parts.append(_literal(text[at : found.start()], notation))
            gap = Gap(found[1], found[2] or "")
            if gap.name not in {"id", "value", "any"}:
                raise ValueError(f"{{{gap.name}}} is no gap; there are {{id}}, {{value}} and {{any}}")
            if not _SPEC[notation].fullmatch(gap.spec):
                raise ValueError(f'"{gap.spec}" is no way to write a gap in {notation}')
            parts.append(gap)
            at = found.end()
        parts.append(_literal(text[at:], notation))
        return cls(notation, tuple(part for part in parts if part))

    @property
    def gaps(self) -> tuple[str, ...]:
        return tuple(part.name for part in self.parts if isinstance(part, Gap))

    def encode(self, values: Mapping[str, Value]) -> bytes:
        """The message with these values in its gaps. Raises KeyError for one that is missing, ValueError for one that
        does not fit."""
        return b"".join(
            part if isinstance(part, bytes) else self._written(part, values[part.name]) for part in self.parts
        )

    def match(self, body: bytes, values: Mapping[str, Value], *, ignore_case: bool = False) -> str | None:
        """What stood in ``{value}`` (the wire's own writing, trimmed; empty if there is no such gap), or None if this
        is not the message. Gaps with a value given must hold it. What stands before the message is noise."""
        pattern = b"".join(self._known(part, values) for part in self.parts)
        found = re.search(pattern + rb"\Z", body, re.DOTALL | (re.IGNORECASE if ignore_case else 0))
        if found is None:
            return None
        raw: bytes = found.groupdict().get("value", b"")
        return raw.hex().upper() if self.notation == "hex" else raw.decode("latin-1").strip()

    def number(self, raw: str) -> int:
        """The number that ``match`` found. Raises ValueError."""
        spec = next((part.spec for part in self.parts if isinstance(part, Gap) and part.name == "value"), "")
        return int(raw, 16) if self.notation == "hex" or spec[-1:] in {"x", "X"} else int(raw)

    def _written(self, gap: Gap, value: Value) -> bytes:
        if self.notation == "hex":
            return value.to_bytes(int(gap.spec or 1), "big") if isinstance(value, int) else bytes.fromhex(value)
        if gap.spec == "letter" and isinstance(value, int):
            return bytes([64 + value])
        if gap.spec.startswith(">"):
            return str(value).rjust(int(gap.spec[1:])).encode("latin-1")
        if isinstance(value, int):
            value = format(value, f"0{gap.spec.lstrip('0') or 'd'}")
        return value.encode("latin-1")

    def _known(self, part: bytes | Gap, values: Mapping[str, Value]) -> bytes:
        if isinstance(part, bytes):
            return re.escape(part)
        if part.name in values:
            return re.escape(self._written(part, values[part.name]))
        if part.name == "any":
            return b".*?"
        return b"(?P<value>" + self._possible(part.spec) + b")"

    def _possible(self, spec: str) -> bytes:
        if self.notation == "hex":
            return b".{%d}" % int(spec or 1)
        if spec.startswith(">"):
            return rb" *[^ ]+"
        if spec[-1:] in {"d", "x", "X"}:
            digit, width = (rb"[0-9]" if spec[-1] == "d" else rb"[0-9A-Fa-f]"), spec[:-1].lstrip("0")
            return digit + (b"{%d}" % int(width) if width else b"+")
        return b".+?"


def _literal(text: str, notation: Notation) -> bytes:
    if "{" in text or "}" in text:
        raise ValueError("a brace does not close")
    try:
        return bytes.fromhex(text) if notation == "hex" else text.encode("latin-1")
    except ValueError as error:
        raise ValueError(f'"{text.strip()}" is no row of hexadecimal bytes') from error
