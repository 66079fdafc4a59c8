"""``make package``: the wheel of the last commit in dist/, the same bytes every time. ``python -m provisioning.wheel
[--out DIR]``.

It is built from what git has, not from the working folder, with the commit's time on every file. A .deb with the
units, the lock and the wheels of all dependencies comes later.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path

from provisioning.progress import complain, say

PROJECT = Path(__file__).resolve().parent.parent


class CannotBuild(Exception):
    """One sentence."""


def build(project: Path, out: Path) -> Path:
    """The wheel of HEAD in ``out``. Raises CannotBuild."""
    when = _git(project, "log", "-1", "--format=%ct").decode().strip()
    tree = _git(project, "archive", "--format=tar", "HEAD")
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="darsbox-wheel-") as folder:
        with tarfile.open(fileobj=io.BytesIO(tree)) as archive:
            archive.extractall(folder, filter="data")
        command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
        # The umask reaches the permissions in the wheel.
        built = subprocess.run(
            [*command, "--wheel-dir", str(out), folder],
            env={**os.environ, "SOURCE_DATE_EPOCH": when},
            capture_output=True,
            text=True,
            umask=0o022,
            check=False,
        )
    if built.returncode:
        raise CannotBuild(f"The wheel could not be built: {built.stderr.strip()[-500:]}")
    return max(out.glob("darsbox-*.whl"), key=lambda wheel: wheel.stat().st_mtime)


def _git(project: Path, *arguments: str) -> bytes:
    try:
        return subprocess.run(["git", "-C", str(project), *arguments], capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise CannotBuild("A package is built from a git clone with at least one commit; this is none.") from error


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="make package", description="Build the wheel reproducibly.")
    parser.add_argument("--out", type=Path, default=PROJECT / "dist", help="folder for the wheel (default: dist)")
    options = parser.parse_args(arguments)
    try:
        wheel = build(PROJECT, options.out)
    except CannotBuild as error:
        complain(str(error))
        return 1
    say(f"{wheel}  sha256 {hashlib.sha256(wheel.read_bytes()).hexdigest()}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
