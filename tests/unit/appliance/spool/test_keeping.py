"""A teacher who wants a recording to stay in the room must be able to rely on that."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.spool import keeping
from appliance.spool.layout import Spool
from appliance.spool.ledger import AssetRow
from tests.peers.spool import keep_lesson, lesson_id

LESSON = lesson_id(1)


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    keep_lesson(tmp_path, 1, 4000)
    return Spool(tmp_path)


def test_a_wish_lies_with_the_lesson_until_it_is_undone(spool: Spool) -> None:
    keeping.keep(spool, LESSON)
    keeping.keep(spool, LESSON)
    assert keeping.is_kept(spool, LESSON)
    assert (spool.lesson_dir(LESSON) / "keep.json").is_file()
    keeping.release(spool, LESSON)
    keeping.release(spool, LESSON)
    assert not keeping.is_kept(spool, LESSON)


@pytest.mark.parametrize(("tier", "held"), [("card", False), ("slidecast", False), ("proxy", True), ("master", True)])
def test_only_the_recordings_are_held_back(spool: Spool, tier: str, held: bool) -> None:
    keeping.keep(spool, LESSON)
    assert keeping.holds(spool, AssetRow(LESSON, "x", "take", "front", tier, 1, "0" * 64)) is held


def test_nothing_is_written_for_a_lesson_that_is_not_here(spool: Spool) -> None:
    with pytest.raises(FileNotFoundError):
        keeping.keep(spool, lesson_id(9))
    with pytest.raises(ValueError, match="not a lesson id"):
        keeping.keep(spool, "../../etc")
    assert not keeping.is_kept(spool, "../../etc")
