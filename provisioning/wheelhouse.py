"""The wheels of everything that Darsbox needs, as its lock names them, so that a machine can be set up without a
network."""

from __future__ import annotations

import hashlib
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from provisioning.wheel import CannotBuild

LOCK = "slot.lock"
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def fetch(lock: Path, cache: Path) -> list[Path]:
    """The wheels that the lock names, for this kind of machine and this Python. They are downloaded once and kept in a
    folder of ``cache``; each is checked against the lock's hashes at every use. Raises CannotBuild."""
    kind = f"{platform.machine()} {sys.version_info.major}.{sys.version_info.minor} "
    folder = cache / hashlib.sha256(kind.encode() + lock.read_bytes()).hexdigest()[:16]
    if not folder.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="fetching-", dir=cache) as fresh:
            _download(lock, Path(fresh))
            Path(fresh).rename(folder)
            Path(fresh).mkdir()  # for its clean-up
    wheels = sorted(folder.glob("*.whl"))
    wanted = set(_HASH.findall(lock.read_text()))
    for wheel in wheels:
        if sha256(wheel) not in wanted:
            shutil.rmtree(folder)
            raise CannotBuild(f"{wheel.name} was damaged since it was downloaded; all are fetched anew: try once more.")
    return wheels


def _download(lock: Path, folder: Path) -> None:
    # Only wheels: what has to be built would differ from one machine to the next.
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "download", "--quiet", "--no-deps"]
    done = subprocess.run(
        [*pip, "--only-binary=:all:", "--require-hashes", "--dest", str(folder), "--requirement", str(lock)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        words = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or [done.stderr.strip()]
        raise CannotBuild(f"The wheels could not be downloaded; is there a network? {words[-1][-300:]}")


def slot_lock(lock: Path, wheel: Path) -> str:
    """All that a slot is made of, with hashes: what the project's lock says, and the project's own wheel."""
    name, version = wheel.name.split("-")[:2]
    return f"{lock.read_text().rstrip()}\n{name}=={version} --hash=sha256:{sha256(wheel)}\n"


def sha256(file: Path) -> str:
    with file.open("rb") as read:
        return hashlib.file_digest(read, "sha256").hexdigest()
