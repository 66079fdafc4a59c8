"""The server as people run it: real processes, looked at, lied to. Lessons arrive all the same."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import httpx
import pytest
from ulid import ULID

from lms_sync import wire
from media.lesson import Lesson, Mark, Source
from tests.measure.takes import add_audio, add_video, lesson_of
from tests.peers.central import LMS_SERVER, PASSWORD, Central, SigningRoom, asset, order
from tests.peers.http import HTTP, TRUSTING_NOBODY
from tests.peers.program import stop, wait_until

Headers = dict[str, str]
TITLE = "درس الإحصاء: Été 1"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Central]:
    """A server for the tests that leave it alive."""
    with Central(tmp_path_factory.mktemp("shared") / "data") as server:
        yield server


@pytest.fixture(scope="module")
def admin(shared: Central) -> dict[str, str]:
    return shared.token("admin", "admin")


@pytest.fixture(scope="module")
def amphi(shared: Central) -> SigningRoom:
    return shared.room("Amphi A")


@dataclass
class Recorded:
    """A lesson in a room's folder."""

    lesson: Lesson
    folder: Path

    def again(self) -> Recorded:
        """The same as another lesson."""
        lesson = Lesson.from_json(self.lesson.to_json())
        lesson.id = str(ULID())
        return Recorded(lesson, self.folder)

    def files(self) -> list[tuple[wire.Asset, bytes]]:
        """Everything to send, lesson.json first."""
        text = self.lesson.to_json().encode()
        manifest = asset(self.lesson.id, text, "lesson.json", kind="manifest", source="", tier="card")
        takes = [(take, (self.folder / take.file).read_bytes()) for take in self.lesson.takes]
        return [(manifest, text), *((asset(self.lesson.id, data, t.file, source=t.source), data) for t, data in takes)]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """Two takes of a camera with a gap between them, and one of a microphone."""
    folder = tmp_path_factory.mktemp("room")
    sources = [Source("front", "camera", "video", "Front camera"), Source("lectern", "microphone", "audio", "Lectern")]
    lesson = lesson_of(sources)
    lesson.title = TITLE
    lesson.marks.append(Mark(0, 3.0, "Exercise 2"))
    add_video(lesson, folder, "front", 0.0, 3.0, ended="lost")
    add_video(lesson, folder, "front", 4.0, 2.0)
    add_audio(lesson, folder, "lectern", 0.0, 6.0)
    return Recorded(lesson, folder)


def working(data: Path) -> subprocess.Popen[bytes]:
    log = (data.parent / "worker.log").open("ab")
    with log:
        return subprocess.Popen([LMS_SERVER, "worker", "--data", str(data)], stdout=log, stderr=log)


def state(central: Central, lesson: str, who: dict[str, str]) -> str:
    return str(HTTP.get(f"{central.url}/api/v1/lessons/{lesson}", headers=who).json()["state"])


# -- the whole way
# --------------------------------------------------------------------------------------------------------


def test_a_lesson_comes_in_is_assembled_and_is_fetched(
    shared: Central, amphi: SigningRoom, admin: Headers, recorded: Recorded
) -> None:
    recorded, room = recorded.again(), amphi
    lesson = recorded.lesson.id
    for sent, data in recorded.files():
        receipt = room.upload(sent, data)
        wire.check_receipt(receipt, room.server_key, room=room.id, asset=sent)
        assert state(shared, lesson, admin) == ("assembling" if sent.source == "lectern" else "receiving")

    worker = working(shared.data)
    try:
        wait_until(lambda: state(shared, lesson, admin) == "ready", 60, "the assembled lesson")
    finally:
        stop(worker)

    found = HTTP.get(f"{shared.url}/api/v1/lessons/{lesson}", headers=admin).json()
    assert (found["title"], found["room"], found["institution"]) == (TITLE, "Amphi A", "Lycée de Nouakchott")
    assert found["seconds"] == pytest.approx(6.0, abs=0.1)
    assert [(gap["source"], gap["why"]) for gap in found["gaps"]] == [("front", "lost")]
    assert [(mark["at"], mark["label"]) for mark in found["marks"]] == [(3.0, "Exercise 2")]
    names = {file["name"]: file["kind"] for file in found["files"]}
    assert names == {
        "front.mp4": "programme",
        "lectern.m4a": "audio",
        "front/take-001.mp4": "take",
        "front/take-002.mp4": "take",
        "lectern/take-001.mp4": "take",
        "lesson.json": "manifest",
    }
    for file in found["files"]:
        got = HTTP.get(shared.url + file["url"], headers=admin)
        assert got.headers["content-type"] == file["content_type"]
        assert (len(got.content), hashlib.sha256(got.content).hexdigest()) == (file["bytes"], file["sha256"])
    _fetch_like_a_browser(shared, found["files"][0], admin)


def _fetch_like_a_browser(central: Central, file: dict[str, str], who: dict[str, str]) -> None:
    url = central.url + file["url"]
    whole = HTTP.get(url, headers=who)
    etag = whole.headers["etag"]
    assert etag == f'"{file["sha256"]}"'
    part = HTTP.get(url, headers={**who, "Range": "bytes=100-199", "If-Range": etag})
    assert (part.status_code, part.content) == (206, whole.content[100:200])
    assert part.headers["content-range"] == f"bytes 100-199/{len(whole.content)}"
    tail = HTTP.get(url, headers={**who, "Range": "bytes=-10"})
    assert tail.content == whole.content[-10:]
    changed = HTTP.get(url, headers={**who, "Range": "bytes=100-199", "If-Range": '"of yesterday"'})
    assert (changed.status_code, len(changed.content)) == (200, len(whole.content))
    beyond = HTTP.get(url, headers={**who, "Range": "bytes=999999999-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{len(whole.content)}")
    assert HTTP.get(url, headers={**who, "If-None-Match": etag}).status_code == 304
    head = HTTP.head(url, headers=who)
    assert (head.status_code, head.content, int(head.headers["content-length"])) == (200, b"", len(whole.content))
    named = HTTP.get(url, headers=who, params={"download": "1"}).headers["content-disposition"]
    found = re.fullmatch(r"attachment; filename=\"([ -~]+)\"; filename\*=UTF-8''(\S+)", named)
    assert found is not None
    assert "الإحصاء" in unquote(found[2])
    assert unquote(found[2]).endswith("front.mp4")


def test_a_worker_killed_at_work_loses_no_lesson(central: Central, recorded: Recorded) -> None:
    admin, room = central.token("admin", "admin"), central.room("Amphi A")
    first = working(central.data)
    for sent, data in recorded.files():
        room.upload(sent, data)

    def leased() -> bool:
        with sqlite3.connect(central.data / "darsbox.sqlite") as database:
            found = database.execute("SELECT lease_owner FROM lesson").fetchone()[0] != ""
        database.close()
        return found or state(central, recorded.lesson.id, admin) == "ready"

    wait_until(leased, 30, "a worker at the lesson")
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    second = working(central.data)
    try:
        wait_until(lambda: state(central, recorded.lesson.id, admin) == "ready", 90, "the lesson by the second worker")
    finally:
        stop(second)
    assert second.returncode == 0


# -- bad lessons
# ----------------------------------------------------------------------------------------------------------


def test_a_malformed_lesson_is_kept_and_says_what_is_wrong(shared: Central, amphi: SigningRoom, admin: Headers) -> None:
    lesson = str(ULID())
    text = b'{"format": 1, "id": {}, "sources": [{"id": []}]}'
    manifest = asset(lesson, text, "lesson.json", kind="manifest", source="", tier="card")
    assert amphi.upload(manifest, text)
    found = HTTP.get(f"{shared.url}/api/v1/lessons/{lesson}", headers=admin).json()
    assert found["state"] == "failed"
    assert found["problem"].startswith("lesson.json")
    kept = HTTP.get(shared.url + found["files"][0]["url"], headers=admin)
    assert kept.content == text


def test_a_lesson_nobody_can_play_fails_with_a_reason(
    shared: Central, amphi: SigningRoom, admin: Headers, recorded: Recorded
) -> None:
    rubbish = os.urandom(5000)
    lesson = recorded.again().lesson
    lesson.takes = lesson.takes[:1]
    lesson.takes[0].bytes, lesson.takes[0].sha256 = len(rubbish), hashlib.sha256(rubbish).hexdigest()
    text = lesson.to_json().encode()
    amphi.upload(asset(lesson.id, text, "lesson.json", kind="manifest", source="", tier="card"), text)
    amphi.upload(asset(lesson.id, rubbish), rubbish)
    worker = working(shared.data)
    try:
        wait_until(lambda: state(shared, lesson.id, admin) == "failed", 60, "the verdict")
    finally:
        stop(worker)
    assert HTTP.get(f"{shared.url}/api/v1/lessons/{lesson.id}", headers=admin).json()["problem"].endswith(".")


def test_a_title_edited_on_the_server_stays(
    shared: Central, amphi: SigningRoom, admin: Headers, recorded: Recorded
) -> None:
    recorded = recorded.again()
    manifest, text = recorded.files()[0]
    url = f"{shared.url}/api/v1/lessons/{recorded.lesson.id}"
    amphi.upload(manifest, text)
    assert httpx.patch(url, headers=admin, json={"title": "Statistics, corrected"}).status_code == 200
    again = Lesson.from_json(text)
    again.marks.append(Mark(0, 5.0, "late mark"))
    later = again.to_json().encode()
    amphi.upload(asset(again.id, later, "lesson.json", kind="manifest", source="", tier="card"), later)
    found = HTTP.get(url, headers=admin).json()
    assert found["title"] == "Statistics, corrected"
    assert len(found["marks"]) == 2


# -- people
# ---------------------------------------------------------------------------------------------------------------


def test_people_sign_in_look_and_sign_out(shared: Central, recorded: Recorded) -> None:
    order(shared.data, "user", "add", "amina", "--role", "admin", "--password-stdin", stdin=PASSWORD)
    shared.room("Salle 9").upload(*recorded.again().files()[0])
    with httpx.Client(base_url=f"{shared.url}/api/v1", verify=TRUSTING_NOBODY) as browser:
        assert browser.get("/lessons").status_code == 401
        signed_in = browser.post("/session", json={"name": "amina", "password": PASSWORD})
        cookie = signed_in.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=lax" in cookie
        for words in ("احصاء salle", "الاحصاء ete 9", "SALLE", "ÉTÉ salle"):
            assert len(browser.get("/lessons", params={"q": words}).json()["items"]) == 1, words
        for words in ("salle chimie", "salle ete 77", "sxlle"):
            assert browser.get("/lessons", params={"q": words}).json()["items"] == [], words
        foreign = browser.post(f"/rooms/{ULID()}/revoke", headers={"Origin": "https://evil.example"})
        assert (foreign.status_code, foreign.json()["code"]) == (403, "foreign-origin")
        assert browser.post(f"/rooms/{ULID()}/revoke", headers={"Origin": shared.url}).status_code == 404
        browser.delete("/session")
        assert browser.get("/lessons").status_code == 401


def test_guessing_a_password_gets_slow(shared: Central) -> None:
    order(shared.data, "user", "add", "samir", "--role", "admin", "--password-stdin", stdin=PASSWORD)

    def attempt(password: str) -> httpx.Response:
        return HTTP.post(f"{shared.url}/api/v1/session", json={"name": "samir", "password": password})

    answers = [attempt(f"guess {number}").status_code for number in range(8)]
    assert answers[:5] == [401] * 5
    assert 429 in answers[5:]
    refused = attempt(PASSWORD)
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) >= 1


def test_students_see_finished_lessons_and_no_raw_takes(
    shared: Central, amphi: SigningRoom, recorded: Recorded
) -> None:
    student, recorded = shared.token("student", "student"), recorded.again()
    files = recorded.files()
    amphi.upload(*files[0])
    url = f"{shared.url}/api/v1/lessons"

    def listed() -> bool:
        items = HTTP.get(url, headers=student).json()["items"]
        assert {item["state"] for item in items} <= {"ready"}
        return recorded.lesson.id in {item["id"] for item in items}

    assert not listed()
    assert HTTP.get(f"{url}/{recorded.lesson.id}", headers=student).status_code == 404
    for sent, data in files[1:]:
        amphi.upload(sent, data)
    worker = working(shared.data)
    try:
        wait_until(listed, 60, "the finished lesson")
    finally:
        stop(worker)
    found = HTTP.get(f"{url}/{recorded.lesson.id}", headers=student).json()
    assert {file["kind"] for file in found["files"]} == {"programme", "audio"}
    assert HTTP.get(f"{url}/{recorded.lesson.id}/files/front/take-001.mp4", headers=student).status_code == 404
    assert HTTP.get(f"{shared.url}/api/v1/rooms", headers=student).status_code == 403


def test_every_error_of_the_api_is_a_problem_in_a_sentence(shared: Central, admin: Headers) -> None:
    api = f"{shared.url}/api/v1"
    answers = [
        HTTP.get(f"{api}/nothing"),
        HTTP.get(f"{api}/lessons"),
        HTTP.get(f"{api}/lessons", headers={"Authorization": "Bearer wrong"}),
        HTTP.get(f"{api}/lessons", headers=admin, params={"limit": "many"}),
        HTTP.get(f"{api}/lessons", headers=admin, params={"since": "yesterday"}),
        HTTP.get(f"{api}/lessons", headers=admin, params={"page": "x~y"}),
        HTTP.get(f"{api}/lessons/unknown", headers=admin),
        HTTP.get(f"{api}/lessons/unknown/files/..%2f..%2fetc%2fpasswd", headers=admin),
        HTTP.put(f"{api}/lessons", headers=admin),
        HTTP.post(f"{api}/session", content=b"no json"),
        HTTP.post(f"{api}/session", content=b"x" * 2_000_000),
        HTTP.post(f"{api}/enrolments", json={"code": "x" * 10_000}),
    ]
    for answer in answers:
        assert 400 <= answer.status_code < 500, answer.url
        assert answer.headers["content-type"] == "application/problem+json", answer.url
        assert answer.json()["detail"].endswith("."), answer.text
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_it_can_be_watched(central: Central) -> None:
    health = HTTP.get(f"{central.url}/healthz").json()
    assert health["status"] == "ok"
    assert health["free_bytes"] > 0
    assert "darsbox_stored_files_total 0.0" in HTTP.get(f"{central.url}/metrics").text
    central.room("Amphi A").upload(asset(str(ULID()), b"x"), b"x")
    metrics = HTTP.get(f"{central.url}/metrics").text
    assert "darsbox_stored_files_total 1.0" in metrics
    assert 'darsbox_lessons{state="receiving"} 1.0' in metrics
    assert "/api/v1/uploads" in HTTP.get(f"{central.url}/openapi.json").json()["paths"]


# -- at the keyboard
# ------------------------------------------------------------------------------------------------------


def test_it_starts_and_ends_in_order(tmp_path: Path) -> None:
    order(tmp_path / "data", "migrate")
    with Central(tmp_path / "data") as central:
        assert HTTP.get(f"{central.url}/healthz").status_code == 200
        assert central.process is not None
        stop(central.process, 10)
        assert central.process.returncode == 0


def test_a_port_in_use_is_said_in_a_sentence(shared: Central, tmp_path: Path) -> None:
    port = shared.url.rpartition(":")[2]
    second = order(tmp_path / "other", "run", "--port", port)
    assert second.returncode == 1
    assert re.fullmatch(rf"lms-server: The server cannot listen on http://127\.0\.0\.1:{port} .*\n", second.stderr)


def test_a_database_of_a_newer_program_is_refused_and_left_alone(tmp_path: Path) -> None:
    data = tmp_path / "data"
    assert order(data, "migrate").returncode == 0
    with sqlite3.connect(data / "darsbox.sqlite") as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    database.close()
    for command in (["run", "--port", "0"], ["worker"], ["migrate"], ["enrol-code", "Amphi A"]):
        refused = order(data, *command)
        assert refused.returncode == 1
        assert "newer" in refused.stderr
        assert refused.stderr.count("\n") == 1


def test_a_database_that_is_none_is_said_in_a_sentence(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "darsbox.sqlite").write_bytes(os.urandom(10_000))
    refused = order(data, "run", "--port", "0")
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert "damaged" in refused.stderr


def test_wrong_use_and_wrong_facts_have_their_exit_codes(tmp_path: Path) -> None:
    data = tmp_path / "data"
    assert order(data, "user", "add", "x", "--role", "king", "--password-stdin", stdin=PASSWORD).returncode == 2
    assert order(data, "run", "--public-url", "lessons.example.org/path").returncode == 2
    assert order(data, "nonsense").returncode == 2
    assert order(data, "user", "add", "x", "--role", "it", "--password-stdin", stdin="short").returncode == 1
    assert order(data, "user", "add", "x", "--role", "it", "--password-stdin", stdin=PASSWORD).returncode == 0
    twice = order(data, "user", "add", "x", "--role", "it", "--password-stdin", stdin=PASSWORD)
    assert (twice.returncode, twice.stderr.count("\n")) == (1, 1)
    for command in (["run"], ["worker"], ["migrate"], ["enrol-code"], ["receipts"], ["user", "add"], ["user", "token"]):
        helped = subprocess.run(
            [LMS_SERVER, *command, "--help"], capture_output=True, text=True, timeout=30, check=True
        )
        assert "Example: " in helped.stdout, command


def test_keys_are_private_and_survive_restarts(central: Central) -> None:
    room = central.room("Amphi A")
    first = wire.thumbprint(room.server_key)
    assert {file.stat().st_mode & 0o777 for file in (central.data / "keys").iterdir()} == {0o600}
    central.kill()
    central.start()
    assert wire.thumbprint(central.room("Amphi B").server_key) == first


def test_receipts_can_be_listed_and_checked_by_anyone(shared: Central, amphi: SigningRoom) -> None:
    sent = asset(str(ULID()), b"x" * 1000)
    amphi.upload(sent, b"x" * 1000)
    listed = order(shared.data, "receipts", "--lesson", sent.lesson)
    assert sent.lesson in listed.stdout
    exported = [
        json.loads(line)
        for line in order(shared.data, "receipts", "--json", "--lesson", sent.lesson).stdout.splitlines()
    ]
    assert len(exported) == 1
    wire.check_receipt(exported[0]["receipt"], amphi.server_key, room=amphi.id, asset=sent)
