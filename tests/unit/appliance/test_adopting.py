"""A PC broke, its disk did not: whatever is lost here is lost for good, for nobody has another copy."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from appliance.adopting import FOLDER, CannotAdopt, adopt
from appliance.spool.layout import Spool
from appliance.spool.ledger import Ledger
from media.lesson import Lesson, Source, Span
from tests.peers.spool import keep_lesson
from tests.unit.appliance.spool.test_takes import record

OPEN = "01K0000000000000000000000A"
Facts = dict[str, object]


def enrolled(root: Path, room: str | None = "r1", key: str = "k1") -> Spool:
    spool = Spool(root)
    spool.prepare()
    if room is not None:
        facts: Facts = {"server": "http://s", "room_id": room, "server_key": {"x": key}}
        (spool.identity / "server.json").write_text(json.dumps(facts))
    (spool.identity / "device.jwk").write_text(f"the key of {root.name}")
    return spool


@pytest.fixture
def old(tmp_path: Path) -> Spool:
    return enrolled(tmp_path / "old")


@pytest.fixture
def new(tmp_path: Path) -> Spool:
    return enrolled(tmp_path / "new")


def states(spool: Spool) -> dict[tuple[str, str], str]:
    with Ledger(spool.ledger_file) as ledger:
        return {(row.lesson, row.path): row.state for row in ledger.assets()}


def tree(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def left_open(spool: Spool) -> None:
    """A lesson amid which the PC broke."""
    spool.lesson_dir(OPEN).mkdir()
    sources = [Source("front", "camera", "video")]
    spool.write_lesson(Lesson(OPEN, "Forces", "", "", "en", "recording", sources, [Span("b", 100.0, 1e9)]))
    record(spool.lesson_dir(OPEN) / "front", 5)


def test_the_backlog_of_a_broken_pc_waits_here_afterwards_to_the_byte(old: Spool, new: Spool) -> None:
    lesson = keep_lesson(old.root, 1, 3000, 5000)
    before = tree(old.root)
    done = adopt(old, new)
    assert (done.lessons, done.known, done.left) == (1, 0, {})
    assert tree(new.lesson_dir(lesson.id)) == tree(old.lesson_dir(lesson.id))
    assert set(states(new).values()) == {"waiting"}
    assert len(states(new)) == 3
    assert tree(old.root) == before
    assert not (new.root / FOLDER).exists()


def test_the_old_pcs_key_stays_where_it_is(old: Spool, new: Spool) -> None:
    keep_lesson(old.root, 1, 10)
    adopt(old, new)
    assert (new.identity / "device.jwk").read_text() == "the key of new"
    assert not any(b"the key of old" in data for data in tree(new.root).values())


def test_what_the_server_has_signed_for_is_not_sent_again(old: Spool, new: Spool) -> None:
    lesson = keep_lesson(old.root, 1, 3000)
    (take,) = lesson.takes
    old.receipt_file(lesson.id, take.file, take.sha256).write_text("a receipt")
    (old.lesson_dir(lesson.id) / take.file).unlink()  # and the room had let go of it
    assert adopt(old, new).left == {}
    assert states(new)[lesson.id, take.file] == "receipted"
    assert states(new)[lesson.id, "lesson.json"] == "waiting"


def test_a_lesson_amid_which_the_pc_broke_ends_with_all_it_has(old: Spool, new: Spool) -> None:
    left_open(old)
    before = tree(old.root)
    assert adopt(old, new).lessons == 1
    lesson = new.read_lesson(OPEN)
    assert (lesson.state, lesson.spans[0].ended) == ("kept", "cut")
    (take,) = lesson.takes
    assert take.seconds > 1
    assert states(new)[OPEN, take.file] == "waiting"
    assert tree(old.root) == before


def test_a_second_order_goes_on_where_a_kill_left_the_first(old: Spool, new: Spool) -> None:
    first, second = keep_lesson(old.root, 1, 3000), keep_lesson(old.root, 2, 3000)
    adopt(old, new)
    # The kill came after the first had its name and before it was entered; of the second there is a half.
    new.ledger_file.unlink()
    half = Spool(new.root / FOLDER).lesson_dir(second.id)
    new.lesson_dir(second.id).rename(new.root / "aside")
    half.mkdir(parents=True)
    (half / "lesson.json").write_text("{")
    done = adopt(old, new)
    assert (done.lessons, done.known) == (1, 1)
    assert {lesson for lesson, _ in states(new)} == {first.id, second.id}
    assert tree(new.lesson_dir(second.id)) == tree(old.lesson_dir(second.id))


def test_a_disk_that_gives_wrong_bytes_costs_its_lesson_and_no_other(old: Spool, new: Spool) -> None:
    good, bad, gone = (keep_lesson(old.root, number, 3000) for number in (1, 2, 3))
    damaged = old.lesson_dir(bad.id) / bad.takes[0].file
    damaged.write_bytes(b"x" + damaged.read_bytes()[1:])
    (old.lesson_dir(gone.id) / gone.takes[0].file).unlink()
    done = adopt(old, new)
    assert done.lessons == 1
    assert set(done.left) == {bad.id, gone.id}
    assert "wrong bytes" in done.left[bad.id]
    assert "has not signed" in done.left[gone.id]
    assert new.lesson_ids() == [good.id]


@pytest.mark.parametrize(
    ("mine", "theirs", "words"),
    [
        (("r1", "k1"), ("r2", "k1"), "another room"),
        (("r1", "k1"), ("r1", "k2"), "another server"),
        ((None, ""), ("r1", "k1"), "enrol it first"),
    ],
)
def test_only_the_same_room_of_the_same_server_takes_them(
    tmp_path: Path, mine: tuple[str | None, str], theirs: tuple[str | None, str], words: str
) -> None:
    old, new = enrolled(tmp_path / "old", *theirs), enrolled(tmp_path / "new", *mine)
    keep_lesson(old.root, 1, 3000)
    with pytest.raises(CannotAdopt, match=words):
        adopt(old, new)
    assert new.lesson_ids() == []


def test_what_never_had_a_server_may_go_anywhere(tmp_path: Path, new: Spool) -> None:
    old = enrolled(tmp_path / "never", None)
    keep_lesson(old.root, 1, 3000)
    assert adopt(old, new).lessons == 1


def test_a_folder_that_is_no_spool_and_ones_own_are_refused(tmp_path: Path, new: Spool) -> None:
    with pytest.raises(CannotAdopt, match="no lessons"):
        adopt(Spool(tmp_path / "nothing"), new)
    with pytest.raises(CannotAdopt, match="own spool"):
        adopt(new, new)
