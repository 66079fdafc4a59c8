"""Debian's own installer as an ISO image, laid out and started as those of debian-cd, and packages of a few bytes."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

PACKAGES = ("debian-installer-12-netboot-amd64", "isolinux")
_NETBOOT = "usr/lib/debian-installer/images/12/amd64/text/debian-installer/amd64"
_SCREENS = tuple(f"{name}.c32" for name in ("ldlinux", "libcom32", "libutil", "vesamenu"))
_MENU = "default install\nlabel install\n kernel /install.amd/vmlinuz\n append initrd=/install.amd/initrd.gz\n"


_SCHEMA = "usr/lib/python3/dist-packages/cloudinit/config/schemas/schema-cloud-config-v1.json"


def _cache() -> Path:
    place = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "darsbox"
    place.mkdir(parents=True, exist_ok=True)
    return place


def kept_schema() -> Path:
    """What cloud-init of Debian 12 takes as user-data, as it says itself; fetched and kept as below."""
    schema = _cache() / "cloud-init-schema-v1.json"
    if not schema.exists():
        with tempfile.TemporaryDirectory(prefix="cloud-init-", dir=schema.parent) as folder:
            _fetch(Path(folder), "cloud-init")
            (Path(folder) / "unpacked" / _SCHEMA).rename(schema)
    return schema


def _fetch(folder: Path, package: str) -> None:
    """One of Debian's packages, unpacked."""
    subprocess.run(["apt-get", "download", "--quiet", package], cwd=folder, capture_output=True, check=True)
    (file,) = folder.glob(f"{package}_*.deb")
    subprocess.run(["dpkg-deb", "--extract", str(file), str(folder / "unpacked")], check=True)


def kept_image() -> Path:
    """Linux, installer and boot loaders are Debian's, out of its packages (130 MB, fetched at the first use on this
    computer); the ISO is kept in the user's cache. It starts from BIOS, from CD and stick; what UEFI would start is
    there, and does not. Nobody may change it."""
    image = _cache() / "debian-12-amd64-installer.iso"
    if not image.exists():
        with tempfile.TemporaryDirectory(prefix="installer-", dir=image.parent) as folder:
            _make(Path(folder)).rename(image)
    return image


def _make(folder: Path) -> Path:
    for package in PACKAGES:
        _fetch(folder, package)
    netboot, loader = folder / "unpacked" / _NETBOOT, folder / "unpacked/usr/lib/ISOLINUX"
    disc = folder / "disc"
    files = {
        "install.amd/vmlinuz": netboot / "linux",
        "install.amd/initrd.gz": netboot / "initrd.gz",
        "isolinux/isolinux.bin": loader / "isolinux.bin",
        **{f"isolinux/{name}": netboot / "boot-screens" / name for name in _SCREENS},
        "boot/grub/efi.img": netboot / "bootnetx64.efi",
    }
    texts = {
        "isolinux/isolinux.cfg": _MENU,
        "boot/grub/grub.cfg": "menuentry 'Install' {\n linux /install.amd/vmlinuz\n initrd /install.amd/initrd.gz\n}\n",
        ".disk/info": 'Debian GNU/Linux 12.12.0 "Bookworm" - Unofficial amd64 NETINST of the tests\n',
    }
    for path, source in files.items():
        (disc / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, disc / path)
    for path, text in texts.items():
        (disc / path).parent.mkdir(parents=True, exist_ok=True)
        (disc / path).write_text(text)
    out = folder / "installer.iso"
    bios = ("-b", "isolinux/isolinux.bin", "-c", "isolinux/boot.cat", "-no-emul-boot", "-boot-load-size", "4")
    stick = ("-boot-info-table", "-isohybrid-mbr", str(loader / "isohdpfx.bin"))
    uefi = ("-eltorito-alt-boot", "-e", "boot/grub/efi.img", "-no-emul-boot", "-isohybrid-gpt-basdat")
    words = ("-as", "mkisofs", "-quiet", "-r", "-J", "-V", "Debian 12 amd64 n", *bios, *stick, *uefi)
    subprocess.run(["xorriso", *words, "-o", str(out), str(disc)], capture_output=True, check=True)
    return out


def small_deb(folder: Path, name: str = "darsbox-room", architecture: str = "amd64") -> Path:
    """A package with nothing in it."""
    tree = folder / f"tree-{name}-{architecture}"
    (tree / "DEBIAN").mkdir(parents=True)
    about = {"Package": name, "Version": "1.4.0", "Architecture": architecture, "Maintainer": "nobody <n@example.org>"}
    about["Description"] = "a package of the tests"
    (tree / "DEBIAN" / "control").write_text("".join(f"{key}: {value}\n" for key, value in about.items()))
    file = folder / f"{name}_1.4.0_{architecture}.deb"
    command = ["dpkg-deb", "--build", "--root-owner-group", "-Znone", str(tree), str(file)]
    clock = {**os.environ, "SOURCE_DATE_EPOCH": "1764415220"}
    subprocess.run(command, env=clock, capture_output=True, check=True)
    return file
