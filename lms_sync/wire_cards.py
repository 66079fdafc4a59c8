"""Teachers' cards: one that the server made counts at the panel of every room of the institution.

    GET CARDS       text/plain, a line a card: ``digest_of`` its code, a blank, the teacher's name as lessons carry it;
                    its ETag is ``wire_control.etag_of`` the text, and stands in every answer to the room (cards_etag)

A card's code is forty digits and nothing else, as a QR code or a bar code has them; whoever knows the list cannot make
one of them.
"""

from __future__ import annotations

import hashlib
import secrets

from lms_sync.wire_control import ME

CARDS = f"{ME}/cards"
DIGITS = 40
"""Some 130 bits."""
LONGEST_NAME = 100


def new_code() -> str:
    return "".join(secrets.choice("0123456789") for _ in range(DIGITS))


def digest_of(code: str) -> str:
    """Hex. As the room hashes its own cards: see ``appliance.spool.pins``."""
    return hashlib.sha256(f"card:{code}".encode()).hexdigest()


def line_of(digest: str, name: str) -> str:
    """Nothing for a name of which nothing can be shown. What cannot be shown is left out: an institution's own login
    may send anything, and one odd name must not cost the others their cards."""
    shown = "".join(sign for sign in name if sign.isprintable())[:LONGEST_NAME].strip()
    return f"{digest} {shown}\n" if shown else ""
