"""Memory sticks as they are sold, FAT32 and exFAT, which know no owners, no modes and no links. Needs root.

The kernel of a machine that runs tests may know neither, so a program of others serves them through FUSE: fusefat, and
exfat-fuse. Each dies with the tests.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.peers import mounts
from tests.peers.program import wait_until


@contextmanager
def fat32(place: Path, size: int) -> Iterator[Path]:
    """An empty one of so many bytes, 68 MB at least. place: a folder for its image, and for where it is seen."""
    file = _image(place, size)
    _run("mkfs.fat", "-F", "32", "-s", "2", str(file))
    with _served(place, lambda folder: ["fusefat", "-f", "-o", "rw+", str(file), folder]) as folder:
        yield folder


@contextmanager
def exfat(place: Path, size: int) -> Iterator[Path]:
    """As above. Its program takes a disk only, so the image becomes one."""
    file = _image(place, size)
    _run("mkfs.exfat", str(file))
    loop = _run("losetup", "--find", "--show", str(file)).strip()
    try:
        with _served(place, lambda folder: ["mount.exfat-fuse", "-d", loop, folder]) as folder:
            _run("losetup", "--detach", loop)  # with its last user, that is
            loop = ""
            yield folder
    finally:
        if loop:
            _run("losetup", "--detach", loop)


AS_SOLD = {"fat32": fat32, "exfat": exfat}


def _image(place: Path, size: int) -> Path:
    place.mkdir()
    file = place / "stick.img"
    file.touch()
    os.truncate(file, size)
    return file


@contextmanager
def _served(place: Path, command: Callable[[str], Sequence[str]]) -> Iterator[Path]:
    mounts.private_to_this_run()
    folder = place / "stick"
    folder.mkdir()
    log = place / "log"
    with log.open("wb") as words:
        argv = ["setpriv", "--pdeathsig", "KILL", *command(str(folder))]
        serving = subprocess.Popen(argv, stdout=words, stderr=words)
    try:
        wait_until(lambda: folder.is_mount() or serving.poll() is not None, 20, "the stick")
        assert serving.poll() is None, log.read_text(errors="replace")[-1000:]
        yield folder
        _run("umount", str(folder))
        serving.wait(20)
    finally:
        serving.kill()
        serving.wait()


def _run(*argv: str) -> str:
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout
