"""``make package``: two Debian packages in dist/, the same bytes every time, and their wheels in dist/wheels. ``python
-m provisioning.debs [--out DIR]``.

Each brings the wheels of everything it needs, and the units; its postinst makes a slot of the wheels
(``provisioning.slots``), so that a machine without a network is set up. Everything is taken from the last commit, with
its time on every file.
"""

from __future__ import annotations

import argparse
import json
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from provisioning import wheelhouse
from provisioning.progress import Step, complain, say
from provisioning.wheel import CannotBuild, build, checkout

PROJECT = Path(__file__).resolve().parent.parent
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
PYTHON = (3, 11)
"""Debian 12's: some wheels are for one version of Python alone."""


@dataclass(frozen=True)
class Part:
    """What one package has. files: where each file of the project goes. programs: of the slot, in everybody's PATH.
    recommends: what works without, but less; apt installs it unless told otherwise."""

    summary: str
    files: Mapping[str, str]
    programs: tuple[str, ...]
    recommends: tuple[str, ...]


PARTS = {
    "room": Part(
        "the recorder of a smart classroom: records lessons, and delivers them over poor links",
        {
            "systemd/darsbox.target": "/usr/lib/systemd/system/darsbox.target",
            "systemd/darsbox-room.service": "/usr/lib/systemd/system/darsbox-room.service",
            "systemd/darsbox-sync.service": "/usr/lib/systemd/system/darsbox-sync.service",
            "systemd/darsbox-kiosk.service": "/usr/lib/systemd/system/darsbox-kiosk.service",
            "systemd/darsbox-panel.policies.json": "/usr/lib/darsbox/room/chromium/managed/darsbox.json",
            "systemd/darsbox-update.service": "/usr/lib/systemd/system/darsbox-update.service",
            "systemd/darsbox-update.timer": "/usr/lib/systemd/system/darsbox-update.timer",
            "systemd/darsbox-update-settle.service": "/usr/lib/systemd/system/darsbox-update-settle.service",
            "systemd/darsbox-room.sysusers": "/usr/lib/sysusers.d/darsbox-room.conf",
            "systemd/darsbox-room.tmpfiles": "/usr/lib/tmpfiles.d/darsbox-room.conf",
            "systemd/darsbox.udev": "/usr/lib/udev/rules.d/70-darsbox.rules",
            "systemd/darsbox.system-slice": "/usr/lib/systemd/system/system.slice.d/50-darsbox.conf",
            "systemd/darsbox.user-slice": "/usr/lib/systemd/system/user-.slice.d/50-darsbox.conf",
            "systemd/darsbox.journald": "/usr/lib/systemd/journald.conf.d/50-darsbox.conf",
            "docs/it-staff.md": "/usr/share/doc/darsbox-room/it-staff.md",
        },
        ("appliance", "lms-sync", "provision"),
        (
            "ffmpeg",
            "libportaudio2",
            "cage",
            "xwayland",
            "chromium",
            "libpam-systemd",
            "polkitd",
            "fonts-noto-core",
            "fonts-wqy-microhei | fonts-noto-cjk",
            "systemd-timesyncd | time-daemon",
            "fake-hwclock",
        ),
    ),
    "server": Part(
        "the central server of smart classrooms: takes in lessons and shows them",
        {
            "systemd/darsbox-server.service": "/usr/lib/systemd/system/darsbox-server.service",
            "systemd/darsbox-worker.service": "/usr/lib/systemd/system/darsbox-worker.service",
            "systemd/darsbox-server.sysusers": "/usr/lib/sysusers.d/darsbox-server.conf",
            "systemd/darsbox-server.tmpfiles": "/usr/lib/tmpfiles.d/darsbox-server.conf",
            "docs/nginx.conf": "/usr/share/doc/darsbox-server/examples/nginx.conf",
            "docs/admins.md": "/usr/share/doc/darsbox-server/admins.md",
        },
        ("lms-server", "lms-pull"),
        ("ffmpeg", "systemd-timesyncd | time-daemon"),
    ),
}
SCRIPTS = {"postinstall": "postinst.sh", "preremove": "prerm.sh", "postremove": "postrm.sh"}
"""One for both packages: they ask dpkg which one they are of."""
DEPENDS = (
    f"python3 (>= {PYTHON[0]}.{PYTHON[1]})",
    f"python3 (<< {PYTHON[0]}.{PYTHON[1] + 1})",
    "python3-venv",
    "libstdc++6",
    "procps",
    "systemd (>= 252)",
    "udev",
    "init-system-helpers",
)


def package(project: Path, out: Path, cache: Path) -> list[Path]:
    """Both packages of HEAD in ``out``. cache: where downloaded wheels are kept. Raises CannotBuild."""
    if sys.version_info[:2] != PYTHON:
        raise CannotBuild("The packages are for Debian 12: build them with Python {}.{}.".format(*PYTHON))
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="darsbox-debs-") as folder:
        tree = Path(folder, "tree")
        when = checkout(project, tree)
        own = build(project, Path(folder))
        # Debian's way to say that it comes before the release; postinst turns it back.
        version = own.name.split("-")[1].replace(".dev", "~dev")
        wheels = [*wheelhouse.fetch(tree / "requirements.lock", cache), own]
        _lay_out(wheels, out / "wheels")
        lock = Path(folder, wheelhouse.LOCK)
        lock.write_text(wheelhouse.slot_lock(tree / "requirements.lock", own))
        made = []
        for name in PARTS:
            recipe = Path(folder, f"{name}.yaml")
            # JSON is YAML too.
            recipe.write_text(json.dumps(recipe_of(name, version, when, tree, [*wheels, lock])))
            made.append(_nfpm(recipe, out / f"darsbox-{name}_{version}_{architecture()}.deb"))
    return made


def _lay_out(wheels: Sequence[Path], folder: Path) -> None:
    """For those who publish an update."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for wheel in wheels:
        try:
            (folder / wheel.name).hardlink_to(wheel)
        except OSError:  # another disk
            shutil.copyfile(wheel, folder / wheel.name)


def recipe_of(name: str, version: str, when: int, tree: Path, aboard: Sequence[Path]) -> dict[str, Any]:
    """The package as nfpm wants it described. aboard: the wheels, and the lock that names them."""
    part = PARTS[name]
    home = f"/usr/lib/darsbox/{name}"
    files = {
        **{str(tree / source): place for source, place in part.files.items()},
        **{str(file): f"{home}/{'wheelhouse/' * (file.suffix == '.whl')}{file.name}" for file in aboard},
        str(tree / "LICENSE"): f"/usr/share/doc/darsbox-{name}/copyright",
    }
    contents: list[dict[str, Any]] = [
        # The mode is said, for a clone has that of its owner's umask.
        {"src": source, "dst": place, "file_info": {"mode": 0o644}}
        for source, place in files.items()
    ]
    contents += [
        {"src": f"/opt/darsbox/current/bin/{program}", "dst": f"/usr/bin/{program}", "type": "symlink"}
        for program in part.programs
    ]
    return {
        "name": f"darsbox-{name}",
        "arch": architecture(),
        "platform": "linux",
        "version": version,
        "version_schema": "none",
        "section": "education",
        "priority": "optional",
        "maintainer": "The Darsbox project <darsbox@localhost>",
        "description": f"Darsbox, {part.summary}",
        "license": "Apache-2.0",
        "mtime": datetime.fromtimestamp(when, UTC).isoformat().replace("+00:00", "Z"),
        "depends": list(DEPENDS),
        "recommends": list(part.recommends),
        "contents": contents,
        "scripts": {when: str(tree / "provisioning" / "debian" / script) for when, script in SCRIPTS.items()},
        # Wheels are compressed already.
        "deb": {"compression": "none"},
    }


def architecture() -> str:
    """Debian's word for this kind of machine. Raises CannotBuild."""
    try:
        return ARCHITECTURES[platform.machine()]
    except KeyError as error:
        raise CannotBuild(f"There are no packages for {platform.machine()} machines.") from error


def _nfpm(recipe: Path, target: Path) -> Path:
    nfpm = Path(sys.executable).with_name("nfpm")
    command = [str(nfpm), "package", "--config", str(recipe), "--packager", "deb", "--target", str(target)]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    except OSError as error:
        raise CannotBuild("nfpm is missing, which builds the packages: use make package, which installs it.") from error
    if done.returncode:
        raise CannotBuild(f"{target.name} could not be built: {(done.stdout + done.stderr).strip()[-500:]}")
    return target


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="make package", description="Build the Debian packages reproducibly.")
    parser.add_argument("--out", type=Path, default=PROJECT / "dist", help="folder for them (default: dist)")
    options = parser.parse_args(arguments)
    try:
        with Step("Building the packages (the first time downloads some 250 MB)"):
            made = package(PROJECT, options.out, PROJECT / "build" / "wheels")
    except CannotBuild as error:
        complain(str(error))
        return 1
    for deb in made:
        say(f"{deb}  {deb.stat().st_size >> 20} MiB  sha256 {wheelhouse.sha256(deb)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
