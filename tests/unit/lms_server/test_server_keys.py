"""Rooms delete what the server signed for: its key must survive everything but its own loss."""

from __future__ import annotations

from pathlib import Path

import pytest

from lms_server.errors import StartError
from lms_server.keys import sealing_key, server_key, session_secret
from lms_sync import wire
from lms_sync.wire import sealing


def test_the_key_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    first, second = server_key(tmp_path / "keys"), server_key(tmp_path / "keys")
    assert wire.thumbprint(first) == wire.thumbprint(second)
    assert session_secret(tmp_path / "keys") == session_secret(tmp_path / "keys")
    assert {file.stat().st_mode & 0o777 for file in (tmp_path / "keys").iterdir()} == {0o600}
    assert len(list((tmp_path / "keys").iterdir())) == 2


def test_the_key_for_sticks_is_made_once_and_a_damaged_one_is_not_replaced(tmp_path: Path) -> None:
    """What rooms have sealed for it is on its way for weeks."""
    first, second = sealing_key(tmp_path), sealing_key(tmp_path)
    assert wire.thumbprint(first) == wire.thumbprint(second)
    (file,) = tmp_path.iterdir()
    assert (file.name, file.stat().st_mode & 0o777) == ("sealing.jwk", 0o600)
    assert sealing.load_sealing_key(file.read_text()).is_private
    file.write_text(wire.dump_key(wire.new_key(), private=True))
    with pytest.raises(StartError, match="backup"):
        sealing_key(tmp_path)


@pytest.mark.parametrize("text", ["", "{}", "not json", '{"kty": "OKP", "crv": "X25519", "x": "AA"}'])
def test_a_damaged_key_stops_the_start_and_is_not_replaced(tmp_path: Path, text: str) -> None:
    (tmp_path / "server.jwk").write_text(text)
    with pytest.raises(StartError, match="backup"):
        server_key(tmp_path)
    assert (tmp_path / "server.jwk").read_text() == text
