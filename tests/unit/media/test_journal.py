"""If these fail, salvage cannot prove what is whole, or a take lies at the wrong place of the timeline."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from media import journal
from media.drift import Clock
from media.journal import BadJournal, FragmentEntry, Journal, TakeEntry

TAKE = TakeEntry("L", "front", 1, 0, 100, "a" * 64, "avc1", 640, 360, 0, "boot", 50.0, 1e9)


def entry(n: int, off: int, *, length: int = 10, t: float = 0.0, mono: float = 50.0) -> FragmentEntry:
    return FragmentEntry(n, off, length, t, 0.25, n == 1, mono, 1e9, "b" * 64)


def write(path: Path, *entries: FragmentEntry, tail: bytes = b"") -> Path:
    path.write_bytes(journal.line(TAKE) + b"".join(journal.line(item) for item in entries) + tail)
    return path


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    found = journal.read(write(tmp_path / "j", entry(1, 100), entry(2, 110, t=0.25)))
    assert (found.take, len(found.fragments), found.end, found.seconds, found.torn) == (TAKE, 2, 120, 0.5, False)


def test_a_line_cut_off_by_a_power_cut_is_left_out(tmp_path: Path) -> None:
    whole = journal.line(entry(2, 110))
    for cut in range(1, len(whole)):
        found = journal.read(write(tmp_path / "j", entry(1, 100), tail=whole[:-cut]))
        assert (len(found.fragments), found.torn) == (1, True)


@pytest.mark.parametrize("broken", [entry(3, 110), entry(2, 111)])
def test_nothing_after_a_line_that_does_not_fit_is_believed(tmp_path: Path, broken: FragmentEntry) -> None:
    found = journal.read(write(tmp_path / "j", entry(1, 100), broken, entry(3, 120)))
    assert (len(found.fragments), found.torn) == (1, True)


@pytest.mark.parametrize("data", [b"", b"\n", b"{}\n", b"\0\0\0\n", b'{"lesson": "half'])
def test_without_its_first_line_a_journal_proves_nothing(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "j").write_bytes(data)
    with pytest.raises(BadJournal):
        journal.read(tmp_path / "j")


def test_the_arrivals_tell_when_media_time_zero_was_unless_the_capture_told_it() -> None:
    late = [entry(n, 0, t=0.25 * (n - 1), mono=50.0 + 0.25 * n + delay) for n, delay in ((1, 0.9), (2, 0.03), (3, 0.4))]
    assert Journal(TAKE, late).clock == Clock(pytest.approx(50.03))
    assert Journal(TAKE, []).clock == Clock(50.0)
    assert Journal(replace(TAKE, epoch=49.5), late).clock == Clock(49.5)


def test_the_last_fragment_is_found_without_reading_the_journal(tmp_path: Path) -> None:
    entries = [entry(n, 100 + 10 * (n - 1)) for n in range(1, 200)]
    path = write(tmp_path / "a.journal", *entries, tail=journal.line(entries[-1])[:30])
    assert journal.read_last(path) == entries[-1]
    assert journal.read_last(write(tmp_path / "b.journal")) is None


def test_a_shortened_journal_holds_the_first_fragments_and_no_torn_line(tmp_path: Path) -> None:
    entries = [entry(n, 100 + 10 * (n - 1)) for n in range(1, 5)]
    path = write(tmp_path / "a.journal", *entries, tail=b"{torn")
    journal.shorten(path, 3)
    assert path.read_bytes() == write(tmp_path / "b.journal", *entries[:3]).read_bytes()


@pytest.mark.parametrize("tail", [b"7\n", b"[]\n", b"{},{}\n", b"null\n"])
def test_a_line_that_is_json_but_no_fragment_ends_the_journal(tmp_path: Path, tail: bytes) -> None:
    first = entry(1, 100)
    read = journal.read(write(tmp_path / "a.journal", first, tail=tail + journal.line(entry(2, 110))))
    assert read.torn
    assert read.fragments == [first]
