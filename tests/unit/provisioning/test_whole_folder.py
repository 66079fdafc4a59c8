"""A fleet that is half the old sheet and half the new one is worse than either."""

from __future__ import annotations

from pathlib import Path

import pytest

from provisioning.whole_folder import replace


def tree(folder: Path) -> dict[str, str]:
    return {str(file.relative_to(folder)): file.read_text() for file in folder.rglob("*") if file.is_file()}


def test_a_folder_holds_exactly_what_it_was_given(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "rooms"
    replace(out, {Path("a/one.toml"): "1", Path("two.toml"): "2"})
    assert tree(out) == {"a/one.toml": "1", "two.toml": "2"}
    replace(out, {Path("three.toml"): "قاعة"})
    assert tree(out) == {"three.toml": "قاعة"}
    assert [entry.name for entry in out.parent.iterdir()] == ["rooms"]


def test_what_cannot_be_written_leaves_the_folder_as_it_was(tmp_path: Path) -> None:
    out = tmp_path / "rooms"
    replace(out, {Path("one.toml"): "1"})
    with pytest.raises(OSError, match="too long"):
        replace(out, {Path("two.toml"): "2", Path("n" * 300): "3"})
    assert tree(out) == {"one.toml": "1"}
    assert [entry.name for entry in tmp_path.iterdir()] == ["rooms"]
