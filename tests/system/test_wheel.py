"""What is installed in a room is what stands in the repository, and anybody can build the same bytes."""

from __future__ import annotations

import subprocess
import zipfile
from pathlib import Path

from provisioning.wheel import build

PROJECT = Path(__file__).resolve().parents[2]
PACKAGES = ("appliance", "drivers", "media", "lms_sync", "lms_server", "kiosk_ui", "provisioning")


def test_the_wheel_is_whole_and_the_same_every_time(tmp_path: Path) -> None:
    wheels = [build(PROJECT, tmp_path / name) for name in ("one", "two")]
    assert wheels[0].read_bytes() == wheels[1].read_bytes()

    tree = subprocess.run(
        ["git", "ls-tree", "-r", "--name-only", "HEAD", *PACKAGES],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    # Of the panel's scripts, those who write them need the types.
    others = (".sh", ".gitignore", ".d.ts", "tsconfig.json")
    committed = {name for name in tree.stdout.splitlines() if not name.endswith(others)}
    with zipfile.ZipFile(wheels[0]) as wheel:
        assert committed - set(wheel.namelist()) == set()
