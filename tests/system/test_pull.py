"""lms-pull as an admin runs it: its own process against the real server, over links and disks as they are."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.peers import zygote
from tests.peers.central import Central, problem
from tests.peers.furnished import ARABIC_TITLE, HTML_TITLE, Furnished, furnished
from tests.peers.program import wait_until
from tests.peers.toxic import toxic

PROGRAM = str(Path(sys.executable).with_name("lms-pull"))


@dataclass(frozen=True)
class Archive:
    server: Central
    things: Furnished

    @property
    def port(self) -> int:
        port = urlsplit(self.server.url).port
        assert port is not None
        return port

    def command(self, *words: str, url: str = "") -> list[str]:
        return [PROGRAM, "--server", url or self.server.url, "--token", self.things.token, *words]

    def pull(self, *words: str, url: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
        words = ("--server", url or self.server.url, "--token", self.things.token, *words)
        return zygote.run(["lms-pull", *words], env={**os.environ, **environment})


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    data = tmp_path_factory.mktemp("pull") / "server"
    things = furnished(data)
    with Central(data) as server:
        yield Archive(server, things)


def home(out: Path) -> Path:
    """The one folder in it."""
    (folder,) = out.iterdir()
    return folder


def failed(result: subprocess.CompletedProcess[str], words: str) -> None:
    """Exit 1, and one plain sentence that says so."""
    assert result.returncode == 1, result
    assert words in result.stderr
    assert result.stderr.endswith(".\n")
    assert result.stderr.count("\n") == 1


def test_a_lesson_arrives_whole_named_and_provable(archive: Archive, tmp_path: Path) -> None:
    result = archive.pull("--out", str(tmp_path), "--lesson", archive.things.lessons["whole"])
    assert (result.returncode, result.stderr) == (0, "")
    folder = home(tmp_path)
    assert folder.name.endswith(" Amphi A Analyse II- suites et séries")
    assert {file.name for file in folder.iterdir()} == {
        ".lesson",
        "SHA256SUMS",
        "board.mp4",
        "front.mp4",
        "lectern.m4a",
        "lesson.json",
    }
    assert (folder / "front.mp4").read_bytes() == archive.things.front.read_bytes()
    check = subprocess.run(
        ["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert check.returncode == 0, check
    assert check.stdout.count(": OK") == 4


def test_what_is_there_and_right_is_not_fetched_again(archive: Archive, tmp_path: Path) -> None:
    words = ("--out", str(tmp_path), "--lesson", archive.things.lessons["whole"])
    assert archive.pull(*words).returncode == 0
    folder = home(tmp_path)
    (folder / "board.mp4").write_bytes(b"somebody's mistake")
    (folder / "lectern.m4a").unlink()
    again = archive.pull(*words, "--json")
    states = {entry["path"]: entry["state"] for entry in json.loads(again.stdout)[0]["files"]}
    assert states == {
        "lesson.json": "present",
        "lectern.m4a": "fetched",
        "board.mp4": "fetched",
        "front.mp4": "present",
    }
    assert archive.pull(*words).stdout.splitlines()[-1].startswith("0 files fetched (0 B), 4 already there")


def test_originals_are_what_the_room_recorded(archive: Archive, tmp_path: Path) -> None:
    result = archive.pull("--out", str(tmp_path), "--lesson", archive.things.lessons["whole"], "--originals")
    assert result.returncode == 0, result.stderr
    found = {str(file.relative_to(home(tmp_path))) for file in home(tmp_path).rglob("take-*.mp4")}
    assert found == {f"originals/{path}" for path in ("front/take-001.mp4", "front/take-002.mp4", "board/take-001.mp4")}


def test_titles_make_folders_and_nothing_else(archive: Archive, tmp_path: Path) -> None:
    result = archive.pull("--out", str(tmp_path), "--lesson", archive.things.lessons["html"])
    assert result.returncode == 0, result.stderr
    assert HTML_TITLE not in home(tmp_path).name
    assert home(tmp_path).name.endswith(" Salle 12 b-Chimie-b- & -co- -script-alert('x')-script-")


def test_the_list_is_a_table_and_json(archive: Archive) -> None:
    table = archive.pull("--list")
    assert table.returncode == 0
    head, first, *_ = table.stdout.splitlines()
    assert head.split() == ["STARTED", "LENGTH", "SIZE", "GAPS", "STATE", "ID", "ROOM", "TITLE"]
    assert first.index("Analyse II") == head.index("TITLE")
    listed = json.loads(archive.pull("--list", "--json").stdout)
    assert len(listed) == 66
    assert [one["title"] for one in listed if one["state"] == "receiving"] == [ARABIC_TITLE]
    narrow = json.loads(archive.pull("--list", "--json", "--room", "Salle 12").stdout)
    assert {one["room"] for one in narrow} == {"Salle 12"}
    assert json.loads(archive.pull("--list", "--json", "--since", "2199-01-01").stdout) == []
    assert json.loads(archive.pull("--list", "--json", "--until", "1999-01-01").stdout) == []
    assert json.loads(archive.pull("--list", "--json", "--search", "xylophone").stdout) == []


def test_lessons_that_are_not_ready_are_told_and_passed_over(archive: Archive, tmp_path: Path) -> None:
    result = archive.pull("--out", str(tmp_path), "--room", "قاعة المحاضرات الكبرى")
    assert result.returncode == 0
    assert "is still on its way to the server; pull again later" in result.stdout
    named = archive.pull("--out", str(tmp_path), "--lesson", archive.things.lessons["receiving"])
    failed(named, "is still on its way to the server")


VTT = b"WEBVTT\n\n00:01.000 --> 00:02.000\nBonjour\n"


def test_no_way_of_a_program_leads_a_student_to_an_unpublished_lesson(archive: Archive, tmp_path: Path) -> None:
    """What a teacher withdrew would be out for good if one address still gave it."""
    lesson, central = archive.things.lessons["html"], archive.server
    url = f"{central.url}/api/v1/lessons"
    admin = {"Authorization": f"Bearer {archive.things.token}"}
    student = central.token("pupil", "student")
    teacher = central.token("mariem", "teacher")
    ask = central.http
    assert ask.put(f"{url}/{lesson}/captions/fr", headers=student, content=VTT).status_code == 403
    assert ask.put(f"{url}/{lesson}/captions/fr", headers=teacher, content=VTT).status_code == 200
    bad = ask.put(f"{url}/{lesson}/captions/fr", headers=teacher, content=b"no captions")
    assert problem(bad) == (400, "bad-captions")

    def reached(who: dict[str, str]) -> list[int]:
        """The answers of every way to the lesson; 404 too where a list does not have it."""
        lists = [ask.get(url, headers=who, params=query).json()["items"] for query in ({}, {"q": "chimie"})]
        ways = [200 if lesson in {item["id"] for item in found} else 404 for found in lists]
        page, files = f"{url}/{lesson}", f"{url}/{lesson}/files"
        ways.append(ask.get(page, headers=who).status_code)
        for name in ("front.mp4", "front.mp4?download=1", "captions/fr.vtt"):
            ways += [ask.get(f"{files}/{name}", headers=who).status_code]
            ways += [ask.head(f"{files}/{name}", headers=who).status_code]
        return ways

    def publish(**wish: object) -> int:
        return ask.post(f"{url}/{lesson}/publication", headers=teacher, json=wish).status_code

    assert set(reached(student)) == {200}
    assert ask.post(f"{url}/{lesson}/publication", headers=student, json={"state": "private"}).status_code == 403
    token = student["Authorization"].removeprefix("Bearer ")
    words = ["--server", central.url, "--token", token, "--out", str(tmp_path), "--lesson", lesson]
    later = {"state": "published", "at": "2199-01-01T08:00:00+00:00"}
    for wish in ({"state": "private"}, {"state": "withdrawn"}, later):
        assert publish(**wish) == 200
        assert set(reached(student)) == {404}, wish
        assert set(reached(admin)) == {200}
        assert set(reached(teacher)) == {200}
    failed(zygote.run(["lms-pull", *words]), "There is no lesson")
    assert list(tmp_path.iterdir()) == []
    assert publish(state="published") == 200
    assert set(reached(student)) == {200}


def test_a_killed_pull_goes_on_where_it_stopped(archive: Archive, tmp_path: Path) -> None:
    words = ("--out", str(tmp_path), "--lesson", archive.things.lessons["whole"])
    size = archive.things.front.stat().st_size
    with toxic(archive.port) as link:
        link.rate = 1_500_000
        first = subprocess.Popen(archive.command(*words, url=link.url), stdout=subprocess.DEVNULL)

        def half() -> Path | None:
            found = [part for part in tmp_path.glob("*/front.mp4.*.part") if part.stat().st_size > size // 3]
            return found[0] if found else None

        wait_until(half, 60, "a third of the file")
        first.send_signal(signal.SIGKILL)
        first.wait()
    part = half()
    assert part is not None
    before = part.read_bytes()
    assert archive.things.front.read_bytes().startswith(before)
    with toxic(archive.port) as link:
        link.rate = 50_000_000
        result = archive.pull(*words, url=link.url)
    assert result.returncode == 0, result.stderr
    assert (home(tmp_path) / "front.mp4").read_bytes() == archive.things.front.read_bytes()
    assert list(tmp_path.glob("*/*.part")) == []


def test_a_link_that_breaks_again_and_again_only_costs_time(archive: Archive, tmp_path: Path) -> None:
    with toxic(archive.port) as link:
        link.rate = 3_000_000
        words = ("--out", str(tmp_path), "--lesson", archive.things.lessons["whole"])
        process = subprocess.Popen(
            archive.command(*words, url=link.url), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for megabytes in (1, 2, 3):
            far = megabytes * 1_000_000
            wait_until(
                lambda far=far: any(part.stat().st_size > far for part in tmp_path.glob("*/front.mp4.*.part")),
                60,
                f"{megabytes} MB",
            )
            link.cut()
        _, said = process.communicate(timeout=120)
        assert (process.returncode, said) == (0, "")
        assert link.connections >= 4
    assert (home(tmp_path) / "front.mp4").read_bytes() == archive.things.front.read_bytes()


def test_a_server_that_restarts_is_waited_for(archive: Archive, tmp_path: Path) -> None:
    words = ("--out", str(tmp_path), "--lesson", archive.things.lessons["whole"])
    with toxic(archive.port) as link:
        link.down = True
        process = subprocess.Popen(archive.command(*words, url=link.url), stderr=subprocess.PIPE, text=True)
        wait_until(lambda: link.connections >= 3, 30, "three tries")
        link.down = False
        _, said = process.communicate(timeout=120)
    assert (process.returncode, said) == (0, "")


def test_a_file_damaged_in_the_store_is_never_taken_for_a_recording(archive: Archive, tmp_path: Path) -> None:
    sha = hashlib.sha256(archive.things.front.read_bytes()).hexdigest()
    (stored,) = archive.server.data.rglob(sha)
    whole = stored.read_bytes()
    stored.chmod(0o600)
    stored.write_bytes(whole[:1000] + bytes([whole[1000] ^ 1]) + whole[1001:])
    try:
        result = archive.pull("--out", str(tmp_path), "--lesson", archive.things.lessons["whole"])
    finally:
        stored.write_bytes(whole)
    failed(result, "front.mp4 arrived twice with a wrong SHA-256 and was thrown away")
    names = {file.name for file in home(tmp_path).iterdir()}
    assert {"board.mp4", "lectern.m4a"} <= names
    assert not any("front" in name for name in names)
    assert "front.mp4" not in (home(tmp_path) / "SHA256SUMS").read_text()


def test_a_file_that_the_store_lost_does_not_keep_the_others(archive: Archive, tmp_path: Path) -> None:
    sha = hashlib.sha256(archive.things.front.read_bytes()).hexdigest()
    (stored,) = archive.server.data.rglob(sha)
    hidden = stored.rename(archive.server.data / "hidden")
    try:
        result = archive.pull("--out", str(tmp_path), "--room", "Amphi A", "--json")
    finally:
        hidden.rename(stored)
    failed(result, "The server no longer has 'front.mp4'")
    lesson = next(one for one in json.loads(result.stdout) if one["title"].startswith("Analyse II"))
    assert {file["state"] for file in lesson["files"]} == {"fetched", "missing"}


def test_a_full_disk_is_one_sentence_and_loses_nothing(archive: Archive, tmp_path: Path) -> None:
    command = archive.command("--out", str(tmp_path), "--lesson", archive.things.lessons["whole"])
    limited = ["sh", "-c", 'ulimit -f 2000; exec "$0" "$@"', *command]
    result = subprocess.run(limited, capture_output=True, text=True, timeout=120, check=False)
    failed(result, "has no room for front.mp4 (5 MB); make room and run the same command again.")
    assert len(list(tmp_path.glob("*/front.mp4.*.part"))) == 1
    assert subprocess.run(command, capture_output=True, timeout=120, check=False).returncode == 0


def test_a_wrong_token_is_said_plainly(archive: Archive) -> None:
    command = [PROGRAM, "--server", archive.server.url, "--list"]
    env = {**os.environ, "LMS_PULL_TOKEN": "darsbox_wrong"}
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=env)
    failed(result, "does not accept this token")
    env["LMS_PULL_TOKEN"] = archive.things.token
    assert subprocess.run(command, capture_output=True, timeout=60, check=False, env=env).returncode == 0


@pytest.mark.parametrize("lesson", ["01KAF0000000000000000NOONE", "../../../etc/passwd"])
def test_a_lesson_that_is_not_there_is_said_plainly(archive: Archive, tmp_path: Path, lesson: str) -> None:
    failed(archive.pull("--out", str(tmp_path), "--lesson", lesson), f"There is no lesson '{lesson}' on the server")


def test_no_server_is_said_with_its_address(archive: Archive) -> None:
    with toxic(archive.port) as link:
        port = link.port
    failed(archive.pull("--list", url=f"http://127.0.0.1:{port}"), f"The server at 127.0.0.1:{port} does not answer")


def test_a_folder_one_may_not_write_in_is_said_plainly(archive: Archive, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    out = tmp_path / "file" / "below"
    failed(archive.pull("--out", str(out), "--lesson", archive.things.lessons["whole"]), "choose another folder")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--list", "--since", "yesterday"), "'yesterday' is no day"),
        ((), "Say where the recordings go with --out DIR"),
        (("--lst",), "--lst"),
        (("--server", "lessons", "--list"), "is no address"),
        (("--token", "two words", "--list"), "The token is not one"),
    ],
)
def test_wrong_use_is_two_and_says_how(archive: Archive, words: tuple[str, ...], said: str) -> None:
    result = archive.pull(*words)
    assert result.returncode == 2
    assert said in result.stderr


def test_help_has_an_example(archive: Archive) -> None:
    result = archive.pull("--help")
    assert result.returncode == 0
    assert "lms-pull --server https://box.example.edu --token TOKEN --out Lessons" in result.stdout


def test_it_runs_on_a_laptop_that_has_nothing_of_the_server() -> None:
    code = "import sys, lms_server.pull.cli; print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True).stdout
    ours = {name for name in loaded.split() if name.split(".")[0] in ("lms_server", "lms_sync", "media", "appliance")}
    assert ours == {"lms_server"} | {name for name in ours if name.startswith("lms_server.pull")}
    assert not {"sqlalchemy", "sqlmodel", "fastapi", "starlette", "av", "joserfc", "pydantic"} & set(loaded.split())
