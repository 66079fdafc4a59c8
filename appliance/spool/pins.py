"""Who may do more on the panel than record, by PIN or card: ``spool/identity/panel.json``, for the room's user alone.

    {"salt": hex, "it": hash, "teachers": {"Dr Sidi": {"pin": hash, "card": hash}}}

There is no PIN before somebody sets one. PINs are hashed with scrypt; the salt is the file's, for a teacher types
nothing but digits and the room must find out with one hash whose they are. A card's code has too many digits to be
guessed, so SHA-256 does.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from appliance.spool.layout import Spool, make_directory, write_atomically

Door = Literal["it", "teacher"]
CARD_DIGITS = 40
"""Some 130 bits; digits only, for they come alike from every reader and through every keyboard layout."""
LONGEST_NAME = 100
_PIN = re.compile(r"[0-9]{6,12}")
_CARD = re.compile(rf"[0-9]{{{CARD_DIGITS}}}")
_RUNS = "01234567890123", "98765432109876"
_COST = {"n": 1 << 15, "r": 8, "p": 1, "maxmem": 1 << 26, "dklen": 32}


class BadPin(ValueError):
    """A PIN, a name or the file that cannot be used: one sentence with the next step."""


@dataclass(frozen=True, slots=True)
class Keys:
    """Hashes; empty: there is none."""

    pin: str = ""
    card: str = ""


@dataclass(slots=True)
class Pins:
    """it: the hash of the PIN of the IT screen; teachers: by their names, as lessons carry them."""

    salt: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    it: str = ""
    teachers: dict[str, Keys] = field(default_factory=dict)

    def opens(self, pin: str) -> bool:
        """Whether this is the PIN of the IT screen. Takes a tenth of a second, like every look at a PIN."""
        return bool(self.it) and hmac.compare_digest(self.it, self._hash("it", pin))

    def teacher(self, pin: str) -> str | None:
        """Whose PIN this is."""
        asked = self._hash("teacher", pin)
        return self._found("pin", asked)

    def holder(self, card: str) -> str | None:
        """Whose card this is."""
        return self._found("card", of_card(card))

    def set_it(self, pin: str) -> None:
        """Raises BadPin."""
        self.it = self._hash("it", good(pin))

    def set_teacher(self, name: str, pin: str) -> None:
        """Raises BadPin."""
        hashed = self._hash("teacher", good(pin))
        name = plain(name)
        if self._found("pin", hashed) not in {None, name}:
            raise BadPin("Another teacher has this PIN; choose another.")
        self.teachers[name] = Keys(hashed, self.teachers.get(name, Keys()).card)

    def new_card(self, name: str) -> str:
        """A card's code for this teacher; one that was given before counts no longer. Raises BadPin."""
        code = "".join(secrets.choice("0123456789") for _ in range(CARD_DIGITS))
        name = plain(name)
        self.teachers[name] = Keys(self.teachers.get(name, Keys()).pin, of_card(code))
        return code

    def _found(self, kind: Literal["pin", "card"], hashed: str) -> str | None:
        names = [name for name, keys in self.teachers.items() if hmac.compare_digest(getattr(keys, kind), hashed)]
        return names[0] if names else None

    def _hash(self, door: Door, pin: str) -> str:
        return hashlib.scrypt(f"{door}:{pin}".encode(), salt=self.salt, **_COST).hex()


def good(pin: str) -> str:
    """Raises BadPin for what is no PIN, or is guessed first."""
    if not _PIN.fullmatch(pin):
        raise BadPin("A PIN has 6 to 12 digits and nothing else; choose another.")
    if len(set(pin)) < 3 or any(pin in run for run in _RUNS):
        raise BadPin("This PIN is guessed too easily; choose one with at least three digits that are no row.")
    return pin


def plain(name: str) -> str:
    """A teacher's name without needless blanks. Raises BadPin."""
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise BadPin(
            f"A name has 1 to {LONGEST_NAME} characters that can be shown; write it as lessons shall carry it."
        )
    return name


def is_card(text: str) -> bool:
    """Whether it can be a card's code at all."""
    return _CARD.fullmatch(text) is not None


def file_of(spool: Spool) -> Path:
    return spool.identity / "panel.json"


def read(spool: Spool) -> Pins:
    """Nobody's, before the first is set. Raises BadPin, OSError."""
    try:
        found = json.loads(file_of(spool).read_bytes())
    except FileNotFoundError:
        return Pins()
    except ValueError as error:
        raise _damaged(spool) from error
    try:
        return _parsed(found)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise _damaged(spool) from error


def write(spool: Spool, pins: Pins) -> None:
    """Durable when it returns, and readable for the room's user, whoever wrote it. Raises OSError."""
    make_directory(spool.identity)
    told = {name: {"pin": keys.pin, "card": keys.card} for name, keys in sorted(pins.teachers.items())}
    text = json.dumps({"salt": pins.salt.hex(), "it": pins.it, "teachers": told}, ensure_ascii=False, indent=1)
    write_atomically(file_of(spool), text.encode() + b"\n", 0o600)
    owner = spool.root.stat()
    if os.geteuid() == 0 and owner.st_uid != 0:
        os.chown(file_of(spool), owner.st_uid, owner.st_gid)


def _parsed(found: Any) -> Pins:
    teachers = {plain(name): Keys(str(keys["pin"]), str(keys["card"])) for name, keys in found["teachers"].items()}
    return Pins(bytes.fromhex(found["salt"]), str(found["it"]), teachers)


def _damaged(spool: Spool) -> BadPin:
    return BadPin(f"{file_of(spool)} is damaged; remove it and set the PINs anew with: appliance pin set")


def of_card(code: str) -> str:
    """The hash of a card's code, hex; the central server has the same: ``lms_sync.wire_cards``."""
    return hashlib.sha256(f"card:{code}".encode()).hexdigest()
