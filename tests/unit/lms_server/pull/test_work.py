"""Many lessons at a time: a term on a disk that proves itself, and what stops one stops all."""

from __future__ import annotations

import hashlib
import io
import subprocess
import threading
from pathlib import Path

import httpx
import pytest

from lms_server.pull.client import Server
from lms_server.pull.errors import Damaged, WrongToken
from lms_server.pull.progress import Lines
from lms_server.pull.work import Order, Result, pull


class Box:
    """A server with lessons of one file each. at_once: the most requests for files that ever waited together."""

    def __init__(self, count: int, *, together: int = 1) -> None:
        self.bodies = {f"01KAF0000000000000000000{number:02d}": f"film {number}".encode() for number in range(count)}
        self.titles = {lesson: f"Lesson {number}" for number, lesson in enumerate(self.bodies)}
        self.fetched: list[str] = []
        self.refused = self.spoilt = ""
        self._gate = threading.Barrier(together, timeout=20)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        parts = request.url.path.removeprefix("/api/v1/lessons").strip("/").split("/")
        if "files" in parts:
            self._gate.wait()
            if parts[0] == self.refused:
                return httpx.Response(401)
            self.fetched.append(parts[0])
            return httpx.Response(200, content=self.bodies[parts[0]])
        if parts != [""]:
            return httpx.Response(200, json=self.lesson(parts[0]))
        return httpx.Response(200, json={"items": [self.lesson(each) for each in self.bodies], "next": None})

    def lesson(self, lesson: str) -> dict[str, object]:
        body = self.bodies[lesson]
        file = {"name": "front.mp4", "kind": "programme", "source": "front", "bytes": len(body)}
        promised = hashlib.sha256(b"another" if lesson == self.spoilt else body)
        file |= {"sha256": promised.hexdigest(), "url": f"/api/v1/lessons/{lesson}/files/front.mp4"}
        facts = {"id": lesson, "title": self.titles[lesson], "room": "Amphi", "state": "ready", "started": 1.79e9}
        return {**facts, "seconds": 60.0, "bytes": len(body), "gap_count": 0, "files": [file]}


def run(box: Box, out: Path, *, parallel: int = 1, mirror: bool = True) -> tuple[list[Result], str]:
    link = Server("http://box.test", "token", transport=httpx.MockTransport(box), sleep=lambda _: None)
    results: list[Result] = []
    said = io.StringIO()
    order = Order(out, originals=False, verify=False, named=False, parallel=parallel, mirror=mirror)
    pull(link, list(link.lessons()), order, Lines(said), results)
    return results, said.getvalue()


def check(out: Path) -> None:
    done = subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=out, capture_output=True, check=False)
    assert done.returncode == 0, done


def test_lessons_are_fetched_side_by_side_and_the_disk_proves_itself(tmp_path: Path) -> None:
    box = Box(6, together=3)  # each waits until three ask: one after the other would never end
    results, said = run(box, tmp_path, parallel=3)
    assert sorted(result.lesson for result in results) == sorted(box.bodies)
    assert said.count("fetched and verified") == 6
    check(tmp_path)
    lines = (tmp_path / "SHA256SUMS").read_text().splitlines()
    assert len(lines) == 6
    assert all("/front.mp4" in line for line in lines)


def test_a_mirror_follows_the_server_and_never_deletes(tmp_path: Path) -> None:
    box = Box(3)
    run(box, tmp_path)
    gone = next(iter(box.bodies))
    del box.bodies[gone]
    box.titles[next(iter(box.bodies))] = "Called otherwise now"
    box.fetched.clear()
    _, said = run(box, tmp_path)
    assert box.fetched == []
    assert "Lesson 0: of a lesson that the server does not list for this; it stays." in said
    assert {folder.name[17:] for folder in tmp_path.iterdir() if folder.is_dir()} == {
        "Lesson 0",
        "Called otherwise now",
        "Lesson 2",
    }
    check(tmp_path)
    assert len((tmp_path / "SHA256SUMS").read_text().splitlines()) == 3


@pytest.mark.parametrize("parallel", [1, 2])
def test_what_would_stop_every_file_stops_at_once(tmp_path: Path, parallel: int) -> None:
    box = Box(20)
    box.refused = list(box.bodies)[1]
    with pytest.raises(WrongToken):
        run(box, tmp_path, parallel=parallel)
    assert len(box.fetched) < 19


@pytest.mark.parametrize("parallel", [1, 2])
def test_one_damaged_file_does_not_keep_the_others(tmp_path: Path, parallel: int) -> None:
    box = Box(4)
    box.spoilt = list(box.bodies)[1]
    with pytest.raises(Damaged):
        run(box, tmp_path, parallel=parallel)
    check(tmp_path)
    assert len((tmp_path / "SHA256SUMS").read_text().splitlines()) == 3
