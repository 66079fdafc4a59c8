"""If these fail, a lesson is sent twice, in the wrong order, or a broken ledger strands what was recorded."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.spool.layout import Spool
from appliance.spool.ledger import (
    TRANSITIONS,
    AssetRow,
    IllegalMove,
    Ledger,
    LedgerUnreadable,
    assets_of,
    open_or_rebuild,
)
from media.lesson import Lesson, Source, Span, Take

LESSON = "01J00000000000000000000000"
OLDER = "01H00000000000000000000000"


def row(path: str = "front/take-001.mp4", lesson: str = LESSON, tier: str = "master", sha: str = "a") -> AssetRow:
    return AssetRow(lesson, path, "take", "front", tier, 100, sha * 64)


def kept_lesson(spool: Spool, name: str = LESSON) -> Lesson:
    spool.prepare()
    spool.lesson_dir(name).mkdir()
    take = Take("front", 1, 0, "front/take-001.mp4", 100, "a" * 64, 10.0, 5.0, "stopped")
    lesson = Lesson(
        name, "T", "R", "", "en", "kept", [Source("front", "camera", "video")], [Span("b", 10, 1e9, "stopped")], [take]
    )
    spool.write_lesson(lesson)
    return lesson


def test_sending_goes_by_tier_then_age(tmp_path: Path) -> None:
    with Ledger(tmp_path / "l") as ledger:
        ledger.add_assets([row(), row("lesson.json", tier="card"), row(lesson=OLDER), row("p", OLDER, "proxy")])
        order = [(item.tier, item.lesson) for item in ledger.pending()]
    assert order == [("card", LESSON), ("proxy", OLDER), ("master", OLDER), ("master", LESSON)]


def test_entering_an_asset_again_keeps_how_far_it_is(tmp_path: Path) -> None:
    with Ledger(tmp_path / "l") as ledger:
        ledger.add_assets([row()])
        ledger.move(LESSON, row().path, "sending", sent=40, upload_url="u", attempts=2)
        ledger.add_assets([row()])
        assert (ledger.assets()[0].sent, ledger.assets()[0].upload_url) == (40, "u")
        ledger.add_assets([row(sha="b")])
        assert (ledger.assets()[0].state, ledger.assets()[0].sent, ledger.assets()[0].upload_url) == (
            "waiting",
            0,
            None,
        )


def test_only_legal_moves_are_made(tmp_path: Path) -> None:
    with Ledger(tmp_path / "l") as ledger:
        ledger.add_assets([row()])
        ledger.move(LESSON, row().path, "refused", problem="checksum-mismatch")
        assert ledger.pending() == []
        with pytest.raises(IllegalMove):
            ledger.move(LESSON, row().path, "receipted")
        with pytest.raises(KeyError):
            ledger.move(LESSON, "other", "sending")
    assert all(state in TRANSITIONS[state] for state in TRANSITIONS), "a stage must be enterable again after a crash"


def test_one_owner_at_a_time_and_a_dead_one_is_followed(tmp_path: Path) -> None:
    with Ledger(tmp_path / "l") as ledger, Ledger(tmp_path / "l") as other:
        ledger.add_assets([row()])
        assert ledger.claim(LESSON, row().path, "one", now=1000, seconds=60)
        assert not other.claim(LESSON, row().path, "two", now=1010, seconds=60)
        assert ledger.claim(LESSON, row().path, "one", now=1010, seconds=60)
        assert other.claim(LESSON, row().path, "two", now=1071, seconds=60)
        other.release(LESSON, row().path, "two")
        assert ledger.claim(LESSON, row().path, "one", now=1072, seconds=60)


def test_a_lease_written_under_a_clock_far_ahead_does_not_bind_for_years(tmp_path: Path) -> None:
    with Ledger(tmp_path / "l") as ledger:
        ledger.add_assets([row()])
        assert ledger.claim(LESSON, row().path, "one", now=4e9, seconds=60)
        assert ledger.claim(LESSON, row().path, "two", now=1.8e9, seconds=60)


def test_a_kept_lesson_has_its_manifest_and_its_takes_and_what_is_receipted_stays_so(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    lesson = kept_lesson(spool)
    spool.receipt_file(LESSON, "front/take-001.mp4", "a" * 64).write_text("signed")
    rows = assets_of(spool, lesson)
    assert [(r.kind, r.tier, r.state) for r in rows] == [
        ("manifest", "card", "waiting"),
        ("take", "master", "receipted"),
    ]
    assert rows[0].bytes == spool.lesson_file(LESSON).stat().st_size


@pytest.mark.parametrize("damage", ["garbage", "truncated", "page"])
def test_a_damaged_ledger_is_set_aside_and_rebuilt_from_the_lessons(tmp_path: Path, damage: str) -> None:
    spool = Spool(tmp_path)
    kept_lesson(spool)
    ledger, aside = open_or_rebuild(spool)
    assert aside is None
    ledger.add_assets([row(f"extra-{n}") for n in range(300)])
    ledger.close()
    data = bytearray(spool.ledger_file.read_bytes())
    if damage == "garbage":
        data = bytearray(b"this is no database " * 200)
    elif damage == "truncated":
        data = data[: len(data) // 2]
    else:
        data[4096:8192] = b"\xff" * 4096
    spool.ledger_file.write_bytes(data)
    ledger, aside = open_or_rebuild(spool)
    with ledger:
        assert aside is not None
        assert aside.read_bytes() == data
        assert {item.path for item in ledger.assets()} == {"lesson.json", "front/take-001.mp4"}


def test_a_newer_programs_ledger_is_refused_in_a_sentence(tmp_path: Path) -> None:
    import sqlite3

    database = sqlite3.connect(tmp_path / "l")
    database.execute("PRAGMA user_version=99")
    database.close()
    with pytest.raises(LedgerUnreadable, match="newer Darsbox"):
        Ledger(tmp_path / "l")
