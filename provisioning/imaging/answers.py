"""The answers that Debian's installer would ask for, as preseed.cfg. Pure.

No disk is named here and nothing that wipes is confirmed: ``installer.sh disk`` does both, when it has looked. Where it
does not, the installer asks.
"""

from __future__ import annotations

import re
import zoneinfo
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from provisioning.imaging.access import Access
from provisioning.imaging.errors import CannotImage

Disk = Literal["only", "smallest", "largest"]
_LOCALE = re.compile(r"[a-z]{2,3}_[A-Z]{2}(\.UTF-8)?")
_KEYBOARD = re.compile(r"[a-z]{2,10}")
_PLAIN = re.compile(r"[A-Za-z0-9_.,:=/ -]{0,200}")


@dataclass(frozen=True, slots=True)
class Wishes:
    """Of whoever makes the image. zone: an IANA time zone. mirror: of Debian's packages, "" for the installer's own
    choice; proxy: on the way to it, "" for none. disk: which to take where there are several. boot: more words for
    Linux."""

    zone: str
    locale: str = "en_US.UTF-8"
    keyboard: str = "us"
    mirror: str = ""
    proxy: str = ""
    disk: Disk = "only"
    boot: str = ""

    def check(self) -> None:
        """Raises CannotImage with every mistake."""
        wrong = []
        if self.zone not in zoneinfo.available_timezones():
            wrong.append(f"{self.zone!r} is no time zone such as Africa/Tunis.")
        if not _LOCALE.fullmatch(self.locale):
            wrong.append(f"{self.locale!r} is no locale such as fr_FR.UTF-8.")
        if not _KEYBOARD.fullmatch(self.keyboard):
            wrong.append(f"{self.keyboard!r} is no keyboard such as us, fr or ara.")
        for name, address in (("mirror", self.mirror), ("proxy", self.proxy)):
            if address and not _address(address):
                wrong.append(f"--{name}: {address!r} is no address such as http://mirror.example.org/debian.")
        if not _PLAIN.fullmatch(self.boot):
            wrong.append("--boot takes plain words for Linux, such as nomodeset or console=ttyS0.")
        if wrong:
            raise CannotImage("\n".join(wrong))


def _address(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and not re.search(r"\s", text)


def _mirror(wishes: Wishes) -> list[str]:
    if not wishes.mirror:
        return [f"mirror/http/proxy string {wishes.proxy}"]
    parts = urlsplit(wishes.mirror)
    return [
        f"mirror/protocol string {parts.scheme}",
        "mirror/country string manual",
        f"mirror/{parts.scheme}/hostname string {parts.netloc}",
        f"mirror/{parts.scheme}/directory string {parts.path.rstrip('/') or '/'}",
        f"mirror/{parts.scheme}/proxy string {wishes.proxy}",
    ]


def preseed(wishes: Wishes, access: Access, hostname: str) -> str:
    """preseed.cfg. Every value was checked."""
    lines = [
        f"debian-installer/locale string {wishes.locale}",
        f"keyboard-configuration/xkb-keymap select {wishes.keyboard}",
        "netcfg/choose_interface select auto",
        "netcfg/dhcp_timeout string 60",
        f"netcfg/get_hostname string {hostname}",
        "netcfg/get_domain string",
        "netcfg/wireless_wep string",
        "hw-detect/load_firmware boolean true",
        *_mirror(wishes),
        "passwd/root-login boolean false",
        f"passwd/user-fullname string {access.admin}",
        f"passwd/username string {access.admin}",
        # With "!" nobody logs in by a password.
        f"passwd/user-password-crypted password {access.password_hash or '!'}",
        "clock-setup/utc boolean true",
        "clock-setup/ntp boolean true",
        f"time/zone string {wishes.zone}",
        "apt-setup/use_mirror boolean true",
        "apt-setup/cdrom/set-first boolean false",
        "apt-setup/non-free-firmware boolean true",
        "pkgsel/run_tasksel boolean false",
        f"pkgsel/include string sudo{' openssh-server' * bool(access.keys)}",
        "pkgsel/upgrade select none",
        "pkgsel/update-policy select none",
        "grub-installer/only_debian boolean true",
        "grub-installer/with_other_os boolean true",
        # For firmware that forgets what it is to start.
        "grub-installer/force-efi-extra-removable boolean true",
        "cdrom-detect/eject boolean true",
        "finish-install/reboot_in_progress note",
        "preseed/early_command string sh /darsbox/installer.sh begin",
        "partman/early_command string sh /darsbox/installer.sh disk",
        "preseed/late_command string sh /darsbox/installer.sh end",
    ]
    return "".join(["# Written by provision image usb.\n", *(f"d-i {line}\n" for line in lines)])
