"""The logins of a demo are secrets, and what was set up once is not set up twice."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from provisioning.joining import enrolled_room, read_logins, write_private


def test_secrets_are_for_their_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "demo.json"
    file.write_text("world-readable, from an earlier version")
    write_private(file, {"admin_password": "x"})
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert json.loads(file.read_text()) == {"admin_password": "x"}


@pytest.mark.parametrize("note", [None, "", "[]", '{"unknown": 1}'])
def test_without_a_readable_note_everything_is_set_up_anew(tmp_path: Path, note: str | None) -> None:
    if note is not None:
        (tmp_path / "demo-setup.json").write_text(note)
    assert read_logins(tmp_path) is None


def test_a_room_that_was_never_enrolled_has_no_id(tmp_path: Path) -> None:
    assert enrolled_room(tmp_path) == ""


def test_a_room_knows_its_id(tmp_path: Path) -> None:
    (tmp_path / "identity").mkdir()
    (tmp_path / "identity" / "server.json").write_text('{"room_id": "r1", "server": "http://127.0.0.1:8500"}')
    assert enrolled_room(tmp_path) == "r1"
