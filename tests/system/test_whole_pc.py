"""From an empty disk to a delivered lesson on a whole PC with nobody there, through a cut of its power. If this fails,
what every part does well does not come together on a machine that starts.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from provisioning.debs import PROJECT, package
from tests.peers.pc import CAMERA, MICROPHONE, PC, SERVER, pc
from tests.peers.program import wait_until
from tests.system.deployment import BIN, Server, command, free_port
from tests.system.powercut.results import write_section

ROOM = f"""
[room]
name = "Amphi A"
institution = "Test"
language = "ar"

[recorder]
height = 180
fps = 5
renditions = false

[[camera]]
id = "front"
driver = "v4l2"
device = "{CAMERA}"
size = "320x180"
format = "yuyv"

[[microphone]]
id = "lectern"
driver = "portaudio"
device = "{MICROPHONE}"

[judge]
enabled = false
"""
PAGE = "/opt/darsbox/current/bin/python -c 'import urllib.request as u; print(u.urlopen(\"http://127.0.0.1:8400/healthz\").read().decode())'"
LOST = 1.0
"""Seconds at most that a power cut may cost of what was told."""
COLOURS = 500
"""On a screen with the panel and a camera's picture; a console has two."""


def status(machine: PC) -> dict[str, Any]:
    """Empty while it does not answer."""
    done = machine.ask("appliance status --json")
    return dict(json.loads(done.stdout)) if done.returncode == 0 else {}


def records(machine: PC) -> bool:
    sources = status(machine).get("sources", [])
    return bool(sources) and all(source["state"] == "recording" for source in sources)


def elapsed(machine: PC) -> float:
    return float((status(machine).get("lesson") or {}).get("elapsed", 0.0))


def shows_the_panel(machine: PC) -> bool:
    done = machine.ask(PAGE)
    silent = json.loads(done.stdout)["page_silent"] if done.returncode == 0 else None
    return silent is not None and silent < 10 and len(machine.screen().getcolors(1 << 24) or []) > COLOURS


def lesson_of(machine: PC) -> dict[str, Any]:
    (lesson,) = json.loads(machine.ask("appliance lessons --json").stdout)
    return dict(lesson)


@pytest.mark.soak
def test_a_pc_becomes_a_room_by_itself_and_a_power_cut_costs_no_lesson(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    deb = next(
        file for file in package(PROJECT, tmp_path / "packages", PROJECT / "build" / "wheels") if "room" in file.name
    )
    server, key, room, seed = Server(tmp_path), tmp_path / "key", tmp_path / "room.toml", tmp_path / "seed.iso"
    server.start_web()
    command(
        ["lms-server", "enrol-code", "Amphi A", "--data", str(server.data), "--url", SERVER, "--out", str(tmp_path)]
    )
    room.write_text(ROOM)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    words = [
        "--time-zone",
        "Africa/Nouakchott",
        "--locale",
        "fr_FR.UTF-8",
        "--ssh-key",
        f"{key}.pub",
        "--out",
        str(seed),
    ]
    words += ["--deb", str(deb), "--room", str(room), "--enrolment", str(tmp_path / "darsbox-enrol.json")]
    subprocess.run([str(BIN / "provision"), "image", "cloud-init", *words], capture_output=True, check=True)
    try:
        with pc(tmp_path, key, port=free_port(), server=server.port) as machine:
            figures = first_start(machine, server, seed) | power_cut(machine)
    finally:
        server.close()
    write_section("whole pc", list(figures.items()), "make soak")
    with capsys.disabled():
        sys.stdout.write("".join(f"\n{name}: {value}" for name, value in figures.items()) + "\n")


def first_start(machine: PC, server: Server, seed: Path) -> dict[str, str]:
    began = time.monotonic()
    machine.start(seed)
    wait_until(lambda: any(room["last_seen"] for room in server.get("/rooms")), 1800, "a room that calls")
    enrolled = time.monotonic()
    wait_until(lambda: shows_the_panel(machine), 300, "the panel on the screen")
    shown = time.monotonic()
    assert machine.ask("cloud-init status --wait").stdout.strip().endswith("status: done")
    assert machine.ask("echo $LANG").stdout.strip() == "fr_FR.UTF-8"
    assert machine.ask("cat /sys/fs/cgroup/system.slice/cpu.weight").stdout.strip() == "300"
    browser = machine.ask("cat /sys/fs/cgroup/user.slice/user-$(id -u darsbox-kiosk).slice/memory.max").stdout
    assert 0 < int(browser) < 4 << 30, "the browser may not have all memory"
    return {
        "from power on to a room that has enrolled itself": f"{(enrolled - began) / 60:.1f} minutes",
        "until the panel stands on the screen": f"{shown - enrolled:.0f} s more",
    }


def power_cut(machine: PC) -> dict[str, str]:
    assert machine.ask("appliance start --title 'Analyse II'").returncode == 0
    wait_until(lambda: records(machine), 120, "both sources recorded")
    wait_until(lambda: elapsed(machine) > 30, 120, "half a minute")
    told = elapsed(machine)
    machine.unplug()
    cut = time.monotonic()
    machine.start()
    wait_until(lambda: records(machine), 600, "the same lesson, recorded again")
    back = time.monotonic()
    wait_until(lambda: shows_the_panel(machine), 600, "the panel on the screen again")
    shown = time.monotonic()
    assert machine.ask("appliance stop").returncode == 0
    wait_until(lambda: all(each["receipted"] for each in lesson_of(machine)["assets"]), 600, "all receipts")
    lesson = lesson_of(machine)
    cuts = {gap["source"]: gap["at"] for gap in lesson["gaps"] if gap["why"] == "cut"}
    assert lesson["state"] == "kept"
    assert set(cuts) == {"front", "lectern"}
    assert min(cuts.values()) >= told - LOST
    return {
        "power taken away in a lesson: both sources recorded again after": f"{back - cut:.0f} s",
        "the panel on the screen again after": f"{shown - cut:.0f} s",
        "seconds of the lesson that were told before the cut; kept of each source": f"{told:.1f}; "
        + ", ".join(f"{at:.1f}" for at in cuts.values()),
        "assets with receipts": f"{len(lesson['assets'])} of {len(lesson['assets'])}",
    }
