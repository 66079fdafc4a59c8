"""The panel's doors with the real daemon. If this fails, a restart by the IT staff costs a part of a lesson."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.lifecycle import EXIT_FAILED
from appliance.spool import pins
from appliance.spool.layout import Spool
from appliance.spool.pins import Pins
from tests.peers.program import wait_until
from tests.system.deployment import Room, gaps_of, manifest, one_camera

PIN, TEACHER = "271828", "314159"


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    room = Room(tmp_path, one_camera())
    spool, known = Spool(room.spool), Pins()
    spool.prepare()
    known.set_it(PIN)
    known.set_teacher("Dr Sidi", TEACHER)
    pins.write(spool, known)
    room.start()
    room.wait_state("ready")
    yield room
    room.close()


def test_the_doctor_looks_and_a_restart_leaves_a_named_lesson_whole(room: Room) -> None:
    token = room.http.post("/it/enter", json={"pin": PIN}).json()["token"]
    signed = {"Authorization": f"Bearer {token}"}
    found = room.http.post("/it/doctor", headers=signed, timeout=60).json()
    assert {"room.toml", "camera front", "daemon"} <= {finding["what"] for finding in found}
    assert room.http.post("/who", json={"pin": TEACHER}).status_code == 200
    lesson = room.touch("start", title="Optics")["lesson"]["id"]
    room.wait_elapsed(1.0)
    keeper = room.programs("front")["keeper"]
    assert room.http.post("/it/restart", json={"confirmed": 1}, headers=signed).status_code == 409
    assert room.http.post("/it/restart", json={"confirmed": 2}, headers=signed).status_code == 200
    process = room.daemon.process
    assert process is not None
    wait_until(lambda: process.poll() is not None, 10, "the daemon's end")
    assert process.wait() == EXIT_FAILED
    room.start()
    room.wait_recording("front")
    status = room.status()
    assert (status["lesson"]["id"], status["lesson"]["teacher"]) == (lesson, "Dr Sidi")
    assert room.programs("front")["keeper"] == keeper
    assert room.http.get("/it", headers=signed).status_code == 401  # a session ends with its daemon
    room.touch("stop")
    assert manifest(room, lesson)["teacher"] == "Dr Sidi"
    assert gaps_of(room.only_lesson(), "front") == []
