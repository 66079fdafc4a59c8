"""The room's daemon as a real process: what the panel, the command line and the service manager rely on."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import httpx
import pytest
from PIL import Image
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.peers import zygote
from tests.peers.http import HTTP
from tests.peers.program import running, wait_until

ROOM = """
[room]
name = "Amphi A"
[[camera]]
id = "teacher"
driver = "sim"
label = "Teacher"
[[microphone]]
id = "lectern"
driver = "sim"
label = "Lectern"
[[panel]]
id = "projector"
driver = "not-made-yet"
[[panel]]
id = "display"
driver = "sim"
profile = "lg"
[[panel]]
id = "unplugged"
driver = "profile"
profile = "nec"
port = "/dev/ttyNONE"
[[ptz]]
id = "turning"
driver = "sim"
[recorder]
height = 240
fps = 10
"""
APPLIANCE = [sys.executable, "-m", "appliance.cli"]


@dataclass
class Daemon:
    """A running daemon and how to ask it."""

    process: subprocess.Popen[bytes]
    url: str
    spool: Path
    log: Path

    def get(self, path: str) -> Any:
        answer = HTTP.get(self.url + path, timeout=20)
        answer.raise_for_status()
        return answer.json()

    def order(self, order: str, **body: str) -> Any:
        answer = HTTP.post(f"{self.url}/api/v1/lesson/{order}", json=body or None, timeout=20)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def status(self) -> Any:
        return self.get("/api/v1/status")

    def recording(self) -> bool:
        """By evidence: every source has bytes on the disk."""
        return all(s["state"] == "recording" and s["bytes"] > 0 for s in self.status()["sources"])

    def events(self, **headers: str) -> ClientConnection:
        return connect(f"{self.url.replace('http', 'ws')}/api/v1/events", additional_headers=headers)

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return zygote.run(["appliance", *arguments, "--url", self.url], timeout=60)


@contextmanager
def room(folder: Path, *more: str, env: dict[str, str] | None = None, toml: str = ROOM) -> Iterator[Daemon]:
    """A daemon on a free port, from its first page to its ordered end."""
    (folder / "room.toml").write_text(toml)
    spool, log = folder / "spool", folder / f"room-{time.monotonic_ns()}.log"
    argv = [
        *APPLIANCE,
        "run",
        "--config",
        str(folder / "room.toml"),
        "--spool",
        str(spool),
        "--port",
        "0",
        *more,
    ]
    with running(argv, log, ready=lambda text: "The room is at http" in text, env=env) as process:
        found = re.search(r"http://127\.0\.0\.1:\d+", log.read_text())
        assert found is not None
        daemon = Daemon(process, found.group(), spool, log)
        wait_until(lambda: _answers(daemon), 10, "the first page")
        yield daemon
    assert '"exception"' not in log.read_text()  # whatever was asked, nothing broke inside


def _answers(daemon: Daemon) -> bool:
    try:
        return HTTP.get(f"{daemon.url}/").status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    with room(tmp_path) as started:
        yield started


def test_a_lesson_by_hand_over_http(daemon: Daemon) -> None:
    assert daemon.status()["state"] == "ready"
    assert daemon.order("start", title="  Analyse   II ")["lesson"]["title"] == "Analyse II"
    wait_until(daemon.recording, 20, "bytes of every source")
    first = daemon.status()
    assert (first["state"], first["health"]["code"]) == ("recording", "all-well")
    wait_until(lambda: daemon.status()["lesson"]["elapsed"] > first["lesson"]["elapsed"] + 1, 10, "time")
    assert daemon.order("mark", label="Exercise")["lesson"]["marks"] == 1
    assert daemon.order("pause")["state"] == "paused"
    assert daemon.order("resume")["lesson"] is not None
    wait_until(daemon.recording, 20, "bytes after the pause")
    status = daemon.order("stop")
    assert (status["state"], status["lesson"]) == ("ready", None)
    wait_until(lambda: daemon.status()["last"] is not None, 5, "the lesson kept")
    assert daemon.status()["sync"]["lessons_waiting"] == 1
    (lesson,) = daemon.get("/api/v1/lessons")
    assert (lesson["state"], lesson["title"]) == ("kept", "Analyse II")
    assert {asset["kind"] for asset in lesson["assets"]} >= {"manifest", "take"}
    for asset in lesson["assets"]:
        assert (daemon.spool / "lessons" / lesson["id"] / asset["path"]).stat().st_size == asset["bytes"]


def test_what_is_not_possible_now_is_a_problem(daemon: Daemon) -> None:
    def code(order: str) -> tuple[int, str]:
        answer = HTTP.post(f"{daemon.url}/api/v1/lesson/{order}", timeout=20)
        return answer.status_code, answer.json()["code"]

    assert code("stop") == (409, "not-recording")
    daemon.order("start")
    assert code("start") == (409, "already-recording")
    assert code("resume") == (409, "wrong-state")


def test_the_panel_is_told_of_everything(daemon: Daemon) -> None:
    def until(panel: ClientConnection, kind: str, wanted: Any) -> Any:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            said = json.loads(panel.recv(timeout=20))
            if said["type"] == kind and wanted(said):
                return said
        raise TimeoutError(kind)

    with daemon.events(Origin=daemon.url) as panel:
        assert json.loads(panel.recv(timeout=5))["type"] == "status"
        idle = until(panel, "levels", lambda said: "lectern" in said["levels"])
        assert idle["levels"]["lectern"][0] <= idle["levels"]["lectern"][1] <= 0
        daemon.order("start", title="x")
        until(panel, "status", lambda said: said["state"] == "recording")
        until(panel, "levels", lambda said: "lectern" in said["levels"])
        began, statuses = time.monotonic(), 0
        while time.monotonic() < began + 3.2:
            statuses += json.loads(panel.recv(timeout=5))["type"] == "status"
        assert statuses >= 3
        daemon.order("stop")
        until(panel, "status", lambda said: said["state"] == "ready")


def test_a_foreign_page_gets_no_events(daemon: Daemon) -> None:
    with pytest.raises(InvalidStatus) as refused:
        daemon.events(Origin="http://evil.example")
    assert refused.value.response.status_code == 403
    assert json.loads(refused.value.response.body)["code"] == "foreign-origin"


def pictures(url: str, count: int) -> list[Image.Image]:
    """The first pictures of a living picture, as a browser takes them apart."""
    found: list[Image.Image] = []
    with httpx.stream("GET", url, timeout=20) as answer:
        assert answer.headers["content-type"].startswith("multipart/x-mixed-replace; boundary=")
        boundary = answer.headers["content-type"].partition("boundary=")[2].encode()
        data = b""
        for chunk in answer.iter_raw():
            data += chunk
            parts = data.split(b"--" + boundary + b"\r\n")
            if len(parts) > count + 1:
                for part in parts[1 : count + 1]:
                    head, _, body = part.partition(b"\r\n\r\n")
                    assert b"Content-Type: image/jpeg" in head
                    found.append(Image.open(io.BytesIO(body.removesuffix(b"\r\n"))))
                break
    return found


def test_living_pictures_go_on_when_a_recording_starts_and_stops(daemon: Daemon) -> None:
    url = f"{daemon.url}/api/v1/sources/teacher"
    idle = pictures(f"{url}/preview.mjpeg", 3)
    assert all(max(picture.size) <= 640 for picture in idle)
    daemon.order("start")
    wait_until(daemon.recording, 20, "bytes of every source")
    assert len(pictures(f"{url}/preview.mjpeg", 3)) == 3
    assert Image.open(io.BytesIO(HTTP.get(f"{url}/snapshot.jpg", timeout=20).content)).format == "JPEG"
    assert daemon.recording()
    daemon.order("stop")
    assert len(pictures(f"{url}/preview.mjpeg", 3)) == 3
    assert HTTP.get(f"{daemon.url}/api/v1/sources/lectern/snapshot.jpg").status_code == 404


def test_devices_tell_who_is_willing(daemon: Daemon) -> None:
    devices = {device["id"]: device for device in daemon.get("/api/v1/devices") if device["configured"]}
    assert devices["teacher"]["healthy"]
    assert devices["lectern"]["healthy"]
    assert devices["projector"]["problem"]["code"] == "unknown-driver"
    assert devices["display"]["healthy"]
    assert devices["turning"]["healthy"]
    assert devices["unplugged"]["problem"]["code"] == "port-missing"


def test_told_to_end_it_keeps_the_running_lesson_even_while_people_look_on(tmp_path: Path) -> None:
    with room(tmp_path) as daemon, daemon.events() as panel:
        daemon.order("start", title="Until the end")
        wait_until(daemon.recording, 20, "bytes of every source")
        with httpx.stream("GET", f"{daemon.url}/api/v1/sources/teacher/preview.mjpeg", timeout=20) as answer:
            next(answer.iter_raw())
            daemon.process.send_signal(signal.SIGTERM)
            assert daemon.process.wait(15) == 0
        with pytest.raises(ConnectionClosed):
            _listen_on(panel)
    listed = zygote.run(["appliance", "lessons", "--json", "--spool", str(daemon.spool)])
    (lesson,) = json.loads(listed.stdout)
    assert (lesson["state"], lesson["title"]) == ("kept", "Until the end")
    assert "Traceback" not in daemon.log.read_text()


def test_told_to_end_it_waits_for_no_camera_that_gives_no_picture(tmp_path: Path) -> None:
    """Else a restart takes as long as the camera is waited for, and leaves a traceback in the log."""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        host, port = mute.getsockname()
        camera = f'[[camera]]\nid = "front"\ndriver = "rtsp"\nurl = "rtsp://{host}:{port}/"\n'
        with room(tmp_path, toml=camera) as daemon, ThreadPoolExecutor(1) as viewer:
            asked = viewer.submit(HTTP.get, f"{daemon.url}/api/v1/sources/front/snapshot.jpg", timeout=20)
            with mute.accept()[0]:  # its picture is waited for now
                daemon.process.send_signal(signal.SIGTERM)
                answer = asked.result(4)  # the daemon gives requests five seconds, and a camera eight
            assert daemon.process.wait(15) == 0
    assert (answer.status_code, answer.json()["code"]) == (503, "no-picture")
    assert "Traceback" not in daemon.log.read_text()


def _listen_on(panel: ClientConnection) -> None:
    while True:
        panel.recv(timeout=5)


def test_the_command_line_does_a_whole_lesson(daemon: Daemon, tmp_path: Path) -> None:
    started = daemon.command("start", "--title", "Analyse II")
    assert (started.returncode, started.stderr) == (0, "")
    wait_until(daemon.recording, 20, "bytes of every source")
    wait_until(lambda: daemon.status()["lesson"]["elapsed"] > 3, 10, "three seconds")
    assert "Amphi A: Recording" in daemon.command("status").stdout
    assert json.loads(daemon.command("status", "--json").stdout)["state"] == "recording"
    for order in ("mark", "pause", "resume", "stop"):
        done = daemon.command(order)
        assert (done.returncode, done.stderr) == (0, "")
    again = daemon.command("stop")
    assert (again.returncode, again.stdout, len(again.stderr.splitlines())) == (1, "", 1)
    (lesson,) = json.loads(daemon.command("lessons", "--json").stdout)
    out = tmp_path / "out"
    exported = zygote.run(["appliance", "export", lesson["id"], "--out", str(out), "--spool", str(daemon.spool)])
    assert (exported.returncode, exported.stderr) == (0, "")
    with av.open(out / "teacher.mp4") as film:
        assert {stream.type for stream in film.streams} >= {"video", "audio"}


def test_doctor_finds_a_room_in_order_but_for_what_is_missing(daemon: Daemon, tmp_path: Path) -> None:
    done = daemon.command(
        "doctor", "--quick", "--json", "--config", str(tmp_path / "room.toml"), "--spool", str(daemon.spool)
    )
    findings = {finding["what"]: finding for finding in json.loads(done.stdout)}
    assert findings["panel projector"]["level"] == "warning"
    assert findings["camera teacher"]["level"] == "ok"
    assert findings["FFmpeg"]["level"] == "ok"
    # A panel that is away hinders no lesson.
    assert (done.returncode, done.stderr) == (0, "")


def _refused(*arguments: str) -> str:
    done = subprocess.run([*APPLIANCE, "run", *arguments], capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    return done.stderr


def test_a_second_daemon_is_refused_in_one_sentence(daemon: Daemon, tmp_path: Path) -> None:
    config, port = str(tmp_path / "room.toml"), daemon.url.rpartition(":")[2]
    same_port = _refused("--config", config, "--spool", str(tmp_path / "other"), "--port", port)
    same_spool = _refused("--config", config, "--spool", str(daemon.spool), "--port", "0")
    assert port in same_port
    assert "spool" in same_spool
    assert len((same_port + same_spool).splitlines()) == 2
    assert daemon.status()["state"] == "ready"


def test_a_wrong_room_toml_or_spool_is_refused_in_plain_sentences(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.toml"
    wrong.write_text('[room]\nnmae = "A"\n[recorder]\nheight = "720"\n')
    assert len(_refused("--config", str(wrong)).splitlines()) == 2
    empty = tmp_path / "empty.toml"
    empty.write_text("")
    (tmp_path / "file").write_text("not a folder")
    assert len(_refused("--config", str(empty), "--spool", str(tmp_path / "file"), "--port", "0").splitlines()) == 1


def test_the_service_manager_hears_ready_and_a_beating_heart(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(10)
        env = {**os.environ, "NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "400000"}
        with room(tmp_path, env=env) as daemon:
            heard = {manager.recv(100) for _ in range(4)}
            daemon.process.send_signal(signal.SIGTERM)
            assert daemon.process.wait(15) == 0
            manager.settimeout(1)
            while b"STOPPING=1" not in heard:
                heard.add(manager.recv(100))
    assert heard == {b"READY=1", b"WATCHDOG=1", b"STOPPING=1"}


def test_the_log_is_json_for_machines(daemon: Daemon) -> None:
    daemon.order("start")
    daemon.order("stop")
    for line in daemon.log.read_text().splitlines():
        assert {"event", "level", "timestamp"} <= set(json.loads(line))
