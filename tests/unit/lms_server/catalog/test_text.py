"""Teachers must find a lesson however its title was typed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lms_server.catalog.text import LONGEST_WORD, indexed, normalise, typed


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("ETE", "été"),
        ("الاحصاء", "الإحْصَاء"),
        ("مدرسه", "مدرسة"),
        ("على", "علي"),
        ("محمـــد", "محمد"),
        ("12", "١٢"),
        ("12", "۱۲"),
        ("کتاب", "كتاب"),
        ("œuvre", "OEUVRE"),
        ("straße", "STRASSE"),
        ("analyse ii", "Analyse—II"),
    ],
)
def test_two_ways_of_writing_are_one(typed: str, stored: str) -> None:
    assert normalise(typed) == normalise(stored)


@given(st.text())
def test_normalising_again_changes_nothing(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)


@pytest.mark.parametrize("said", ["الإحصاء", "إحصاء", "والإحصاء", "بالإحصاء", "للإحصاء"])
@pytest.mark.parametrize("asked", ["احصاء", "الاحصاء", "الاحص"])
def test_an_article_before_a_word_hides_it_from_nobody(asked: str, said: str) -> None:
    assert all(any(word.startswith(part) for word in indexed(said)) for part in typed(asked))


@given(st.text())
def test_no_query_can_smuggle_a_wildcard(text: str) -> None:
    """Words go between quotation marks of a query language, and stand in the index behind signs of ours."""
    for word in (*typed(text), *indexed(text)):
        assert word.isalnum() or not word.isascii()
        assert not set(word) & set("\"'\\*:~#@ ")
        assert 0 < len(word) <= LONGEST_WORD
