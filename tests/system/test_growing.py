"""A room that sends its recordings while they grow. If these fail, a lesson waits for its end though the line was free
all the time, or goes over it twice."""

from __future__ import annotations

import hashlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peers.program import wait_until
from tests.peers.rtsp_camera import rtsp_camera
from tests.peers.toxic import Toxic, toxic
from tests.system.deployment import Room, Server, closing_all, manifest

DEVICES = """
[[camera]]
id = "front"
driver = "rtsp"
url = "{url}"

[[microphone]]
id = "lectern"
driver = "sim"
scene = "beep"
"""
AROUND = 1.03
"""Bytes on the line for a byte of recordings, at most."""
HELD = 1_000_000
"""Bytes that a killed agent or a cut may have had on the line in vain, at most."""


@pytest.fixture
def link() -> Iterator[Toxic]:
    with toxic(0) as network:
        yield network


@pytest.fixture
def server(tmp_path: Path, link: Toxic) -> Iterator[Server]:
    found = Server(tmp_path)
    link.server_port = found.port
    with closing_all(found):
        found.start_web()
        yield found


@pytest.fixture
def room(tmp_path: Path, link: Toxic, server: Server) -> Iterator[Room]:
    with rtsp_camera(tmp_path, size="1280x720", fps=25) as camera:
        found = Room(tmp_path, DEVICES.format(url=camera.url))
        with closing_all(found):
            found.start()
            server.enrol(found, url=link.url)
            found.agent.start()
            yield found


def test_what_is_recorded_goes_at_once_and_nothing_goes_twice(room: Room, server: Server, link: Toxic) -> None:
    room.touch("start", title="Forces")
    wait_until(lambda: link.up > 400_000, 60, f"bytes of the lesson that runs ({room.agent.words()[-2000:]})")
    room.agent.kill()
    at = link.up
    room.agent.start()
    wait_until(lambda: link.up > at + 400_000, 60, "more of them after the agent was killed")
    assert room.status()["state"] == "recording"
    room.touch("stop")
    room.wait_receipted(90)
    lesson = room.only_lesson()
    sizes = [asset["bytes"] for asset in lesson["assets"]]
    assert link.up < sum(sizes) * AROUND + HELD
    stored = {file.name: file for file in (server.data / "store").rglob("*") if file.is_file()}
    for take in manifest(room, lesson["id"])["takes"]:
        assert hashlib.sha256(stored[take["sha256"]].read_bytes()).hexdigest() == take["sha256"]


def test_a_lesson_that_a_power_cut_interrupts_arrives_whole(room: Room, server: Server, link: Toxic) -> None:
    room.touch("start", title="Forces")
    wait_until(lambda: link.up > 400_000, 60, f"bytes of the lesson that runs ({room.agent.words()[-2000:]})")
    keepers = [room.programs(source)["keeper"] for source in ("front", "lectern")]
    room.daemon.kill()
    for keeper in keepers:
        os.kill(keeper, signal.SIGKILL)
    room.start()
    room.wait_recording("front", "lectern")
    room.touch("stop")
    room.wait_receipted(90)
    assert len(manifest(room, room.only_lesson()["id"])["takes"]) == 4
    stored = {file.name for file in (server.data / "store").rglob("*") if file.is_file()}
    assert {take["sha256"] for take in manifest(room, room.only_lesson()["id"])["takes"]} <= stored
