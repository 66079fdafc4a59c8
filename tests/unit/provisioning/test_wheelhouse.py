"""What is put into a package is what the lock names, byte for byte."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from provisioning import wheelhouse
from provisioning.wheel import CannotBuild
from provisioning.wheelhouse import fetch, slot_lock


@pytest.fixture
def lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """It names one wheel, which "comes from the network" whole."""
    file = tmp_path / "requirements.lock"
    file.write_text(f"a==1 \\\n    --hash=sha256:{hashlib.sha256(b'a wheel').hexdigest()}\n")

    def download(lock: Path, folder: Path) -> None:
        (folder / "a-1-py3-none-any.whl").write_bytes(b"a wheel")

    monkeypatch.setattr(wheelhouse, "_download", download)
    return file


def test_wheels_are_downloaded_once(lock: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = fetch(lock, tmp_path / "cache")
    monkeypatch.setattr(wheelhouse, "_download", lambda *_: pytest.fail("downloaded again"))
    assert fetch(lock, tmp_path / "cache") == first
    assert [wheel.name for wheel in first] == ["a-1-py3-none-any.whl"]


def test_a_wheel_that_was_changed_is_never_packaged(lock: Path, tmp_path: Path) -> None:
    fetch(lock, tmp_path / "cache")[0].write_bytes(b"another")
    with pytest.raises(CannotBuild, match="damaged"):
        fetch(lock, tmp_path / "cache")
    assert fetch(lock, tmp_path / "cache")[0].read_bytes() == b"a wheel"


def test_a_changed_lock_is_fetched_anew(lock: Path, tmp_path: Path) -> None:
    first = fetch(lock, tmp_path / "cache")
    lock.write_text(lock.read_text() + "# changed\n")
    assert fetch(lock, tmp_path / "cache") != first


def test_a_slot_is_named_whole_by_its_lock(lock: Path, tmp_path: Path) -> None:
    own = tmp_path / "darsbox-0.1.0-py3-none-any.whl"
    own.write_bytes(b"ours")
    last = slot_lock(lock, own).splitlines()[-1]
    assert last == f"darsbox==0.1.0 --hash=sha256:{hashlib.sha256(b'ours').hexdigest()}"
