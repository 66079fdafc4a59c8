"""A stick from a stranger must not make us read or write anything but the stick."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from lms_sync.wire.stick import Folder, NotPlain


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "secret").write_text("secret")
    return folder


@pytest.fixture
def stick(tmp_path: Path) -> Iterator[Folder]:
    (tmp_path / "stick").mkdir()
    with Folder.at(tmp_path / "stick") as folder:
        yield folder


@pytest.mark.parametrize("name", ["", ".", "..", "../outside/secret", "/etc/passwd", "a/b", "a\0b"])
def test_only_single_names_are_names(stick: Folder, name: str) -> None:
    for act in (stick.open, stick.folder, stick.remove, lambda name: stick.write(name, b"")):
        with pytest.raises(NotPlain):
            act(name)


def test_links_and_pipes_are_not_followed(stick: Folder, tmp_path: Path, outside: Path) -> None:
    here = tmp_path / "stick"
    (here / "link").symlink_to(outside / "secret")
    (here / "linked").symlink_to(outside)
    os.mkfifo(here / "pipe")
    for name in ("link", "pipe", "linked"):
        with pytest.raises(NotPlain, match="not followed"):
            stick.read(name, 10)
    for make in (False, True):
        with pytest.raises(NotPlain):
            stick.folder("linked", make=make)
    stick.write("link", b"ours")
    assert (outside / "secret").read_text() == "secret"
    assert (here / "link").read_text() == "ours", "the link itself was replaced"


def test_what_is_written_is_whole_under_its_name_or_not_there(stick: Folder) -> None:
    stick.write("a", b"first")
    stick.write("a", b"second")
    assert (stick.read("a", 100), stick.read("a", 3), stick.names()) == (b"second", b"seco", ["a"])
    with pytest.raises(KeyboardInterrupt):
        _interrupted(stick)
    assert stick.names() == ["a"]
    stick.remove("a")
    stick.remove("a")
    assert stick.names() == []


def _interrupted(stick: Folder) -> None:
    with stick.create("b") as file:
        file.write(b"half")
        raise KeyboardInterrupt


def test_a_folder_is_made_once_and_found_again(stick: Folder) -> None:
    with pytest.raises(FileNotFoundError):
        stick.folder("x")
    for _ in range(2):
        with stick.folder("x", make=True) as inner:
            inner.write("y", b"z")
    assert stick.free()[0] > 0
