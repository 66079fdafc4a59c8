"""Text as people search for it: case, accents and the many ways of writing one Arabic letter do not count."""

from __future__ import annotations

import re
import unicodedata

_SAME = str.maketrans({"ى": "ي", "ی": "ي", "ک": "ك", "ة": "ه", "ە": "ه", "ٱ": "ا", "ـ": "", "œ": "oe", "æ": "ae"})
_GAPS = re.compile(r"[\W_]+")


def normalise(text: str) -> str:
    """Lower case, without accents, harakat, hamza seats, tatweel and punctuation; every digit as 0-9; single spaces.

    >>> normalise("الإحْصاء  ١٢ — Été")
    'الاحصاء 12 ete'
    """
    # Twice, as Unicode's caseless matching (D146) asks: a decomposed 𝕬 is an A, which still has a small letter.
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text.casefold()).casefold())
    bare = "".join(sign for sign in folded if not unicodedata.combining(sign))
    digits = "".join(str(unicodedata.decimal(sign)) if sign.isdecimal() else sign for sign in bare.translate(_SAME))
    return _GAPS.sub(" ", digits).strip()


def like_words(query: str) -> list[str]:
    """The LIKE patterns a text must match, all of them, to answer a query. Normalised text has no % or _ in it."""
    return [f"%{word}%" for word in normalise(query[:200]).split()]
