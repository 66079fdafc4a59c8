"""Text as people search for it: case, accents and the many ways of writing one Arabic letter do not count."""

from __future__ import annotations

import re
import unicodedata

LONGEST_WORD = 40
"""Signs of a word that count; what is longer is no word, and an index has its limits."""
_SAME = str.maketrans({"ى": "ي", "ی": "ي", "ک": "ك", "ة": "ه", "ە": "ه", "ٱ": "ا", "ـ": "", "œ": "oe", "æ": "ae"})
_GAPS = re.compile(r"[\W_]+")
_ARTICLE = re.compile("[وف]?(?:[بك]?ال|لل)(?=..)")


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


def printable(text: str) -> str:
    """Without signs that stand for nothing, and that no XML can carry; lines stay.

    >>> printable("a\\x0bb")
    'ab'
    """
    return "".join(sign for sign in text if sign.isprintable() or sign in "\n\t")


def indexed(text: str) -> list[str]:
    """The words under which a text is found, each once; an Arabic word with the article before it also without.

    >>> indexed("والإحصاء")
    ['والاحصاء', 'احصاء']
    """
    words = [word[:LONGEST_WORD] for word in normalise(text).split()]
    return list(dict.fromkeys(form for word in words for form in (word, _bare(word))))


def typed(query: str) -> list[str]:
    """The beginnings of words that a query asks for, each without the Arabic article; all of them must be found."""
    words = [word[:LONGEST_WORD] for word in normalise(query[:200]).split()]
    return list(dict.fromkeys(_bare(word) for word in words))


def _bare(word: str) -> str:
    article = _ARTICLE.match(word)
    return word[article.end() :] if article else word
