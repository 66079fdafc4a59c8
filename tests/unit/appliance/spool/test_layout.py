"""If these fail, a name climbs out of the spool, or a power cut leaves half a lesson.json."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.spool.layout import Spool, write_atomically


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "", "01J0000000000000000000000", "01J00000000000000000000000/x", "a" * 26]
)
def test_only_lesson_ids_name_lessons(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="not a lesson id"):
        Spool(tmp_path).lesson_dir(name)


def test_lessons_are_listed_oldest_first_and_other_things_are_not(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    assert spool.lesson_ids() == []
    spool.prepare()
    for name in ("01J00000000000000000000002", "01J00000000000000000000001", "lost+found", ".trash"):
        (spool.lessons / name).mkdir()
    assert spool.lesson_ids() == ["01J00000000000000000000001", "01J00000000000000000000002"]


def test_writing_replaces_whole_and_leaves_nothing_beside(tmp_path: Path) -> None:
    file = tmp_path / "lesson.json"
    write_atomically(file, b"old")
    write_atomically(file, b"new", mode=0o600)
    assert file.read_bytes() == b"new"
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["lesson.json"]


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    file = tmp_path / "lesson.json"
    file.mkdir()  # cannot be replaced by a file
    with pytest.raises(OSError, match="directory"):
        write_atomically(file, b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["lesson.json"]
