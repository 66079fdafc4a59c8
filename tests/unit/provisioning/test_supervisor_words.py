"""What a failing service said last is the only clue a newcomer gets."""

from __future__ import annotations

from pathlib import Path

from provisioning.supervisor import last_words, rotate


def test_the_last_plain_line_is_quoted(tmp_path: Path) -> None:
    log = tmp_path / "room.log"
    log.write_text("an earlier start\nTraceback\nPort 8400 is in use.\n\n")
    assert last_words(log, len("an earlier start\n")) == "Port 8400 is in use."


def test_a_json_line_is_quoted_by_its_event(tmp_path: Path) -> None:
    log = tmp_path / "room.log"
    log.write_text('{"level": "error", "event": "No room left."}\n')
    assert last_words(log, 0) == "No room left."


def test_words_of_an_earlier_start_are_not_quoted(tmp_path: Path) -> None:
    log = tmp_path / "room.log"
    log.write_text("an earlier start\n")
    assert last_words(log, log.stat().st_size) == "it said nothing"


def test_a_log_that_was_never_written_is_no_error(tmp_path: Path) -> None:
    assert last_words(tmp_path / "none.log", 0) == "it said nothing"


def test_long_logs_are_put_aside_and_short_ones_kept(tmp_path: Path) -> None:
    log = tmp_path / "room.log"
    log.write_text("x" * 11)
    rotate(log, limit=11)
    assert log.exists()
    rotate(log, limit=10)
    assert not log.exists()
    assert (tmp_path / "room.log.1").read_text() == "x" * 11
