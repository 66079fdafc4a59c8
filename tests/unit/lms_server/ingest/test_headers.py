"""Header fields come from anyone: each is read rightly or refused in a sentence."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lms_server.errors import BadRequest
from lms_server.ingest.headers import (
    format_metadata,
    parse_asset,
    parse_checksum,
    parse_metadata,
    parse_number,
)
from lms_sync import wire

LESSON = "01K0000000000000000000000A"
KEYS = st.text(st.characters(codec="ascii", exclude_characters=" ,", exclude_categories=("Cc",)), min_size=1)


@given(st.dictionaries(KEYS, st.text()))
def test_metadata_survives_the_journey(pairs: dict[str, str]) -> None:
    assert parse_metadata(format_metadata(pairs)) == pairs


@given(st.text())
def test_any_metadata_is_read_or_refused(text: str) -> None:
    with suppress(BadRequest):
        parse_metadata(text)


@given(st.text())
def test_any_number_is_read_or_refused(text: str) -> None:
    with suppress(BadRequest):
        assert 0 <= parse_number("Upload-Length", text) < 10**18


@given(st.text())
def test_any_checksum_is_read_or_refused(text: str) -> None:
    with suppress(BadRequest):
        parse_checksum(text)


def test_a_room_must_say_everything() -> None:
    whole = wire.Asset(LESSON, "take", "front", "front/take-001.mp4", "master", 5, "0" * 64)
    assert parse_asset(whole.metadata(), 5, foreign=False) == whole
    for key in whole.metadata():
        less = {name: value for name, value in whole.metadata().items() if name != key}
        with pytest.raises(BadRequest):
            parse_asset(less, 5, foreign=False)


def test_a_foreign_client_need_only_name_lesson_and_file() -> None:
    found = parse_asset({"lesson": LESSON, "filename": "film.mp4"}, 5, foreign=True)
    assert (found.path, found.kind, found.tier, found.sha256) == ("film.mp4", "file", "master", "")
    for name in ("../film.mp4", "/film.mp4", "", ".film", "a\\b"):
        with pytest.raises(BadRequest):
            parse_asset({"lesson": LESSON, "filename": name}, 5, foreign=True)


@pytest.mark.parametrize(("kind", "path"), [("manifest", "other.json"), ("take", "lesson.json")])
def test_nothing_else_passes_for_a_manifest(kind: str, path: str) -> None:
    asset = wire.Asset(LESSON, kind, "", path, "card", 5, "0" * 64)
    with pytest.raises(BadRequest):
        parse_asset(asset.metadata(), 5, foreign=False)
