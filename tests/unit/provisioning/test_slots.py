"""A version is whole or not there, and a room that loses its power at an update starts the old one or the new one."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from provisioning import slots
from provisioning.slots import MARK, SlotError, build, current, main, mark, remove, switch, tidy, versions
from tests.peers.program import wait_until


def ready(root: Path, version: str) -> Path:
    """A slot that counts, without anything in it."""
    slot = root / "slots" / version
    slot.mkdir(parents=True)
    (slot / MARK).write_text(json.dumps({"version": version, "lock": "00"}))
    return slot


def wheel(folder: Path, text: str = "hello") -> Path:
    """One that brings the program ``greet``, and a lock beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "greeting-1.0-py3-none-any.whl"
    info = "greeting-1.0.dist-info"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("greeting.py", f"def main():\n    print({text!r})\n")
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: greeting\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/entry_points.txt", "[console_scripts]\ngreet = greeting:main\n")
        archive.writestr(f"{info}/RECORD", "")
    (folder / "slot.lock").write_text(f"greeting==1.0 --hash=sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}\n")
    return file


@pytest.mark.thorough
def test_a_version_is_built_from_wheels_alone_and_used(tmp_path: Path) -> None:
    wheels, root = tmp_path / "wheels", tmp_path / "root"
    wheel(wheels)
    umask = os.umask(0o077)
    try:
        slot = build(root, "1.0", wheels, wheels / "slot.lock")
    finally:
        os.umask(umask)
    switch(root, "1.0")
    greeted = subprocess.run([root / "current" / "bin" / "greet"], capture_output=True, text=True, check=True)
    assert greeted.stdout == "hello\n"
    assert (versions(root), current(root)) == (["1.0"], "1.0")
    # The services run as other users, who may read it and need its bytecode.
    assert (slot / "bin" / "greet").stat().st_mode & 0o755 == 0o755
    assert list(slot.glob("lib/*/site-packages/__pycache__/greeting.*.pyc"))

    built = (slot / MARK).stat().st_mtime_ns
    assert build(root, "1.0", wheels, wheels / "slot.lock") == slot
    assert (slot / MARK).stat().st_mtime_ns == built, "what is complete is left alone"

    wheel(wheels, "another")
    with pytest.raises(SlotError, match="here already, of other wheels"):
        build(root, "1.0", wheels, wheels / "slot.lock")


def test_a_version_that_cannot_be_built_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheels, python = tmp_path / "wheels", tmp_path / "python"
    wheel(wheels)
    python.write_text('#!/bin/sh\nmkdir -p "$4/bin"\necho "The disk is broken." >&2\nexit 1\n')
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    with pytest.raises(SlotError, match=r"1\.0 could not be made ready: The disk is broken"):
        build(tmp_path, "1.0", wheels, wheels / "slot.lock")
    assert os.listdir(tmp_path / "slots") == []


def test_what_a_power_cut_left_half_built_does_not_count(tmp_path: Path) -> None:
    half = tmp_path / "slots" / "1.1"
    half.mkdir(parents=True)
    (half / f"{MARK}.new").write_text("{}")
    assert versions(tmp_path) == []
    with pytest.raises(SlotError, match=r"1\.1 is not here; there are: none"):
        switch(tmp_path, "1.1")


def test_a_link_left_from_a_cut_switch_is_in_nobodys_way(tmp_path: Path) -> None:
    ready(tmp_path, "1.0")
    (tmp_path / "current.new").symlink_to("slots/0.9")
    switch(tmp_path, "1.0")
    assert current(tmp_path) == "1.0"
    assert not (tmp_path / "current.new").is_symlink()


def test_the_link_holds_where_the_disk_is_mounted_elsewhere(tmp_path: Path) -> None:
    root = tmp_path / "one"
    ready(root, "1.0")
    switch(root, "1.0")
    root.rename(tmp_path / "two")
    assert (tmp_path / "two" / "current" / MARK).exists()


def test_there_is_no_moment_without_a_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A switch that fails at its last step leaves the old one."""
    ready(tmp_path, "1.0")
    ready(tmp_path, "1.1")
    switch(tmp_path, "1.0")

    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(SlotError, match="No space left"):
        switch(tmp_path, "1.1")
    assert current(tmp_path) == "1.0"


def test_a_link_to_a_version_that_is_gone_is_none(tmp_path: Path) -> None:
    (tmp_path / "current").symlink_to("slots/1.0")
    assert current(tmp_path) is None


def test_a_full_disk_is_told_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheels = tmp_path / "wheels"
    wheel(wheels)
    monkeypatch.setattr(slots, "SPARE", 1 << 60)
    with pytest.raises(SlotError, match="make space there"):
        build(tmp_path, "1.0", wheels, wheels / "slot.lock")
    assert os.listdir(tmp_path / "slots") == []


def test_a_damaged_wheel_is_named(tmp_path: Path) -> None:
    wheels = tmp_path / "wheels"
    file = wheel(wheels)
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(SlotError, match=r"greeting-1\.0-py3-none-any\.whl is damaged"):
        build(tmp_path, "1.0", wheels, wheels / "slot.lock")


@pytest.mark.parametrize("version", ["", "../1.0", "1/0", ".1", "1.0 ", "current"])
def test_no_version_leads_out_of_the_folder(tmp_path: Path, version: str) -> None:
    with pytest.raises(SlotError, match="is no version"):
        build(tmp_path, version, tmp_path, tmp_path)


def test_the_one_in_use_is_never_removed(tmp_path: Path) -> None:
    ready(tmp_path, "1.0")
    ready(tmp_path, "1.1")
    switch(tmp_path, "1.1")
    with pytest.raises(SlotError, match="in use"):
        remove(tmp_path, "1.1")
    remove(tmp_path, "1.0")
    remove(tmp_path, "1.0")
    assert versions(tmp_path) == ["1.1"]


def test_old_and_half_built_versions_give_their_space_back(tmp_path: Path) -> None:
    for version in ("1.0", "1.1", "1.2"):
        ready(tmp_path, version)
    (tmp_path / "slots" / "1.3").mkdir()
    switch(tmp_path, "1.2")
    tidy(tmp_path, "1.1")
    assert sorted(os.listdir(tmp_path / "slots")) == ["1.1", "1.2"]


def test_what_a_program_still_runs_from_stays(tmp_path: Path) -> None:
    """A daemon that ends its lesson first is still of the version before."""
    old = ready(tmp_path, "1.0")
    ready(tmp_path, "1.1")
    switch(tmp_path, "1.1")
    daemon = subprocess.Popen(["cat", "-", f"{old}/bin/appliance"], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        # Linux lets us go on a moment before it tells what it runs.
        wait_until(Path(f"/proc/{daemon.pid}/cmdline").read_bytes, 10, "the daemon's command line")
        tidy(tmp_path)
        assert versions(tmp_path) == ["1.0", "1.1"]
    finally:
        daemon.communicate()
    tidy(tmp_path)
    assert versions(tmp_path) == ["1.1"]


def test_a_damaged_mark_is_said(tmp_path: Path) -> None:
    (ready(tmp_path, "1.0") / MARK).write_text("{")
    with pytest.raises(SlotError, match="damaged"):
        mark(tmp_path, "1.0")


def test_packages_use_it_by_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ready(tmp_path, "1.0")
    ready(tmp_path, "1.1")
    root = ["--root", str(tmp_path)]
    assert main([*root, "switch", "1.1"]) == 0
    assert main([*root, "list"]) == 0
    assert capsys.readouterr().out == "  1.0\n* 1.1\n"
    assert main([*root, "remove", "1.1"]) == 1
    assert capsys.readouterr().err == "Version 1.1 is in use; switch to another one first.\n"
