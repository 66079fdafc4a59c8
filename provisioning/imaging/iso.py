"""Images of CDs and sticks, by xorriso: looking into those of others, changing them, making small ones.

What is made is the same bytes from the same input: every date in it is that of ``when`` (SOURCE_DATE_EPOCH, of
reproducible-builds.org, where it is set).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from provisioning.imaging.errors import CannotImage
from provisioning.packages import install_line

RELEASE = "12"
"""Of Debian, for which the packages are."""
SPARE = 32 << 20
"""Bytes that stay free beside an image."""
_MAGIC, _MAGIC_AT = b"CD001", 16 * 2048 + 1
_FOLDERS = {"install.amd": "amd64", "install.a64": "arm64", "install.386": "i386"}
_MACHINES = ("amd64", "arm64", "i386")


@dataclass(frozen=True, slots=True)
class Installer:
    """Debian's installer as an ISO: where in it Linux is, its first file system, and the menus that are there."""

    file: Path
    architecture: str
    kernel: str
    initrd: str
    isolinux: str
    grub: str


def look(file: Path) -> Installer:
    """Raises CannotImage for what is no installer of Debian that this program knows."""
    try:
        with file.open("rb") as opened:
            opened.seek(_MAGIC_AT)
            known = opened.read(len(_MAGIC)) == _MAGIC
    except OSError as error:
        raise CannotImage(f"{file} cannot be read: {error.strerror}.") from error
    wanted = "Take debian-12…-netinst.iso or a larger one of debian.org."
    if not known:
        raise CannotImage(f"{file} is no ISO image. {wanted}")
    paths = _paths(file)
    folder = next((name for name in _FOLDERS if f"/{name}/vmlinuz" in paths), "")
    kernel, initrd = (f"/{folder}/vmlinuz", f"/{folder}/initrd.gz") if folder else ("/linux", "/initrd.gz")
    info = _text(file, "/.disk/info") if "/.disk/info" in paths else ""
    architecture = _FOLDERS.get(folder) or next((name for name in _MACHINES if name in info.split()), "amd64")
    isolinux = next((path for path in ("/isolinux/isolinux.cfg", "/isolinux.cfg") if path in paths), "")
    grub = "/boot/grub/grub.cfg" if "/boot/grub/grub.cfg" in paths else ""
    if not {kernel, initrd} <= paths or not (isolinux or grub):
        raise CannotImage(f"{file} is an ISO image, but no installer of Debian. {wanted}")
    release = re.search(r"Debian GNU/Linux (\d+)", info)
    if release and release[1] != RELEASE:
        raise CannotImage(f"{file} is Debian {release[1]}, and the packages are for Debian {RELEASE}. {wanted}")
    return Installer(file, architecture, kernel, initrd, isolinux, grub)


def remaster(installer: Installer, changes: Mapping[str, bytes | Path], out: Path, when: int) -> None:
    """The installer with these files added or replaced, by path; it starts as before, from a CD and from a stick.
    Raises CannotImage; then ``out`` is as it was."""
    size = installer.file.stat().st_size + sum(_size(data) for data in changes.values())
    with _whole(out, size) as fresh, _laid_out(changes, when) as laid:
        maps = [word for path in changes for word in ("-map", f"{laid}{path}", path)]
        command = ["-indev", str(installer.file), "-outdev", str(fresh), "-boot_image", "any", "replay"]
        _xorriso([*command, *maps, "-chown_r", "0", "/darsbox", "--", "-chgrp_r", "0", "/darsbox", "--"], when)


def small(files: Mapping[str, bytes | Path], label: str, out: Path, when: int) -> None:
    """An ISO of nothing but these. Raises as ``remaster``."""
    with _whole(out, sum(_size(data) for data in files.values())) as fresh, _laid_out(files, when) as laid:
        words = ["-as", "mkisofs", "-quiet", "-volid", label, "-joliet", "-rational-rock"]
        _xorriso([*words, "-o", str(fresh), str(laid)], when)


def folder(files: Mapping[str, bytes | Path], out: Path, when: int) -> None:
    """The same as a folder that is not there yet, its owner's alone. Raises CannotImage."""
    if out.exists():
        raise CannotImage(f"{out} is there already; name a folder that is not.")
    try:
        with _laid_out(files, when, out.absolute().parent) as fresh:
            fresh.chmod(0o700)
            fresh.rename(out)
            fresh.mkdir()  # for its clean-up
    except OSError as error:
        raise CannotImage(f"{error.filename or out}: {error.strerror}. Nothing was written.") from error


def moment(otherwise: int) -> int:
    """Unix seconds of everything in an image. Raises CannotImage."""
    said = os.environ.get("SOURCE_DATE_EPOCH", "")
    if said and not said.isdecimal():
        raise CannotImage(f"SOURCE_DATE_EPOCH is {said!r}, and has to be a number of seconds.")
    return int(said) if said else otherwise


def _paths(file: Path) -> set[str]:
    """Of all files in it."""
    said = _xorriso(["-indev", str(file), "-find", "/", "-type", "f"])
    return {line.strip().strip("'") for line in said.splitlines() if line.startswith("'/")}


def _text(file: Path, path: str) -> str:
    with tempfile.TemporaryDirectory(prefix="darsbox-iso-") as folder:
        _xorriso(["-osirrox", "on", "-indev", str(file), "-extract", path, f"{folder}/text"])
        return Path(folder, "text").read_text(errors="replace")


def _size(data: bytes | Path) -> int:
    return len(data) if isinstance(data, bytes) else data.stat().st_size


@contextmanager
def _whole(out: Path, size: int) -> Iterator[Path]:
    """A file beside ``out`` that takes its place when the block ends well: its owner's alone, for a code is in it."""
    fresh = out.with_name(f".{out.name}.new")
    try:
        free = shutil.disk_usage(out.absolute().parent).free
        if free < size + SPARE:
            raise CannotImage(
                f"{out} needs {(size + SPARE) >> 20} MiB, and there are {free >> 20} MiB free. Nothing was written."
            )
        fresh.unlink(missing_ok=True)
        os.close(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        yield fresh
        fresh.replace(out)
    except OSError as error:
        raise CannotImage(f"{error.filename or out}: {error.strerror}. Nothing was written.") from error
    finally:
        fresh.unlink(missing_ok=True)


@contextmanager
def _laid_out(files: Mapping[str, bytes | Path], when: int, beside: Path | None = None) -> Iterator[Path]:
    """A folder with these, all of the same time and with modes of no umask's."""
    with tempfile.TemporaryDirectory(prefix=".darsbox-image-", dir=beside) as name:
        laid = Path(name)
        for path, data in sorted(files.items()):
            place = laid / path.lstrip("/")
            place.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(data, bytes):
                place.write_bytes(data)
            else:
                shutil.copyfile(data, place)
        for place in (laid, *sorted(laid.rglob("*"))):
            place.chmod(0o755 if place.is_dir() else 0o644)
            os.utime(place, (when, when))
        yield laid


def _xorriso(words: Sequence[str], when: int | None = None) -> str:
    """What it printed. Raises CannotImage with its last complaint."""
    program = shutil.which("xorriso")
    if program is None:
        raise CannotImage(f"xorriso is missing, which makes images: {install_line(['xorriso'])}")
    dated = {"SOURCE_DATE_EPOCH": str(when)} if when is not None else {}
    # Without -no_rc, a file in somebody's home would have a say.
    done = subprocess.run(
        [program, "-no_rc", *words] if words[0] != "-as" else [program, *words],
        env={**os.environ, "TZ": "UTC", "LC_ALL": "C", **dated},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        complaints = [line for line in done.stderr.splitlines() if ": FA" in line or ": SORRY" in line]
        said = (complaints or done.stderr.splitlines() or ["it said nothing"])[0]
        raise CannotImage(f"xorriso could not do it: {said.partition(' : ')[2].strip() or said}. Nothing was written.")
    return done.stdout
