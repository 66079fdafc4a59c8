"""The Debian packages that Darsbox uses, what each is for, and which are missing here.

Standard library only, and quick: it runs at every ``make run`` before anything is installed.
"""

from __future__ import annotations

import ctypes.util
import importlib.util
import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Package:
    """name: Debian's. without: what does not work without it, as the end of "Without NAME …".

    present: a look at the thing itself, so that another way of having it counts too; None asks dpkg.
    """

    name: str
    without: str
    present: Callable[[], bool] | None = None
    needed: bool = False
    """Whether nothing works without it."""


def _program(*names: str) -> Callable[[], bool]:
    return lambda: any(shutil.which(name) for name in names)


def _library(name: str) -> Callable[[], bool]:
    return lambda: ctypes.util.find_library(name) is not None


def _module(name: str) -> Callable[[], bool]:
    return lambda: importlib.util.find_spec(name) is not None


def _postgresql() -> bool:
    """Debian keeps its programs beside PATH, by version."""
    return any(Path("/usr/lib/postgresql").glob("*/bin/initdb"))


VENV = Package("python3-venv", "no Python environment can be made", _module("ensurepip"), needed=True)

RUN = (
    VENV,
    Package("ffmpeg", "FFmpeg comes from a Python package, which cannot open some USB cameras", _program("ffmpeg")),
    Package("libportaudio2", "no real microphone can be recorded", _library("portaudio")),
    Package("fonts-noto-core", "Arabic and Urdu may be drawn badly on this machine's screen"),
    Package("fonts-wqy-microhei", "Chinese cannot be drawn on this machine's screen"),
)

TEST = (
    *RUN,
    Package("cage", "the panel's own screen cannot be tried", _program("cage")),
    Package("chromium", "no browser test can run", _program("chromium")),
    Package("chromium-headless-shell", "no page can be tested", _program("chromium-headless-shell")),
    Package("cpio", "what an installer starts with cannot be unpacked", _program("cpio")),
    Package("curl", "there is no foreign client to measure uploads with", _program("curl")),
    Package(
        "debootstrap", "no package can be tried on a bare Debian", _program("debootstrap", "/usr/sbin/debootstrap")
    ),
    Package("dosfstools", "no stick as they are sold can be tried", _program("mkfs.fat", "/usr/sbin/mkfs.fat")),
    Package("e2fsprogs", "no power cut can be tried", _program("mkfs.ext4", "/usr/sbin/mkfs.ext4")),
    Package("espeak-ng", "no test speech can be made", _program("espeak-ng")),
    Package(
        "exfat-fuse", "no stick as they are sold can be tried", _program("mount.exfat-fuse", "/sbin/mount.exfat-fuse")
    ),
    Package("exfatprogs", "no stick as they are sold can be tried", _program("mkfs.exfat", "/usr/sbin/mkfs.exfat")),
    Package("fusefat", "no stick as they are sold can be tried", _program("fusefat")),
    Package("git", "the files of the project cannot be listed", _program("git")),
    Package("gir1.2-gst-rtsp-server-1.0", "there is no foreign RTSP camera to test with"),
    Package("gstreamer1.0-libav", "there is no foreign RTSP camera to test with"),
    Package("gstreamer1.0-plugins-bad", "there is no foreign RTSP camera to test with"),
    Package("gstreamer1.0-plugins-base", "there is no foreign RTSP camera to test with"),
    Package("gstreamer1.0-plugins-good", "there is no foreign RTSP camera to test with"),
    Package("gstreamer1.0-plugins-ugly", "there is no foreign RTSP camera to test with"),
    Package("iproute2", "no link can be shaped", _program("tc", "/usr/sbin/tc", "/sbin/tc")),
    Package("libasound2-plugins", "there is no sound device to test with"),
    Package("nginx", "the example of a proxy cannot be tried", _program("nginx", "/usr/sbin/nginx")),
    Package("nodejs", "there is no foreign tus server to test with", _program("node")),
    Package("npm", "there is no foreign tus server to test with", _program("npm")),
    Package("opencv-doc", "there is no real footage to test with"),
    Package("postgresql", "the server cannot be tried on PostgreSQL", _postgresql),
    Package("pulseaudio", "there is no sound device to test with", _program("pulseaudio")),
    Package("pulseaudio-utils", "there is no sound device to test with", _program("pactl")),
    Package("python3-gi", "there is no foreign RTSP camera to test with"),
    Package("qemu-system-common", "no power cut can be tried", _program("qemu-storage-daemon")),
    Package("systemd-container", "no package can be tried on a bare Debian", _program("systemd-nspawn")),
    Package("xdotool", "no key can be pressed on the panel's own screen", _program("xdotool")),
    Package("xorriso", "no image of an installer can be made", _program("xorriso")),
    Package("xvfb", "there is no screen to record in tests", _program("Xvfb")),
    Package("xwayland", "the panel's own screen cannot be tried", _program("Xwayland")),
)

SOAK = (
    *TEST,
    Package("openssh-client", "no emulated PC can be asked", _program("ssh")),
    Package("qemu-system-x86", "no whole PC can be emulated", _program("qemu-system-x86_64")),
    Package("socat", "no emulated PC reaches a server", _program("socat")),
)

PURPOSES: dict[str, tuple[Package, ...]] = {"run": RUN, "check": (VENV,), "test": TEST, "soak": SOAK}


def missing(packages: Sequence[Package]) -> list[Package]:
    """Those that are not here. On a machine without dpkg, what only dpkg could tell counts as present."""
    unsure = [package.name for package in packages if package.present is None]
    absent = set(unsure) - _installed(unsure) if shutil.which("dpkg-query") else set()
    return [
        package
        for package in packages
        if (not package.present() if package.present is not None else package.name in absent)
    ]


def _installed(names: Sequence[str]) -> set[str]:
    if not names:
        return set()
    # It exits 1 when one of the names is unknown, and still lists the others.
    answer = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\n", *names],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=False,
    )
    lines = (line.split() for line in answer.stdout.splitlines())
    return {fields[0] for fields in lines if fields[1:] == ["installed"]}


def may_install() -> Sequence[str] | None:
    """What to put before apt-get: nothing for root, sudo where it asks no password, None when there is no way."""
    if shutil.which("apt-get") is None:
        return None
    if os.geteuid() == 0:
        return ()
    sudo = shutil.which("sudo")
    if sudo and subprocess.run([sudo, "-n", "true"], capture_output=True, check=False).returncode == 0:
        return (sudo, "-n")
    return None


def install_line(names: Sequence[str]) -> str:
    """The line that a person types."""
    return "sudo apt-get install --no-install-recommends " + " ".join(names)
