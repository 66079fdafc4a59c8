"""A campus that has pyCA keeps it: unmodified, it registers, takes the timetable, records and delivers; its lessons
play like all others."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from tests.peers.central import LMS_SERVER, Central, order
from tests.peers.program import running, wait_until
from tests.peers.pyca import pyca

PASSWORD = "a capture agent's password"
LASTS = 6
TWO_FILES = (
    "command = ffmpeg -nostats -re -f lavfi -i testsrc=s=320x180:r=10 -re -f lavfi -i sine -t {{time}} "
    "-map 0 -map 1 -c:v libx264 -preset ultrafast -pix_fmt yuv420p {{dir}}/{{name}}-1.mkv "
    "-t {{time}} -map 0 -c:v mpeg4 {{dir}}/{{name}}-2.avi\n"
    "flavors = presenter/source, presentation/source\n"
    "files = {{dir}}/{{name}}-1.mkv, {{dir}}/{{name}}-2.avi\n"
)
"""Of the agent ``basic``: what one records who has a camera with a microphone, and slides."""

SOURCES = {"digest": {"presenter"}, "basic": {"presenter", "presenter-sound", "presentation"}}


@pytest.fixture(scope="module")
def central(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Central]:
    with Central(tmp_path_factory.mktemp("central") / "data") as server:
        command = [LMS_SERVER, "worker", "--data", str(server.data)]
        with running(command, server.data.parent / "worker.log", ready=lambda words: "working" in words):
            yield server


def timetable(uid: str, title: str) -> str:
    """One lesson that begins once the agents, which ask every five seconds, know of it."""
    begins = int(time.time()) + 8

    def zulu(at: int) -> str:
        return datetime.fromtimestamp(at, UTC).strftime("%Y%m%dT%H%M%SZ")

    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:test", "BEGIN:VEVENT", f"UID:{uid}", f"SUMMARY:{title}"]
    times = [f"DTSTAMP:{zulu(begins)}", f"DTSTART:{zulu(begins)}", f"DTEND:{zulu(begins + LASTS)}"]
    return "\r\n".join(
        [*lines, "ORGANIZER;CN=Amina:mailto:amina@example.org", *times, "END:VEVENT", "END:VCALENDAR", ""]
    )


@pytest.mark.timeout(360)
def test_unmodified_pyca_delivers_lessons_that_play(central: Central, tmp_path: Path) -> None:
    """By Digest, as pyCA 4.4 comes, with its own test picture; by Basic, with a camera and slides."""
    admin = central.token("admin", "admin")
    api = httpx.Client(base_url=f"{central.url}/api/v1", headers=admin, timeout=30)
    with api, ExitStack() as agents:
        logs = []
        for method, capture in (("digest", ""), ("basic", TWO_FILES)):
            made = order(central.data, "agent", "add", method, "--room", method, "--password-stdin", stdin=PASSWORD)
            assert made.returncode == 0, made.stderr
            logs.append(
                agents.enter_context(
                    pyca(tmp_path / method, central.url, method, PASSWORD, method=method, capture=capture)
                )
            )
        wait_until(lambda: all(room["health"] for room in api.get("/rooms").json()), 60, "both agents' first words")
        for room in api.get("/rooms").json():
            text = timetable(f"event-{room['name']}", f"Statistique {room['name']}")
            assert api.put(f"/rooms/{room['id']}/timetable", content=text).status_code == 204

        def ready() -> list[dict[str, object]]:
            found = api.get("/lessons").json()["items"]
            return [lesson for lesson in found if lesson["state"] in ("ready", "failed")]

        try:
            wait_until(lambda: len(ready()) == 2, 240, "two lessons")
        except TimeoutError as error:
            raise AssertionError("\n".join(log.read_text()[-4000:] for log in logs) + central.words()) from error
        for lesson in ready():
            assert (lesson["state"], lesson["problem"], lesson["teacher"]) == ("ready", "", "Amina")
            assert lesson["title"] == f"Statistique {lesson['room']}"
            assert LASTS - 4 < float(str(lesson["seconds"])) < LASTS + 2
            detail = api.get(f"/lessons/{lesson['id']}").json()
            assert {source["id"] for source in detail["sources"]} == SOURCES[lesson["room"]]
            kinds = [file["kind"] for file in detail["files"]]
            assert kinds.count("programme") == (2 if lesson["room"] == "basic" else 1), detail["files"]
            for file in detail["files"]:
                if file["kind"] in ("programme", "audio"):
                    plays(api.get(file["url"].removeprefix("/api/v1")).content, file["kind"], lesson["room"] == "basic")
    said = order(central.data, "agent", "list").stdout
    assert "digest" in said


def plays(content: bytes, kind: str, with_sound: bool) -> None:
    """Every browser can: H.264 and AAC, and it decodes to its end."""
    probe = ["ffprobe", "-v", "error", "-count_frames", "-show_streams", "-of", "json", "-"]
    found = subprocess.run(probe, input=content, capture_output=True, check=True)
    assert found.stderr == b""
    streams = json.loads(found.stdout)["streams"]
    wanted = {"audio"} if kind == "audio" else {"video", "audio"} if with_sound else {"video"}
    assert {stream["codec_type"] for stream in streams if stream["codec_name"] in ("h264", "aac")} == wanted
    assert all(int(stream["nb_read_frames"]) > 20 for stream in streams if stream["codec_type"] in wanted)
