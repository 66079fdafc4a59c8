"""What a room must know to enrol, on one line: as a file on a stick, as a QR code, or pasted.

JSON of the keys ``darsbox-enrolment`` (1), ``server`` (its address), ``code`` (one use, bound to the room), ``room``,
``institution``, ``key`` (the RFC 7638 thumbprint of the key that signs the server's receipts) and ``expires`` (Unix
seconds by the server's clock; for people, for the room's own clock may be wrong).
"""

from __future__ import annotations

import json
import unicodedata
from dataclasses import dataclass
from typing import Any

NAME = "darsbox-enrol.json"
"""Of the file, wherever it lies."""
LARGEST = 4096
"""Bytes."""
_VERSION = "darsbox-enrolment"
_TEXTS = ("server", "code", "room", "institution", "key")


class BadSlip(ValueError):
    """One sentence."""


@dataclass(frozen=True, slots=True)
class Slip:
    server: str
    code: str
    room: str
    institution: str
    key: str
    expires: float

    def text(self) -> str:
        """Without a line feed."""
        facts = {_VERSION: 1, **{name: getattr(self, name) for name in _TEXTS}, "expires": round(self.expires)}
        return json.dumps(facts, ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def read(cls, data: bytes) -> Slip:
        """Raises BadSlip."""
        try:
            facts: Any = json.loads(data[: LARGEST + 1].decode("utf-8-sig"))
            if len(data) > LARGEST or not isinstance(facts, dict) or facts.get(_VERSION) != 1:
                raise BadSlip("It is no enrolment file of a Darsbox server; make a new one on the server.")
            texts: dict[str, Any] = {name: facts[name] for name in _TEXTS}
            expires = float(facts["expires"])
        except (KeyError, TypeError, ValueError, RecursionError) as error:
            if isinstance(error, BadSlip):
                raise
            raise BadSlip("The enrolment file is damaged; make a new one on the server.") from error
        if not all(isinstance(text, str) and len(text) <= 300 for text in texts.values()):
            raise BadSlip("The enrolment file is damaged; make a new one on the server.")
        return cls(**texts, expires=expires)


def file_name(name: str) -> str:
    """A room's or institution's name as that of a file: letters of every script and digits, with dashes between; at
    most 80 bytes, as file systems want it."""
    letters = "".join(sign if sign.isalnum() else " " for sign in unicodedata.normalize("NFC", name).lower())
    return "-".join(letters.split()).encode()[:80].decode(errors="ignore").strip("-")
