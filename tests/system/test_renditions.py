"""Poor links get sound and slides first; making them never stands in a lesson's way."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

from tests.measure import decode_errors, durations
from tests.peers.http import HTTP
from tests.peers.program import wait_until
from tests.peers.toxic import toxic
from tests.system.deployment import Room, Server, closing_all, command, wait_gone

DEVICES = """
[[camera]]
id = "board"
driver = "sim"
scene = "slides"

[[camera]]
id = "front"
driver = "sim"
scene = "teacher"

[[microphone]]
id = "lectern"
driver = "sim"
"""
PATIENCE = 120
"""Seconds for work of the lowest priority on a busy machine."""


def taught(room: Room, seconds: float) -> str:
    """A kept lesson of so many seconds; its id."""
    room.touch("start", title="Analyse II")
    room.wait_recording("board", "front", "lectern", seconds=40)
    room.wait_elapsed(seconds)
    room.touch("stop")
    room.wait_state("ready")
    return str(room.lessons()[-1]["id"])


def kinds(room: Room, lesson: str) -> dict[str, dict[str, Any]]:
    entry = next(entry for entry in room.lessons() if entry["id"] == lesson)
    return {asset["path"].rpartition("/")[2]: asset for asset in entry["assets"]}


def renderers(room: Room) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes()
                state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
            except OSError:
                continue
            if b"appliance.render\0" in words and os.fsencode(room.spool) in words and state != "Z":
                found.append(int(entry.name))
    return found


def state_of(pid: int) -> str:
    """proc(5): R, S, T for stopped; empty when it has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def test_students_have_sound_and_slides_while_the_recording_still_waits(tmp_path: Path) -> None:
    room, server = Room(tmp_path, DEVICES, renditions=True), Server(tmp_path)
    with closing_all(room, server):
        room.start()
        server.start()
        lesson = taught(room, 8)
        wait_until(lambda: {"poster.jpg", "slidecast.mp4"} <= set(kinds(room, lesson)), PATIENCE, "the slidecast")
        with toxic(server.port) as link:
            code = command(["lms-server", "enrol-code", "Amphi A", "--data", str(server.data)]).split()[-1]
            where = ["--spool", str(room.spool), "--server", link.url]
            command(["lms-sync", "enrol", *where, "--code", code, "--room", "Amphi A", "--institution", "Test"])
            link.rate = 32_000.0  # bytes a second: 256 kbit/s
            room.agent.start()
            wait_until(lambda: kinds(room, lesson)["slidecast.mp4"]["receipted"], 60, "the slidecast's receipt")
            masters = [asset for asset in kinds(room, lesson).values() if asset["kind"] == "take"]
            assert not any(asset["receipted"] for asset in masters if asset["source"] != "lectern")
            found = server.get(f"/lessons/{lesson}")
            assert found["state"] == "receiving"
            files = {file["kind"]: file for file in found["files"]}
            assert files["poster"]["content_type"] == "image/jpeg"
            slidecast = tmp_path / "slidecast.mp4"
            bearer = {"Authorization": f"Bearer {server.token}"}
            answer = HTTP.get(f"{server.url}{files['slidecast']['url']}", headers=bearer)
            slidecast.write_bytes(answer.content)
            assert decode_errors(slidecast) == ""
            assert abs(durations(slidecast).file - found["seconds"]) < 0.5
            page = HTTP.get(f"{server.url}/lessons/{lesson}?lang=en", headers=bearer).text
            assert f'src="{files["slidecast"]["url"]}"' in page
            assert f'poster="{files["poster"]["url"]}"' in page
            assert "Sound and slides are here. The full recording is still on its way from the room." in page
            link.rate = 0.0
            room.wait_receipted(60)
        server.wait_ready(lesson)


def test_a_touch_on_start_stops_the_rendering_at_once(tmp_path: Path) -> None:
    room = Room(tmp_path, DEVICES, renditions=True)
    with closing_all(room):
        room.start()
        first = taught(room, 8)
        wait_until(lambda: renderers(room), PATIENCE, "the renderer")
        (pid,) = renderers(room)
        room.touch("start", title="The next one")
        # It was told; at the lowest priority it may be a while before it has a processor to hear it with.
        wait_until(lambda: state_of(pid) == "T", 10, "the renderer's stop")
        room.wait_recording("board", "front", "lectern", seconds=40)
        assert state_of(pid) == "T"
        room.touch("stop")
        room.wait_state("ready")
        wait_until(lambda: "proxy.mp4" in kinds(room, first), PATIENCE, "the proxy of the first lesson")


def test_a_killed_renderer_begins_again_and_leaves_nothing_half(tmp_path: Path) -> None:
    room = Room(tmp_path, DEVICES, renditions=True)
    with closing_all(room):
        room.start()
        lesson = taught(room, 6)
        wait_until(lambda: renderers(room), PATIENCE, "the renderer")
        (pid,) = renderers(room)
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: "proxy.mp4" in kinds(room, lesson), PATIENCE, "the proxy all the same")
        folder = room.spool / "lessons" / lesson / "renditions"
        assert sorted(file.name for file in folder.iterdir()) == [
            "poster.jpg", "proxy.mp4", "renditions.json", "slidecast.mp4",
        ]  # fmt: skip
        assert decode_errors(folder / "slidecast.mp4") == decode_errors(folder / "proxy.mp4") == ""
        assert (folder / "poster.jpg").stat().st_size <= 45_000


def test_the_renderer_ends_with_its_daemon_and_a_new_ledger_knows_what_was_made(tmp_path: Path) -> None:
    room = Room(tmp_path, DEVICES, renditions=True)
    with closing_all(room):
        room.start()
        lesson = taught(room, 6)
        wait_until(lambda: renderers(room), PATIENCE, "the renderer")
        (pid,) = renderers(room)
        room.daemon.kill()
        wait_gone(pid)
        for part in room.spool.glob("ledger.sqlite*"):
            part.unlink()
        room.start()
        wait_until(lambda: "proxy.mp4" in kinds(room, lesson), PATIENCE, "the proxy")
        made = {name: (asset["bytes"], asset["sha256"]) for name, asset in kinds(room, lesson).items()}
        room.daemon.stop()
        for part in room.spool.glob("ledger.sqlite*"):
            part.unlink()
        room.start()
        assert {name: (a["bytes"], a["sha256"]) for name, a in kinds(room, lesson).items()} == made
