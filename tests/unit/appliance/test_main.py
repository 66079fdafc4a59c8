"""What the daemon tells others at its start. If these fail, [sync] of room.toml is without effect, or a full disk keeps
a room from starting."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from appliance.config import parse
from appliance.main import tell_sync
from appliance.spool import policy
from appliance.spool.layout import Spool


def test_the_agent_is_told_what_room_toml_says_of_the_link(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    tell_sync(spool, parse("[sync]\nmax_kbit = 64"))
    assert policy.read(spool).kbit == 64


def test_a_disk_that_takes_nothing_more_stops_no_room(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        tell_sync(Spool(tmp_path / "gone"), parse(""))
    assert "could not be told" in caplog.text
