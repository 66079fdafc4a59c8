"""A bare Debian 12, booted: systemd as process 1 and nothing of ours, without a network. What is changed in it is held
in memory and is gone with it. Needs root.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.peers.program import stop, wait_until

RELEASE = "bookworm"
INCLUDED = ("systemd-sysv", "udev", "python3", "python3-venv", "libstdc++6", "procps", "init-system-helpers")
"""What our packages need of Debian's: this machine has no network to get it by."""


def kept_root(*more: str) -> Path:
    """Its files, made by Debian's own tools at the first use on this computer, and kept for the runs to come in the
    user's cache. Nobody may change them. more: packages that are installed with all that they need."""
    recipe = hashlib.sha256(" ".join((RELEASE, *INCLUDED, *more)).encode()).hexdigest()[:12]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "darsbox"
    root = cache / f"debian-{RELEASE}-{recipe}"
    if not root.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix="debian-", dir=cache))
        try:
            _bootstrap(fresh, more)
            fresh.rename(root)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    return root


def _bootstrap(folder: Path, more: Sequence[str]) -> None:
    # From where this computer gets its own packages.
    what = ["--format", "$(CREATED_BY) $(RELEASE) $(SITE)"]
    targets = subprocess.run(["apt-get", "indextargets", *what], capture_output=True, text=True, check=True).stdout
    mirror = next(line.split()[2] for line in targets.splitlines() if line.startswith(f"Packages {RELEASE} "))
    subprocess.run(
        ["debootstrap", "--variant=minbase", f"--include={','.join(INCLUDED)}", RELEASE, str(folder), mirror],
        stdout=subprocess.DEVNULL,
        check=True,
    )
    if more:
        _install(folder, more)
    for waste in ("var/cache/apt/archives", "var/lib/apt/lists", "usr/share/doc", "usr/share/man", "usr/share/locale"):
        shutil.rmtree(folder / waste, ignore_errors=True)
    folder.chmod(0o755)


def _install(folder: Path, packages: Sequence[str]) -> None:
    """By apt, set up as here: debootstrap finds no packages that only provide what another needs."""
    shutil.copytree("/etc/apt", folder / "etc/apt", dirs_exist_ok=True)
    shutil.copyfile("/etc/resolv.conf", folder / "etc/resolv.conf")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for words in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
        command = ["chroot", str(folder), "apt-get", "-q", *words]
        subprocess.run(command, env=quiet, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    (folder / "etc/resolv.conf").unlink()


class Debian:
    """The booted machine. root: its files, seen from here."""

    def __init__(self, leader: int) -> None:
        self._leader = leader
        self.root = Path(f"/proc/{leader}/root")

    def run(self, *command: str, check: bool = True) -> str:
        """A root's command in it: what it printed. Raises AssertionError with its words when it fails."""
        done = self.ask(*command)
        assert done.returncode == 0 or not check, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def ask(self, *command: str) -> subprocess.CompletedProcess[str]:
        inside = [
            "nsenter",
            f"--target={self._leader}",
            "--mount",
            "--uts",
            "--ipc",
            "--net",
            "--pid",
            "--cgroup",
            "--",
        ]
        clean = [
            "env",
            "-i",
            "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME=/root",
            "DEBIAN_FRONTEND=noninteractive",
            "LANG=C",
        ]
        return subprocess.run([*inside, *clean, *command], capture_output=True, text=True, check=False)


@contextlib.contextmanager
def booted(folder: Path, log: Path) -> Iterator[Debian]:
    """A machine of its own, from the moment its services can be used until the block ends; it sees ``folder`` as
    /packages."""
    name = f"darsbox-{os.getpid()}"
    command = [
        *("systemd-nspawn", "--quiet", "--register=no", "--keep-unit", f"--machine={name}", "--hostname=amphi-a"),
        *("--directory", str(kept_root()), "--volatile=overlay", "--private-network"),
        *("--console=read-only", "--resolv-conf=off", "--timezone=off", f"--bind-ro={folder}:/packages"),
        *("/lib/systemd/systemd", "systemd.log_target=console", "systemd.show_status=0"),
    ]
    with log.open("wb") as out:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env={**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"},
        )
    try:
        found: list[Debian] = []

        def up() -> bool:
            assert process.poll() is None, log.read_text(errors="replace")
            found[:] = [Debian(pid) for pid in _children(process.pid)]
            return bool(found) and found[0].ask("systemctl", "is-active", "multi-user.target").stdout == "active\n"

        wait_until(up, 30, "a booted Debian")
        yield found[0]
    finally:
        stop(process, 20)


def _children(pid: int) -> Sequence[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []
