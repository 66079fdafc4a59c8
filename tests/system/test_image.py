"""A stick that wipes disks: it must never be the wrong disk, nor one with lessons on it. The script that chooses runs
here as in Debian's installer, over real file systems; the image is made of Debian's own."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import jsonschema_rs
import pytest
from typer.testing import CliRunner

from lms_sync.wire.slip import NAME, Slip
from provisioning.cli import app
from provisioning.fleet import made
from provisioning.imaging import cloud, menus, orders
from provisioning.imaging.aboard import aboard
from provisioning.imaging.access import Access
from provisioning.imaging.answers import Wishes
from provisioning.layers import Profiles
from tests.peers import mounts
from tests.peers.installer import kept_image, kept_schema, small_deb

WHO = Access("it", keys="ssh-ed25519 AAAA it\n")
GB = 1953125
"""Of 512 bytes each."""


@dataclass
class Machine:
    """A PC as the installer sees it: disks in /sys, with real file systems on loop devices behind them."""

    root: Path
    wish: str = "only"
    words: str = "quiet"
    loops: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        for name in ("sys/block", "dev", "scripts"):
            (self.root / name).mkdir(parents=True)

    def disk(
        self, name: str, size: int = 128, *, bus: str = "pci0000:00/ata1", removable: int = 0, kind: str = ""
    ) -> None:
        """size: GB."""
        place = self.root / "sys/devices" / bus / "block" / name
        (place / "device").mkdir(parents=True)
        for file, text in {"removable": removable, "ro": 0, "size": size * GB, "device/type": kind}.items():
            (place / file).write_text(f"{text}\n")
        (self.root / "sys/block" / name).symlink_to(place)
        (self.root / "dev" / name).touch()

    def partition(self, name: str, *command: str, lessons: str = "", size: int = 16 << 20) -> Path:
        """A file system of its own; lessons: the folder in it that has one. Returns its image."""
        image = self.root / f"{name}.img"
        with image.open("wb") as file:
            file.truncate(size)
        if command:
            subprocess.run([*command, str(image)], check=True, capture_output=True)
        if lessons:
            with mounts.image(image, self.root / "mnt") as folder:
                (folder / lessons / "01JDXYZ").mkdir(parents=True)
        loop = subprocess.run(["losetup", "-f", "--show", str(image)], check=True, capture_output=True, text=True)
        self.loops.append(loop.stdout.strip())
        (self.root / "dev" / name).unlink(missing_ok=True)
        (self.root / "dev" / name).symlink_to(self.loops[-1])
        return image

    def asked(self) -> tuple[str, str]:
        """What is said to who stands there, and the answers that let the installer go on; "" without."""
        scripts, answers = self.root / "scripts", self.root / "answers"
        (scripts / "installer.sh").write_bytes(orders.SCRIPT.read_bytes())
        (scripts / "disk").write_text(f"{self.wish}\n")
        (self.root / "cmdline").write_text(f"{self.words}\n")
        answers.unlink(missing_ok=True)
        places = {"SYS": "sys", "DEV": "dev", "CMDLINE": "cmdline", "ANSWERS": "answers"}
        done = subprocess.run(
            ["dash", str(scripts / "installer.sh"), "disk"],
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **{key: str(self.root / at) for key, at in places.items()}},
            capture_output=True,
            text=True,
            check=False,
        )
        said = answers.read_text() if answers.exists() else ""
        assert bool(said) == (done.returncode == 0), done.stderr
        return done.stderr.strip(), said

    def taken(self) -> str:
        """The disk that would be wiped."""
        said, answers = self.asked()
        assert answers, said
        (line,) = [line for line in answers.splitlines() if "partman-auto/disk" in line]
        return Path(line.split()[-1]).name


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    mounts.private_to_this_run()
    found = Machine(tmp_path)
    try:
        yield found
    finally:
        for loop in found.loops:
            subprocess.run(["losetup", "-d", loop], check=False)


def test_the_stick_and_what_else_is_plugged_in_is_never_taken(machine: Machine) -> None:
    machine.disk("sda", 64, bus="pci0000:00/usb1/1-1", removable=0)
    machine.disk("sdb", 64, removable=1)
    machine.disk("mmcblk0", 64, bus="pci0000:00/mmc0", kind="SD")
    machine.disk("mmcblk1boot0", 64, bus="pci0000:00/mmc1")
    machine.disk("loop0", 64)
    machine.disk("sdc", 8)
    said, answers = machine.asked()
    assert said == "This PC has no disk of its own of 24 GB or more. Nothing was changed."
    assert answers == ""
    machine.disk("nvme0n1", 256)
    assert machine.taken() == "nvme0n1"


def test_an_installers_stick_is_known_by_what_is_on_it(machine: Machine) -> None:
    """A case that hides its USB bridge, say."""
    machine.disk("sda")
    machine.disk("sdb", 64)
    machine.partition("sdb", "cp", str(kept_image()))
    assert machine.taken() == "sda"


def test_of_several_disks_none_is_taken_until_somebody_says_which(machine: Machine) -> None:
    machine.disk("sda", 2000)
    machine.disk("nvme0n1", 256)
    said, answers = machine.asked()
    assert "This PC has 2 disks (nvme0n1 sda)" in said
    assert answers == ""
    found = {}
    for machine.wish in ("smallest", "largest"):
        found[machine.wish] = machine.taken()
    assert found == {"smallest": "nvme0n1", "largest": "sda"}


EXT4 = ("mkfs.ext4", "-q", "-F")


@pytest.mark.parametrize(
    ("folder", "form"),
    [
        ("spool/lessons", (*EXT4, "-L", "darsbox-data")),
        ("spool/lessons", EXT4),
        ("var/lib/darsbox/spool/lessons", EXT4),
        ("lib/darsbox/spool/lessons", EXT4),
    ],
)
def test_a_disk_with_lessons_is_not_wiped_wherever_they_lie(
    machine: Machine, folder: str, form: tuple[str, ...]
) -> None:
    machine.disk("sda")
    machine.partition("sda1", *EXT4)
    image = machine.partition("sda2", *form, lessons=folder)
    before = image.read_bytes()
    said, answers = machine.asked()
    assert said.startswith(f"There are lessons on this PC: 1 on {machine.root}/dev/sda2.")
    assert "Pull out the stick" in said
    assert answers == ""
    assert image.read_bytes() == before, "looking at a disk changes nothing on it"
    machine.words = "quiet darsbox=lose-lessons"
    assert machine.taken() == "sda"


def test_a_room_that_was_just_made_is_not_made_again(machine: Machine) -> None:
    """A PC that starts from the stick each time would go round for ever, and use up its code."""
    machine.disk("sda")
    machine.partition("sda3", *EXT4, "-L", "darsbox-data")
    assert machine.asked()[0].startswith("This PC is a Darsbox room already.")


def test_what_cannot_be_looked_into_may_hold_lessons(machine: Machine) -> None:
    machine.disk("sda")
    image = machine.partition("sda1", *EXT4)
    with image.open("r+b") as file:  # the superblock says ext4, and nothing after it does
        file.seek(4096)
        file.write(os.urandom(2 << 20))
    assert "cannot be looked into, and may hold lessons" in machine.asked()[0]


def test_lessons_on_another_disk_are_left_alone(machine: Machine) -> None:
    machine.wish = "smallest"
    machine.disk("sda", 64)
    machine.disk("sdb", 500)
    machine.partition("sdb1", *EXT4, "-L", "darsbox-data", lessons="spool/lessons")
    assert machine.taken() == "sda"


@pytest.mark.parametrize("firmware", ["bios", "efi"])
def test_lessons_get_a_partition_of_their_own(machine: Machine, firmware: str) -> None:
    machine.disk("sda")
    if firmware == "efi":
        (machine.root / "sys/firmware/efi").mkdir(parents=True)
    _, answers = machine.asked()
    assert ("method{ efi }" in answers, "method{ biosgrub }" in answers) == (firmware == "efi", firmware == "bios")
    assert "label{ darsbox-data } mountpoint{ /var/lib/darsbox }" in answers
    checked = subprocess.run(
        ["debconf-set-selections", "-c"], input=answers, text=True, capture_output=True, check=False
    )
    assert (checked.returncode, checked.stderr) == (0, "")


# -- which room


@dataclass
class Desk:
    folder: Path

    def __post_init__(self) -> None:
        self.key = self.folder / "it.pub"
        self.key.write_text(
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDFZAkF8DRKZIIEcRI2aKQM9jjPtwPQ6NsqhM4wgvXfb it@example.org\n"
        )
        self.sheet = self.folder / "rooms.csv"
        self.sheet.write_text("name;pc;camera.c.driver\nAmphi A;00-11-22-AA-BB-CC, S/N 7;sim\nAmphi B;PF2ABCDE;sim\n")

    def order(self, deb: Path, out: Path, code: int = 0) -> str:
        words = [
            "image",
            "usb",
            "--iso",
            kept_image(),
            "--deb",
            deb,
            "--fleet",
            self.sheet,
            "--enrolment",
            self.codes(),
        ]
        done = CliRunner().invoke(
            app, [str(word) for word in (*words, "--time-zone", "Africa/Tunis", "--ssh-key", self.key, "--out", out)]
        )
        assert done.exit_code == code, done.output
        return done.output

    def codes(self) -> Path:
        folder = self.folder / "codes"
        for room in ("Amphi A", "Amphi B"):
            (folder / room).mkdir(parents=True, exist_ok=True)
            slip = Slip("https://lessons.example.org", "7QK2M-9XDR4", room, "", "", 4e9)
            (folder / room / NAME).write_text(slip.text())
        return folder


@pytest.mark.parametrize(
    ("serial", "address", "host"),
    [
        ("PF2ABCDE\n", "52:54:00:12:34:56", "amphi-b"),
        (" s/n 7 \n", "52:54:00:12:34:56", "amphi-a"),
        ("Default string\n", "00:11:22:AA:BB:CC", "amphi-a"),
        ("Default string\n", "52:54:00:12:34:56", "debian"),
    ],
)
def test_each_pc_takes_its_own_room_and_code(tmp_path: Path, serial: str, address: str, host: str) -> None:
    """In the installer, up to where Debian's own programs have their turn."""
    desk, medium, target = Desk(tmp_path), tmp_path / "medium", tmp_path / "target"
    fleet = made(desk.sheet.read_bytes(), Profiles(tmp_path))
    for path, data in aboard([small_deb(tmp_path)], WHO, fleet=fleet, enrolment=desk.codes()).files.items():
        (medium / path).parent.mkdir(parents=True, exist_ok=True)
        (medium / path).write_bytes(data if isinstance(data, bytes) else data.read_bytes())
    for file, text in {"sys/class/dmi/id/product_serial": serial, "sys/class/net/eth0/address": f"{address}\n"}.items():
        (tmp_path / file).parent.mkdir(parents=True)
        (tmp_path / file).write_text(text)
    (target / "etc").mkdir(parents=True)
    (target / "etc/hostname").write_text("debian\n")
    (target / "etc/hosts").write_text("127.0.0.1 localhost\n127.0.1.1 debian\n")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/in-target").write_text("#!/bin/sh\n")
    (tmp_path / "bin/in-target").chmod(0o755)
    clean = {"PATH": f"{tmp_path}/bin:/usr/bin:/bin", "SYS": str(tmp_path / "sys")}
    subprocess.run(["dash", str(medium / "install.sh"), str(medium), str(target)], env=clean, check=True)
    assert (target / "etc/hostname").read_text().strip() == host
    code, file = target / f"etc/darsbox/{NAME}", target / "etc/darsbox/room.toml"
    if host == "debian":
        assert not code.exists()
        assert not file.exists()
        return
    room = host.replace("amphi-", "Amphi ")[:-1] + host[-1].upper()
    assert f"127.0.1.1 {host}" in (target / "etc/hosts").read_text()
    assert f'name = "{room}"' in file.read_text()
    assert Slip.read(code.read_bytes()).room == room
    assert stat.S_IMODE(code.stat().st_mode) == 0o400
    assert list((target / "var/cache").iterdir()) == []


# -- the image


def xorriso(image: Path, *words: str | Path) -> str:
    line = ["xorriso", "-no_rc", "-osirrox", "on", "-indev", str(image), *map(str, words)]
    return subprocess.run(line, check=True, capture_output=True, text=True).stdout


@pytest.mark.timeout(600)  # the first time on this computer, Debian's installer is fetched
def test_debians_installer_carries_rooms_and_still_starts_from_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two builds are the same bytes, whoever makes them and when."""
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    desk, out, again = Desk(tmp_path), tmp_path / "rooms.iso", tmp_path / "again.iso"
    deb = small_deb(tmp_path)
    began = time.monotonic()
    said = desk.order(deb, out)
    print(f"an image of {out.stat().st_size >> 20} MiB in {time.monotonic() - began:.1f} s")  # noqa: T201 - the figures themselves
    assert "2 rooms, 2 of them with a code." in said
    umask = os.umask(0o077)
    try:
        desk.order(deb, again)
    finally:
        os.umask(umask)
    assert out.read_bytes() == again.read_bytes()
    assert stat.S_IMODE(out.stat().st_mode) == 0o600, "codes are in it"

    for kind in ("-report_el_torito", "-report_system_area"):
        # Where each boot image lies may move; that there is one for BIOS, for UEFI and for sticks must not.
        def of(image: Path, kind: str = kind) -> list[str]:
            lines = xorriso(image, kind, "plain").splitlines()
            return sorted(line.split(":")[0] for line in lines if line.strip())

        assert of(out) == of(kept_image())
    xorriso(out, "-extract", "/", tmp_path / "disc")
    disc = tmp_path / "disc"
    for menu in (disc / "isolinux/isolinux.cfg", disc / "boot/grub/grub.cfg"):
        words = menu.read_text().replace("initrd=", " ").replace(",", " ").split()
        files = {word for word in words if word.startswith("/") and word != "/darsbox"}
        assert menus.ADDED in files
        assert [file for file in files if not (disc / file[1:]).is_file()] == []
    (disc / "unpacked").mkdir()
    first = (disc / menus.ADDED[1:]).read_bytes()
    subprocess.run(["cpio", "-id", "--quiet"], input=first, cwd=disc / "unpacked", check=True)
    assert (disc / "unpacked/darsbox/installer.sh").read_bytes() == orders.SCRIPT.read_bytes()
    assert (disc / "unpacked/preseed.cfg").read_text().startswith("# Written by")
    assert (disc / "darsbox/rooms/index").read_text() == "00:11:22:aa:bb:cc 00001\ns/n7 00001\npf2abcde 00002\n"
    assert 'name = "Amphi B"' in (disc / "darsbox/rooms/00002/room.toml").read_text()
    assert Slip.read((disc / f"darsbox/rooms/00002/{NAME}").read_bytes()).room == "Amphi B"


def test_what_does_not_fit_leaves_nothing_half_written(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    assert "is for amd64 machines, and the package for arm64" in desk.order(
        small_deb(tmp_path, architecture="arm64"), tmp_path / "out.iso", code=1
    )
    assert not (tmp_path / "out.iso").exists()
    with mounts.memory(tmp_path / "small", 20 << 20) as folder:
        assert "Nothing was written" in desk.order(small_deb(tmp_path), folder / "out.iso", code=1)
        assert list(folder.iterdir()) == []


@pytest.mark.parametrize("password", ["", "$6$salt1234$abcdefghijklmnopqrstuvwxyz"])
def test_cloud_init_takes_what_it_is_told(password: str) -> None:
    """By its own schema: an unknown or misspelt key would be passed over without a word."""
    who = Access("it", keys="" if password else "ssh-ed25519 AAAA it\n", password_hash=password)
    told = json.loads(cloud.user_data(Wishes("Africa/Tunis"), who, "amphi-a").split(b"\n", 1)[1])
    schema = jsonschema_rs.validator_for(json.loads(kept_schema().read_text()))
    assert [error.message for error in schema.iter_errors(told)] == []
    assert not schema.is_valid({**told, "time-zone": 5, "runcmd": 7})
    assert told["write_files"] == [{"path": "/etc/locale.gen", "append": True, "content": "en_US.UTF-8 UTF-8\n"}]
