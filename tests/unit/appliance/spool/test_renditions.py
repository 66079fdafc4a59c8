"""What was made small is sent before what was recorded, and a lost ledger learns of it again."""

from __future__ import annotations

import hashlib
from pathlib import Path

from appliance.spool import renditions
from appliance.spool.layout import Spool
from appliance.spool.ledger import open_or_rebuild
from tests.peers.spool import keep_lesson


def made(root: Path, lesson: str, kind: str, data: bytes) -> None:
    spool = Spool(root)
    part = renditions.folder(spool, lesson) / f".{kind}.part"
    part.write_bytes(data)
    renditions.settle(spool, lesson, kind, part)


def test_a_new_ledger_has_them_with_their_tier_and_hash_before_every_take(tmp_path: Path) -> None:
    lesson = keep_lesson(tmp_path, 1, 1000).id
    for kind in renditions.TIERS:
        made(tmp_path, lesson, kind, kind.encode())
    ledger, _ = open_or_rebuild(Spool(tmp_path))
    with ledger:
        rows = ledger.pending()
    assert [(row.kind, row.tier) for row in rows] == [
        ("manifest", "card"), ("poster", "card"), ("slidecast", "slidecast"), ("proxy", "proxy"), ("take", "master"),
    ]  # fmt: skip
    assert rows[2].sha256 == hashlib.sha256(b"slidecast").hexdigest()
    assert rows[2].bytes == len(b"slidecast")
    assert (tmp_path / "lessons" / lesson / rows[2].path).read_bytes() == b"slidecast"


def test_what_a_killed_run_left_does_not_count(tmp_path: Path) -> None:
    lesson = keep_lesson(tmp_path, 1, 1000).id
    folder = renditions.folder(Spool(tmp_path), lesson)
    (folder / ".slidecast.mp4.part").write_bytes(b"half")
    (folder / "proxy.mp4").write_bytes(b"renamed, but not yet in the list")
    assert renditions.read(Spool(tmp_path), lesson) == renditions.Renditions()


def test_a_lesson_is_complete_when_every_kind_is_settled_even_if_some_cannot_be_made(tmp_path: Path) -> None:
    lesson, spool = keep_lesson(tmp_path, 1, 1000).id, Spool(tmp_path)
    made(tmp_path, lesson, "slidecast", b"speech alone")
    renditions.settle(spool, lesson, "poster", None)
    assert not renditions.read(spool, lesson).complete
    renditions.settle(spool, lesson, "proxy", None)
    assert renditions.read(spool, lesson).complete
    assert [item.kind for item in renditions.read(spool, lesson).made] == ["slidecast"]


def test_a_damaged_list_is_made_again(tmp_path: Path) -> None:
    lesson, spool = keep_lesson(tmp_path, 1, 1000).id, Spool(tmp_path)
    (renditions.folder(spool, lesson) / "renditions.json").write_text('{"made": [{"kind": 3}], "settled"')
    assert renditions.read(spool, lesson) == renditions.Renditions()
