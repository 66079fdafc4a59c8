"""What a folder or file is called on the admin's own disk."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime
from pathlib import PurePosixPath, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lms_server.pull import names

DAY = datetime(2026, 11, 17, 10, 2, tzinfo=UTC)


def test_a_folder_says_day_room_and_title() -> None:
    assert names.folder(DAY, "Amphi A", "Analyse II — suites") == "2026-11-17 Amphi A Analyse II — suites"


def test_arabic_stays_arabic() -> None:
    assert names.folder(DAY, "قاعة ١", "الإحصاء: الفصل (2)") == "2026-11-17 قاعة ١ الإحصاء- الفصل (2)"


def test_letters_that_need_a_joiner_keep_it() -> None:
    assert names.safe("می‌روم") == "می‌روم"


@pytest.mark.parametrize("title", ["../../etc/passwd", "..\\..\\windows", "/etc/cron.d/x", "C:\\x", "a/../../b", ".."])
def test_no_title_leads_out_of_its_folder(title: str) -> None:
    name = names.safe(title)
    assert "/" not in name
    assert "\\" not in name
    assert not name.startswith(".")
    assert ".." not in PurePosixPath(names.safe_path(title)).parts
    assert not PurePosixPath(names.safe_path(title)).is_absolute()


@pytest.mark.parametrize("device", ["CON", "nul", "Com1", "LPT9.mp4", "aux.", "COM¹", "CON .txt"])
def test_windows_devices_are_no_names(device: str) -> None:
    assert not PureWindowsPath(names.safe(device)).is_reserved()
    assert names.safe(device)[0] == "_"


def test_direction_signs_that_disguise_an_ending_are_gone() -> None:
    assert names.safe("exe.\u202e4pm") == "exe.4pm"
    assert names.safe("a\x00b\x1b[31mc\nd") == "ab[31mc d"


@pytest.mark.parametrize("nothing", ["", "   ", "...", "???", "\u200d", "\x00"])
def test_a_title_of_nothing_still_gets_a_folder(nothing: str) -> None:
    assert names.safe(nothing) == "untitled"


def test_a_long_title_is_cut_between_letters() -> None:
    name = names.safe("é" * 300)
    assert len(name.encode()) <= names.MAX_BYTES
    assert set(name) == {"é"}
    marked = "ب\u0651" * 100  # NFC does not fuse these
    assert len(names.safe(marked, max_bytes=9).encode()) <= 9
    assert names.safe(marked, max_bytes=9) == "ب\u0651ب\u0651"


def test_a_shortened_file_keeps_its_ending() -> None:
    assert names.safe_file("x" * 300 + ".mp4").endswith("x.mp4")
    assert names.safe_path("board/take-001.mp4") == "board/take-001.mp4"


def test_a_title_cannot_draw_on_the_terminal() -> None:
    assert names.one_line("a\x1b[2J\x07b\r\nc") == "a [2J b c"
    assert names.one_line("می‌روم") == "می‌روم"


def test_two_lessons_of_one_name_can_stand_apart() -> None:
    assert names.folder_apart("2026-11-17 A b", "01KAF00000000000000001ABCD") == "2026-11-17 A b [01ABCD]"


@given(st.text())
def test_every_text_gives_a_name_every_system_takes(text: str) -> None:
    name = names.safe(text)
    assert 0 < len(name.encode()) <= names.MAX_BYTES + 1
    assert name == names.safe(name)
    assert not set(name) & set('<>:"/\\|?*')
    assert name[-1] not in ". "
    assert not any(unicodedata.category(sign) in ("Cc", "Cs", "Zl", "Zp") for sign in name)
