"""Teachers' cards that the central server made, which count in every room of the institution: ``spool/cards.txt``.

A line is the hash of a card's code, as ``pins`` has it, a blank, and the teacher's name. The agent writes the file, the
daemon reads it; it is there without a network. The room's own cards are in ``pins``.
"""

from __future__ import annotations

import hmac
import re
from pathlib import Path

from appliance.spool import pins
from appliance.spool.layout import Spool, write_atomically

LARGEST = 4 * 1024 * 1024
"""Bytes: thirty thousand teachers."""
_LINE = re.compile(r"([0-9a-f]{64}) (.+)")


class BadCards(ValueError):
    """The list cannot be used, as one sentence."""


def file_of(spool: Spool) -> Path:
    return spool.root / "cards.txt"


def give(spool: Spool, text: str) -> None:
    """Put a list in the place of the one before; empty takes it away. Raises BadCards, OSError."""
    if text:
        parse(text)
        write_atomically(file_of(spool), text.encode())
    else:
        file_of(spool).unlink(missing_ok=True)


def given(spool: Spool) -> str:
    """As it was given; "" for none. Raises OSError."""
    try:
        return file_of(spool).read_bytes()[: LARGEST + 1].decode(errors="replace")
    except FileNotFoundError:
        return ""


def parse(text: str) -> dict[str, str]:
    """Names by the hashes of their cards. Raises BadCards."""
    if len(text) > LARGEST:
        raise BadCards("The list of cards is too long to be one.")
    found = {}
    for number, line in enumerate(text.splitlines(), 1):
        match = _LINE.fullmatch(line)
        if match is None:
            raise BadCards(f"Line {number} of the list of cards is none: a hash, a blank and a name.")
        try:
            found[match[1]] = pins.plain(match[2])
        except pins.BadPin as error:
            raise BadCards(f"Line {number} of the list of cards: {error}") from error
    return found


def holder(spool: Spool, code: str) -> str | None:
    """Whose card this is. Raises BadCards, OSError."""
    asked, found = pins.of_card(code), None
    for digest, name in parse(given(spool)).items():
        if hmac.compare_digest(digest, asked):
            found = name
    return found
