"""What IT staff hand over may be wrong in many ways. Each is one sentence before anything is written: a stick that
turns out wrong in a village is a day's journey."""

from __future__ import annotations

import json
import shutil
import stat
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from lms_sync.wire.slip import NAME, Slip
from provisioning.cli import app
from provisioning.imaging.aboard import host_of
from tests.peers.installer import small_deb
from tests.peers.updates import Maker

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDFZAkF8DRKZIIEcRI2aKQM9jjPtwPQ6NsqhM4wgvXfb it@example.org\n"
HASH = "$6$salt1234$fvdG4Td4yAsbvzdMKXQMw7M1kiFKWDnDfx6qe9ls8bGBkUaCT3rYjZ5mJkDWXjLB7DYNFWMKsGmiNNk6SLhx/.\n"
SHEET = "name;pc;camera.front.driver\nAmphi A;00-11-22-AA-BB-CC, S/N 7;sim\nAmphi B;PF2ABCDE;sim\n"


@dataclass
class Desk:
    """What IT staff have lying about."""

    folder: Path

    def __post_init__(self) -> None:
        self.deb = small_deb(self.folder)
        self.key = self.write("it.pub", KEY)
        self.room = self.write("amphi-a.toml", '[room]\nname = "Amphi A"\n')
        self.out = self.folder / "out"

    def write(self, name: str, text: str) -> Path:
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def slip(self, room: str = "Amphi A", *, hours: float = 72.0, institution: str = "") -> Path:
        slip = Slip("https://lessons.example.org", "7QK2M-9XDR4", room, institution, "", time.time() + hours * 3600)
        return self.write(f"codes/{room}/{NAME}", slip.text())

    def order(self, *words: str | Path, form: str = "cloud-init", code: int = 0, zone: str = "Africa/Tunis") -> str:
        line = ["image", form, *words, "--time-zone", zone, "--out", self.out]
        done = CliRunner().invoke(app, [str(word) for word in line])
        assert done.exit_code == code, done.output
        assert "Traceback" not in done.output
        assert code == 0 or not [file for file in self.folder.iterdir() if file.name.startswith((".out", "out"))]
        return done.output

    def seed(self, *words: str | Path, code: int = 0) -> str:
        return self.order("--deb", self.deb, "--ssh-key", self.key, *words, code=code)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_seed_has_all_that_a_room_needs(desk: Desk) -> None:
    secret, root = desk.write("secrets/front-camera", "hunter2"), Maker(desk.folder / "maker").root
    words = ("--room", desk.room, "--enrolment", desk.slip(), "--secrets", secret.parent, "--update-root", root)
    said = desk.seed(*words)
    assert "1 room, with a code." in said
    assert "let each one PC in, once, until" in said
    assert "(72 h)" in said
    aboard = desk.out / "darsbox"
    assert sorted(str(file.relative_to(aboard)) for file in aboard.rglob("*") if file.is_file()) == [
        "admin",
        "admin-has-no-password",
        "authorized_keys",
        "install.sh",
        f"packages/{desk.deb.name}",
        f"rooms/default/{NAME}",
        "rooms/default/hostname",
        "rooms/default/room.toml",
        "secrets/front-camera",
        "update-root.json",
    ]
    assert (aboard / "rooms/default/hostname").read_text() == "amphi-a\n"
    assert stat.S_IMODE(desk.out.stat().st_mode) == 0o700, "a code is in it"


def test_what_cloud_init_reads_is_yaml_of_the_right_form(desk: Desk) -> None:
    desk.seed("--room", desk.room, "--password-hash", desk.write("hash", HASH))
    told = (desk.out / "user-data").read_text()
    assert told.startswith("#cloud-config\n")
    facts = yaml.safe_load(told)
    assert facts["users"] == [
        {
            "name": "it",
            "groups": "sudo",
            "shell": "/bin/bash",
            "lock_passwd": False,
            "passwd": HASH.strip(),
            "ssh_authorized_keys": [KEY.strip()],
        }
    ]
    assert yaml.safe_load((desk.out / "meta-data").read_text())["local-hostname"] == "amphi-a"
    (run,) = facts["runcmd"]
    assert subprocess.run([*run[:1], "-n", "-c", run[2]], check=False).returncode == 0


def test_with_another_room_it_is_another_machine_to_cloud_init(desk: Desk) -> None:
    found = set()
    for text in ('[room]\nname = "Amphi A"\n', '[room]\nname = "Amphi A"\nlanguage = "fr"\n'):
        desk.seed("--room", desk.write("amphi-a.toml", text))
        found.add(json.loads((desk.out / "meta-data").read_text())["instance-id"])
        shutil.rmtree(desk.out)
    assert len(found) == 2


def test_a_mistake_in_a_rooms_file_is_named_by_its_place(desk: Desk) -> None:
    wrong = desk.write(
        "wrong.toml", '[room]\nname = "Amphi A"\nlangauge = "fr"\n\n[[camera]]\nid = "front"\ndriver = "rstp"\n'
    )
    said = desk.seed("--room", wrong, code=1)
    assert 'wrong.toml: [room]: unknown key "langauge" (did you mean "language"?)' in said
    said = desk.seed("--room", desk.write("torn.toml", "[room\n"), code=1)
    assert "line 1" in said


def test_a_driver_that_is_not_there_is_a_mistake_and_a_password_that_is_elsewhere_is_none(desk: Desk) -> None:
    text = '[[camera]]\nid = "front"\ndriver = "rstp"\nurl = "rtsp://192.0.2.1/1"\n'
    assert "rstp" in desk.seed("--room", desk.write("wrong.toml", text), code=1)
    away = text.replace("rstp", "rtsp") + 'user = "darsbox"\npassword = {file = "front"}\n'
    desk.seed("--room", desk.write("right.toml", away))


@pytest.mark.parametrize(
    ("hours", "room", "said"),
    [
        (-1.0, "Amphi A", "the code was good until"),
        (72.0, "Amphi B", "The enrolment file is for Amphi B, and the room is Amphi A"),
    ],
)
def test_a_code_that_lets_nobody_in_is_refused(desk: Desk, hours: float, room: str, said: str) -> None:
    assert said in desk.seed("--room", desk.room, "--enrolment", desk.slip(room, hours=hours), code=1)


def test_a_code_without_a_room_or_that_is_none_is_refused(desk: Desk) -> None:
    assert "give --room or --fleet" in desk.seed("--enrolment", desk.slip(), code=1)
    assert "no enrolment file" in desk.seed("--enrolment", desk.write("x.json", "{}"), "--room", desk.room, code=1)
    empty = desk.folder / "empty"
    empty.mkdir()
    assert "lms-server enrol-codes" in desk.seed("--enrolment", empty, "--room", desk.room, code=1)


def test_a_package_that_is_not_ours_is_refused(desk: Desk) -> None:
    def given(*files: Path) -> str:
        return desk.order(*(word for file in files for word in ("--deb", file)), "--ssh-key", desk.key, code=1)

    assert "as make package makes it, not hello" in given(small_deb(desk.folder, "hello"))
    assert "is no Debian package" in given(desk.room)
    assert "cannot be used: No such file" in given(desk.folder / "away.deb")
    assert "is for arm64 machines" in given(desk.deb, small_deb(desk.folder, "hello", "arm64"))
    broken = desk.folder / "broken.deb"
    broken.write_bytes(desk.deb.read_bytes()[:200])
    assert "damaged Debian package" in given(broken)


def test_somebody_must_be_able_to_log_in(desk: Desk) -> None:
    def given(*words: str | Path) -> str:
        return desk.order("--deb", desk.deb, *words, code=1)

    assert "Nobody could log in" in given()
    assert "ends in .pub" in given("--ssh-key", desk.write("id", "-----BEGIN OPENSSH PRIVATE KEY-----\n"))
    assert "no public SSH key" in given("--ssh-key", desk.write("id", "ssh-ed25519 AAAA\n"))
    assert "openssl passwd -6" in given("--password-hash", desk.write("hash", "hunter2\n"))
    assert "openssl passwd -6" in given("--password-hash", desk.write("hash", "$1$abc$def\n"))
    assert "cannot be the admin's name" in given("--ssh-key", desk.key, "--admin", "darsbox")


def test_wishes_that_an_installer_would_stumble_over_are_named_all_at_once(desk: Desk) -> None:
    words = ("--deb", desk.deb, "--ssh-key", desk.key, "--iso", desk.deb, "--keyboard", "us\nx", "--locale", "french")
    more = ("--mirror", "ftp://x", "--boot", "a\nb")
    said = desk.order(*words, *more, form="usb", code=1, zone="Tunis")
    assert [word in said for word in ("time zone", "keyboard", "locale", "--mirror", "--boot")] == [True] * 5
    assert desk.order(*words[:-4], "--disk", "any", form="usb", code=2)


def test_what_is_no_installer_is_refused(desk: Desk) -> None:
    words = ("--deb", desk.deb, "--ssh-key", desk.key, "--room", desk.room)
    assert "is no ISO image. Take debian-12" in desk.order(*words, "--iso", desk.deb, form="usb", code=1)
    assert "cannot be read" in desk.order(*words, "--iso", desk.folder / "away.iso", form="usb", code=1)


def test_every_room_of_a_stick_for_many_says_which_pc_it_is(desk: Desk) -> None:
    words = ("--deb", desk.deb, "--ssh-key", desk.key, "--iso", desk.deb)
    nameless = desk.write("rooms.csv", SHEET.replace("PF2ABCDE", ""))
    assert "line 3, column pc" in desk.order(*words, "--fleet", nameless, form="usb", code=1)
    twice = desk.write("rooms.csv", SHEET.replace("PF2ABCDE", "pf2 abcde, 00:11:22:aa:bb:cc"))
    assert "line 2 has 00:11:22:aa:bb:cc already" in desk.order(*words, "--fleet", twice, form="usb", code=1)
    assert "not both" in desk.order(*words, "--fleet", twice, "--room", desk.room, form="usb", code=1)


def test_names_of_machines_are_plain() -> None:
    assert host_of("Amphi É 2") == "amphi-e-2"
    assert host_of("قاعة") == "room"
    assert len(host_of("x" * 200)) == 63
