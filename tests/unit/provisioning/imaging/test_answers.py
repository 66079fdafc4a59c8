"""Nothing that is written beforehand may wipe a disk: only what has looked at it does."""

from __future__ import annotations

import subprocess

import pytest

from provisioning.imaging import menus
from provisioning.imaging.access import Access
from provisioning.imaging.answers import Wishes, preseed

KEY = Access("it", keys="ssh-ed25519 AAAA it\n")
HASH = Access("it", password_hash="$6$salt$hash")


@pytest.mark.parametrize("access", [KEY, HASH])
@pytest.mark.parametrize(
    "mirror", ["", "http://mirror.example.org/debian", "https://mirror.example.org:8443/pub/debian/"]
)
def test_debconf_takes_the_answers(access: Access, mirror: str) -> None:
    text = preseed(Wishes("Africa/Tunis", mirror=mirror, proxy="http://192.0.2.1:3128"), access, "amphi-a")
    done = subprocess.run(["debconf-set-selections", "-c"], input=text, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_answers_name_no_disk_and_confirm_nothing() -> None:
    text = preseed(Wishes("Africa/Tunis"), KEY, "amphi-a")
    assert [line for line in text.splitlines() if "partman" in line] == [
        "d-i partman/early_command string sh /darsbox/installer.sh disk"
    ]
    assert "/dev/" not in text


def test_without_a_password_nobody_logs_in_by_one_and_without_a_key_there_is_no_door() -> None:
    assert "user-password-crypted password !\n" in preseed(Wishes("UTC"), KEY, "x")
    assert "openssh-server" in preseed(Wishes("UTC"), KEY, "x")
    assert "user-password-crypted password $6$salt$hash\n" in preseed(Wishes("UTC"), HASH, "x")
    assert "openssh-server" not in preseed(Wishes("UTC"), HASH, "x")


@pytest.mark.parametrize("menu", [menus.isolinux, menus.grub])
def test_menus_say_what_happens_and_lose_no_lessons_unasked(menu: object) -> None:
    assert callable(menu)
    text = menu("/install.amd/vmlinuz", "/install.amd/initrd.gz", "nomodeset")
    assert "WIPES THE DISK" in text
    assert max(len(line) for line in (menus.INSTALL, menus.LEAVE, menus.LOSE)) <= 54, "isolinux shows no more"
    first, last = text.index(menus.INSTALL), text.index(menus.LOSE)
    assert first < text.index(menus.LEAVE) < last
    assert "darsbox=lose-lessons" not in text[:last]
    assert text.count("nomodeset") == 2
