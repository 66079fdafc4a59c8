"""The wheel of the last commit, the same bytes every time.

It is built from what git has, not from the working folder, with the commit's time on every file.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from pathlib import Path


class CannotBuild(Exception):
    """One sentence."""


def checkout(project: Path, folder: Path) -> int:
    """What HEAD has, in ``folder``; returns the commit's time in Unix seconds. Raises CannotBuild."""
    tree = _git(project, "archive", "--format=tar", "HEAD")
    with tarfile.open(fileobj=io.BytesIO(tree)) as archive:
        archive.extractall(folder, filter="data")
    return int(_git(project, "log", "-1", "--format=%ct"))


def name_version(project: Path, tree: Path) -> None:
    """Write into a checked out HEAD which version it is: its pyproject.toml's where HEAD has that tag, ``v1.4.0``; else
    one that comes before it, and after that of every earlier commit. Raises CannotBuild."""
    described = tree / "pyproject.toml"
    text = described.read_text()
    version = tomllib.loads(text)["project"]["version"]
    if f"v{version}" in _git(project, "tag", "--points-at", "HEAD").decode().split():
        return
    # UTC, whatever the zone of this machine: the same commit has one name everywhere.
    when = _git(project, "log", "-1", "--date=format-local:%Y%m%d%H%M%S", "--format=%cd").decode().strip()
    described.write_text(text.replace(f'version = "{version}"', f'version = "{version}.dev{when}"', 1))


def build(project: Path, out: Path) -> Path:
    """The wheel of HEAD in ``out``. Raises CannotBuild."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="darsbox-wheel-") as folder:
        when = checkout(project, Path(folder))
        name_version(project, Path(folder))
        command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
        # The umask reaches the permissions in the wheel.
        built = subprocess.run(
            [*command, "--wheel-dir", str(out), folder],
            env={**os.environ, "SOURCE_DATE_EPOCH": str(when)},
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
        return subprocess.run(
            ["git", "-C", str(project), *arguments], env={**os.environ, "TZ": "UTC"}, capture_output=True, check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise CannotBuild("A package is built from a git clone with at least one commit; this is none.") from error
