"""A lesson's folder: whose it is, what goes into it, what is trusted without being read again."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path

import pytest

from lms_server.pull import folder
from lms_server.pull.client import File, Lesson
from lms_server.pull.errors import AtWork, NotReady
from lms_server.pull.lock import alone

STARTED = 1_795_255_320.0
BODY = b"a recording"


def file(name: str, kind: str, size: int = len(BODY), sha: str = hashlib.sha256(BODY).hexdigest()) -> File:
    return File(name, kind, "", size, sha, f"http://box.test/{name}")


LESSON = Lesson(
    "01KAF00000000000000000ABCD",
    "Analyse II",
    "Amphi A",
    "ready",
    STARTED,
    60.0,
    0,
    99,
    (
        file("front.mp4", "programme", 900),
        file("lectern.m4a", "audio", 100),
        file("front/take-001.mp4", "take", 800),
        file("../../../etc/passwd", "take", 1),
        file("lesson.json", "manifest", 500),
    ),
)


def test_the_assembled_files_come_small_ones_first() -> None:
    assert [path for path, _ in folder.wanted(LESSON, originals=False)] == ["lesson.json", "lectern.m4a", "front.mp4"]


def test_originals_have_a_folder_of_their_own_and_stay_in_it() -> None:
    paths = [path for path, _ in folder.wanted(LESSON, originals=True)]
    assert paths == ["lesson.json", "originals/etc/passwd", "originals/front/take-001.mp4"]


def test_names_that_differ_only_in_case_stay_two_files() -> None:
    lesson = replace(LESSON, files=(file("A.mp4", "programme", 1), file("a.mp4", "programme", 2)))
    assert [path for path, _ in folder.wanted(lesson, originals=False)] == ["A.mp4", "a (2).mp4"]


@pytest.mark.parametrize(
    ("state", "originals", "words"),
    [("receiving", False, "still on its way"), ("failed", False, "--originals"), ("receiving", True, "reached")],
)
def test_a_lesson_without_files_says_why(state: str, originals: bool, words: str) -> None:
    with pytest.raises(NotReady, match=words):
        folder.wanted(replace(LESSON, state=state, files=(file("lesson.json", "manifest"),)), originals=originals)


def test_a_second_lesson_of_the_same_name_never_mixes_with_the_first(tmp_path: Path) -> None:
    other = replace(LESSON, id="01KAF00000000000000000WXYZ")
    homes = folder.Homes(tmp_path)
    first, second = homes.of(LESSON), homes.of(other)
    assert first.name.endswith(" Amphi A Analyse II")
    assert second.name == f"{first.name} [00WXYZ]"
    again = folder.Homes(tmp_path)
    assert (again.of(LESSON), again.of(other)) == (first, second)


def put(home: Path, body: bytes = BODY) -> tuple[folder.Sums, File]:
    (home / "a.mp4").write_bytes(body)
    wanted = file("a.mp4", "programme")
    sums = folder.Sums(home)
    sums.add("a.mp4", wanted, STARTED)
    return folder.Sums(home), wanted


def test_a_lesson_that_got_another_title_keeps_its_files_under_the_new_name(tmp_path: Path) -> None:
    (folder.Homes(tmp_path).of(LESSON) / "front.mp4").write_bytes(BODY)
    renamed = folder.Homes(tmp_path).of(replace(LESSON, title="Analyse III"))
    assert renamed.name.endswith("Analyse III")
    assert (renamed / "front.mp4").read_bytes() == BODY
    assert list(tmp_path.iterdir()) == [renamed]


def test_sha256sums_is_what_sha256sum_reads(tmp_path: Path) -> None:
    put(tmp_path)
    assert (tmp_path / "SHA256SUMS").read_text() == f"{hashlib.sha256(BODY).hexdigest()}  a.mp4\n"
    assert (tmp_path / "a.mp4").stat().st_mtime == STARTED


def test_an_untouched_file_is_not_read_again_unless_asked(tmp_path: Path) -> None:
    sums, wanted = put(tmp_path, b"a rec0rding")
    assert sums.has("a.mp4", wanted, STARTED, thorough=False)
    assert not sums.has("a.mp4", wanted, STARTED, thorough=True)


def test_a_file_somebody_changed_is_found_out(tmp_path: Path) -> None:
    sums, wanted = put(tmp_path)
    (tmp_path / "a.mp4").write_bytes(b"a rec0rding")
    assert not sums.has("a.mp4", wanted, STARTED, thorough=False)
    (tmp_path / "a.mp4").write_bytes(b"short")
    assert not sums.has("a.mp4", wanted, STARTED, thorough=False)


def test_a_right_file_without_its_sum_is_recognised_by_reading(tmp_path: Path) -> None:
    sums, wanted = put(tmp_path)
    (tmp_path / "SHA256SUMS").unlink()
    os.utime(tmp_path / "a.mp4")
    assert sums.has("a.mp4", wanted, STARTED, thorough=False)


def test_a_sum_of_a_file_that_is_gone_goes_too(tmp_path: Path) -> None:
    put(tmp_path)
    (tmp_path / "a.mp4").unlink()
    (tmp_path / "b.mp4").write_bytes(BODY)
    folder.Sums(tmp_path).add("b.mp4", file("b.mp4", "programme"), STARTED)
    assert (tmp_path / "SHA256SUMS").read_text().split() == [hashlib.sha256(BODY).hexdigest(), "b.mp4"]


def test_a_second_pull_waits_for_the_first(tmp_path: Path) -> None:
    home = folder.Homes(tmp_path).of(LESSON)
    with alone(home / folder.OWNER), pytest.raises(AtWork, match="let it finish"), alone(home / folder.OWNER):
        pass
    with alone(home / folder.OWNER):
        assert folder.Homes(tmp_path).of(LESSON) == home


def test_small_forms_come_only_when_asked_for_and_then_before_the_recording() -> None:
    small = (file("renditions/slidecast.mp4", "slidecast", 20), file("renditions/poster.jpg", "poster", 4))
    lesson = replace(LESSON, files=(*small, *LESSON.files))
    assert not any(path.startswith("renditions/") for path, _ in folder.wanted(lesson, originals=False))
    asked = [path for path, _ in folder.wanted(lesson, originals=False, renditions=True)]
    assert asked[:3] == ["lesson.json", "renditions/poster.jpg", "renditions/slidecast.mp4"]
    on_its_way = replace(LESSON, state="receiving", files=small)
    assert len(folder.wanted(on_its_way, originals=False, renditions=True)) == 2
