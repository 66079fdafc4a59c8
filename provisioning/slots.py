"""Versions of Darsbox side by side on one machine, and the one that is in use.

    ROOT/slots/VERSION/      a virtual environment; it counts once it has slot.json, which is written last
    ROOT/current             a link to the slot whose programs the units start
    ROOT/proven              a link to the last slot that was well, whose programs judge the next one

Power may fail at any instant: a slot is complete or absent, and ``current`` names the old one or the new one. A virtual
environment cannot be moved, for its programs carry its path; so a slot is built in its place and marked, not renamed.

Standard library only: packages run it with the system's Python out of the wheel that they bring
(``PYTHONPATH=WHEEL python3 -m provisioning.slots``), before any slot is there.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from provisioning.progress import complain, say

ROOT = Path("/opt/darsbox")
MARK = "slot.json"
BYTECODE = 1.25
"""What a slot takes, as a multiple of the files in its wheels: their bytecode lies beside them."""
SPARE = 64 << 20
"""Bytes that stay free beside a new slot."""
_VERSION = re.compile(r"[0-9][A-Za-z0-9.+~-]*")


class SlotError(Exception):
    """One sentence with the next thing to do."""


def build(root: Path, version: str, wheelhouse: Path, lock: Path) -> Path:
    """The slot of this version, made of the wheels alone, without a network; one that is complete is left as it is.

    wheelhouse: a folder with every wheel that the lock names. lock: pip's requirements with hashes, the project itself
    among them. Raises SlotError, and then there is no such slot.
    """
    if not _VERSION.fullmatch(version):
        raise SlotError(f"{version!r} is no version: it begins with a digit and has letters, digits and .+~- only.")
    slot, fingerprint = _place(root, version), _sha256(lock)
    with _alone(root):
        if version in versions(root):
            if mark(root, version).get("lock") != fingerprint:
                raise SlotError(f"Version {version} is here already, of other wheels: give the new one another name.")
            return slot
        _clear(slot)
        _room_for(slot, wheelhouse)
        try:
            _fill(slot, wheelhouse, lock)
            _complete(slot, {"version": version, "lock": fingerprint})
        except (OSError, SlotError) as error:
            _clear(slot)
            raise SlotError(f"Version {version} could not be made ready: {error}") from error
    return slot


def switch(root: Path, version: str) -> None:
    """Make it the one in use, from the next start of each unit on. Raises SlotError when it is not there or the link
    cannot be written; then the old one stays."""
    _point(root, "current", version)


def prove(root: Path, version: str) -> None:
    """It is well: its programs may judge the next one. Raises SlotError as ``switch`` does."""
    _point(root, "proven", version)


def current(root: Path) -> str | None:
    """The version in use; None when there is none, or its slot is gone."""
    return _named(root, "current")


def proven(root: Path) -> str | None:
    """The last version that was well; None when there is none, or its slot is gone."""
    return _named(root, "proven")


def _point(root: Path, link: str, version: str) -> None:
    if version not in versions(root):
        raise SlotError(f"Version {version} is not here; there are: {', '.join(versions(root)) or 'none'}.")
    fresh = root / f"{link}.new"
    try:
        fresh.unlink(missing_ok=True)
        # Relative, so that it holds where the disk is mounted elsewhere.
        fresh.symlink_to(_place(Path(), version))
        fresh.replace(root / link)
        _sync(root)
    except OSError as error:
        raise SlotError(f"Version {version} could not be switched to: {error}") from error


def _named(root: Path, link: str) -> str | None:
    try:
        version = (root / link).readlink().name
    except OSError:
        return None
    return version if version in versions(root) else None


def versions(root: Path) -> list[str]:
    """Those whose slots are complete, by name."""
    return sorted(found.parent.name for found in (root / "slots").glob(f"*/{MARK}"))


def mark(root: Path, version: str) -> dict[str, str]:
    """What a complete slot says of itself: ``version``, and ``lock``, the SHA-256 of what it was made from. Raises
    SlotError when it is not there or damaged."""
    try:
        said = json.loads((_place(root, version) / MARK).read_text())
    except (OSError, ValueError) as error:
        raise SlotError(f"The slot of version {version} is damaged or gone: remove it and install it again.") from error
    return said if isinstance(said, dict) else {}


def remove(root: Path, version: str) -> None:
    """Free its space. Raises SlotError for the one in use."""
    with _alone(root):
        if version == current(root):
            raise SlotError(f"Version {version} is in use; switch to another one first.")
        _clear(_place(root, version))


def tidy(root: Path, *kept: str) -> None:
    """Free the space of every slot, complete or not, but those kept, the one in use, and what programs still run from:
    they load parts of themselves as they go."""
    with _alone(root):
        stay = {*kept, current(root), *_running(root)}
        for slot in (root / "slots").iterdir():
            if slot.name not in stay:
                _clear(slot)


def _running(root: Path) -> set[str]:
    """The versions that processes were started from, by their command lines."""
    slot = re.compile(re.escape(os.fsencode(root / "slots")) + rb"/([^/\0]+)/")
    found: set[str] = set()
    for words in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            found.update(os.fsdecode(name) for name in slot.findall(words.read_bytes()))
    return found


def _place(root: Path, version: str) -> Path:
    return root / "slots" / version


@contextlib.contextmanager
def _alone(root: Path) -> Iterator[None]:
    """One change of slots at a time; the other one waits. Raises SlotError when the folder cannot be written."""
    try:
        (root / "slots").mkdir(parents=True, exist_ok=True)
        door = (root / "slots.lock").open("a")
    except OSError as error:
        raise SlotError(f"{root} cannot be written: {error}") from error
    with door:
        fcntl.flock(door, fcntl.LOCK_EX)
        yield


def _clear(slot: Path) -> None:
    """The mark first: what is half removed must not count."""
    if not slot.exists():
        return
    (slot / MARK).unlink(missing_ok=True)
    _sync(slot)
    shutil.rmtree(slot)


def _room_for(slot: Path, wheelhouse: Path) -> None:
    """Raises SlotError when the disk has no space for what is in the wheels, or a wheel is damaged."""
    needed = SPARE
    for wheel in sorted(wheelhouse.glob("*.whl")):
        try:
            with zipfile.ZipFile(wheel) as archive:
                needed += round(BYTECODE * sum(entry.file_size for entry in archive.infolist()))
        except (OSError, zipfile.BadZipFile) as error:
            raise SlotError(f"{wheel.name} is damaged; get the package or the update again.") from error
    free = shutil.disk_usage(slot.parent).free
    if free < needed:
        raise SlotError(
            f"{slot.parent} has {free >> 20} MiB free, and a new version takes {needed >> 20} MiB: make space there"
            " and try again."
        )


def _fill(slot: Path, wheelhouse: Path, lock: Path) -> None:
    python = str(slot / "bin" / "python")
    _run([sys.executable, "-I", "-m", "venv", str(slot)])
    pip = [python, "-I", "-m", "pip", "--isolated", "--no-input", "--disable-pip-version-check", "install", "--quiet"]
    wheels_alone = ["--no-index", "--find-links", str(wheelhouse), "--no-deps", "--no-compile", "--require-hashes"]
    _run([*pip, *wheels_alone, "--requirement", str(lock)])
    # Those who run the programs may not write here, and without bytecode every start would take seconds longer.
    _run([python, "-I", "-m", "compileall", "-q", "-j", "0", str(slot / "lib")])


def _run(command: Sequence[str]) -> None:
    # An admin's umask must not keep the services' users out.
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, umask=0o022, check=False)
    if done.returncode:
        words = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        raise SlotError(" ".join(words[-2:]) or f"{command[0]} ended with {done.returncode}")


def _complete(slot: Path, said: dict[str, str]) -> None:
    # Ten thousand small files: one sync of the whole disk is quicker than one for each, and waits for all as well.
    os.sync()
    fresh = slot / f"{MARK}.new"
    with fresh.open("w") as file:
        json.dump(said, file)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(slot / MARK)
    _sync(slot)
    _sync(slot.parent)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sha256(file: Path) -> str:
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        raise SlotError(f"{file} cannot be read: {error}") from error


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python3 -m provisioning.slots",
        description="Versions of Darsbox on this machine.",
        epilog="Example: python3 -m provisioning.slots switch 0.1.0",
    )
    parser.add_argument("--root", type=Path, default=ROOT, help=f"where they are (default: {ROOT})")
    deeds = parser.add_subparsers(dest="deed", required=True, metavar="DEED")
    building = deeds.add_parser("build", help="make a version ready, of wheels alone")
    building.add_argument("version")
    building.add_argument("wheelhouse", type=Path)
    building.add_argument("lock", type=Path)
    for deed, text in {"switch": "use a version from the next start on", "remove": "free its space"}.items():
        deeds.add_parser(deed, help=text).add_argument("version")
    deeds.add_parser("tidy", help="free the space of all others but the one in use").add_argument("version", nargs="*")
    deeds.add_parser("current", help="the one in use, an empty line if there is none")
    deeds.add_parser("list", help="those that are ready; * stands before the one in use")
    options = parser.parse_args(arguments)
    try:
        if options.deed == "build":
            build(options.root, options.version, options.wheelhouse, options.lock)
        elif options.deed == "switch":
            switch(options.root, options.version)
            # By hand or with a package: somebody is there to look, and nothing else could judge it.
            prove(options.root, options.version)
        elif options.deed == "remove":
            remove(options.root, options.version)
        elif options.deed == "tidy":
            tidy(options.root, *options.version)
        elif options.deed == "current":
            say(current(options.root) or "")
        else:
            used = current(options.root)
            for version in versions(options.root):
                say(f"{'*' if version == used else ' '} {version}")
    except SlotError as error:
        complain(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
