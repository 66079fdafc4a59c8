"""Seeking in a lesson and going on with a broken download rest on these."""

from __future__ import annotations

from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lms_server.api.ranges import NotSatisfiable, disposition, matches, parse_range


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        ("bytes=0-", (0, 100)),
        ("bytes=0-0", (0, 1)),
        ("bytes=10-19", (10, 10)),
        ("bytes=90-999", (90, 10)),
        ("bytes=-10", (90, 10)),
        ("bytes=-999", (0, 100)),
        ("Bytes = 5 - 6", (5, 2)),
        ("bytes=6-5", None),
        ("bytes=-", None),
        ("bytes=0-1,5-6", None),
        ("items=0-1", None),
        ("bytes=x-1", None),
        ("bytes=" + "9" * 400 + "-", None),
    ],
)
def test_ranges(header: str | None, expected: tuple[int, int] | None) -> None:
    assert parse_range(header, 100) == expected


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=100-200", "bytes=-0"])
def test_a_range_beyond_the_file_is_refused(header: str) -> None:
    with pytest.raises(NotSatisfiable):
        parse_range(header, 100)


@given(st.text(), st.integers(0, 2**63))
def test_a_range_never_leaves_the_file(header: str, size: int) -> None:
    for text in (header, f"bytes={header}"):
        try:
            found = parse_range(text, size)
        except NotSatisfiable:
            continue
        assert found is None or (found[0] >= 0 and found[1] > 0 and sum(found) <= size)


def test_a_reader_who_has_it_is_told_so() -> None:
    assert matches('"a", W/"b"', '"b"')
    assert matches("*", '"b"')
    assert not matches('"a"', '"b"')
    assert not matches(None, '"b"')


def test_an_arabic_title_is_a_files_name() -> None:
    header = disposition("attachment", "درس الإحصاء – front.mp4", "lesson-front.mp4")
    assert header.startswith('attachment; filename="lesson-front.mp4"; ')
    assert unquote(header.rpartition("''")[2]) == "درس الإحصاء – front.mp4"


@given(st.text())
def test_no_title_breaks_the_header_or_names_a_path(title: str) -> None:
    header = disposition("attachment", title, "lesson.mp4")
    assert header.isascii()
    assert header.isprintable()
    name = unquote(header.rpartition("''")[2])
    assert name
    assert not set(name) & set('/\\:*?"<>|\r\n\0')
    assert not name.startswith(".")


def test_a_title_cannot_disguise_what_a_file_is() -> None:
    assert unquote(disposition("inline", "exe\u202e4pm.mp4", "x").rpartition("''")[2]) == "exe 4pm.mp4"
