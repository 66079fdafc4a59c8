"""What the server wants of a room is a version, and nothing that could be taken for a path or a command."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.spool import wanted
from appliance.spool.layout import Spool


def test_a_wish_stays_until_there_is_another(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    assert wanted.read(spool) == ""
    wanted.write(spool, "1.4.0rc1")
    assert wanted.read(spool) == "1.4.0rc1"
    wanted.write(spool, "")
    assert wanted.read(spool) == ""


@pytest.mark.parametrize("wrong", ["newest", "1/../2", "1.0 --again", "-1", "1" * 100])
def test_what_is_no_version_is_not_written(tmp_path: Path, wrong: str) -> None:
    with pytest.raises(ValueError, match="no version"):
        wanted.write(Spool(tmp_path), wrong)


@pytest.mark.parametrize("text", ["", "[]", '{"version": 7}', '{"version": "../x"}', "{" * 9000])
def test_a_damaged_wish_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "update.json").write_text(text)
    assert wanted.read(Spool(tmp_path)) == ""
