"""A real room changes to a new version between two lessons, and comes back from one that does not start."""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.client import ask
from provisioning import slots
from provisioning.updating.bundle import Bundle, Wheel, kind_here
from provisioning.updating.errors import Failed, NotNow
from provisioning.updating.fetching import LOCK
from provisioning.updating.installing import Installer, Patience
from tests.system.deployment import Room, Service

PROJECT = Path(__file__).resolve().parents[2]
PATIENCE = Patience(answer=6.0, steady=1.0, look=0.1)
LONGEST_WAY_BACK = 20.0
"""Seconds here, of two minutes with the patience of a real room."""
DEVICES = """
[recorder]
renditions = false
undo_seconds = 0

[[microphone]]
id = "lectern"
driver = "sim"
scene = "beep"
"""


class Machine:
    """One room PC and its services, as systemd keeps them going."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "darsbox"
        self.room = Room(folder, DEVICES)
        program = str(self.root / "current" / "bin" / "appliance")
        argv = [program, "run", "--config", str(self.room.config), "--spool", str(self.room.spool)]
        self.room.daemon = Service("room", [*argv, "--port", str(self.room.port)], folder / "appliance.log")

    def restart(self) -> None:
        self.room.daemon.kill()
        self.room.daemon.start()

    def falling(self) -> str:
        return ""

    def ailing(self) -> str:
        return ""

    def version(self) -> str:
        return str(ask(self.room.url, "GET", "/healthz")["version"])

    def has(self, version: str, program: str = "from appliance.cli import main; main()") -> tuple[Bundle, Path]:
        """A version that is fetched and built: this project under another number."""
        bundle = Bundle(version, kind_here(), 0, (Wheel(f"darsbox-{version}-py3-none-any.whl", "0" * 64, 0),))
        wheels, slot = self.root / "updates" / "bundles" / version, self.root / "slots" / version
        about = slot / "lib" / f"darsbox-{version}.dist-info"
        for folder in (wheels, slot / "bin", about):
            folder.mkdir(parents=True)
        (wheels / LOCK).write_text(bundle.lock())
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: darsbox\nVersion: {version}\n")
        script = slot / "bin" / "appliance"
        script.write_text(
            f"#!{sys.executable}\nimport os, sys\nsys.path[:0] = [{str(slot / 'lib')!r}, {str(PROJECT)!r}]\n"
            f"os.environ['PYTHONPATH'] = os.pathsep.join(sys.path[:2])\n{program}\n"
        )
        script.chmod(0o755)
        fingerprint = hashlib.sha256(bundle.lock().encode()).hexdigest()
        (slot / slots.MARK).write_text(json.dumps({"version": version, "lock": fingerprint}))
        return bundle, wheels


@pytest.fixture(name="machine")
def _machine(tmp_path: Path) -> Iterator[Machine]:
    machine = Machine(tmp_path)
    machine.has("1.0")
    slots.switch(machine.root, "1.0")
    try:
        machine.room.start()
        yield machine
    finally:
        machine.room.daemon.stop()
        machine.room.http.close()


def test_a_room_is_updated_between_lessons_and_comes_back_from_a_version_that_does_not_start(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    installer = Installer(machine.root, machine.room.spool, machine, patience=PATIENCE)
    new = machine.has("1.1")
    machine.room.touch("start", title="Forces")
    machine.room.wait_recording("lectern")
    with pytest.raises(NotNow, match="The update waits"):
        installer.install(*new)
    machine.room.touch("stop")
    assert machine.version() == "1.0"
    began = time.monotonic()
    assert "1.1 is in use, after 1.0" in installer.install(*new)
    there = time.monotonic() - began
    assert machine.version() == "1.1"

    began = time.monotonic()
    with pytest.raises(Failed, match=r"daemon does not answer.* The room is back on version 1\.1\.$"):
        installer.install(*machine.has("1.2", program="sys.exit('This version does not start.')"))
    back = time.monotonic() - began
    assert machine.version() == "1.1"
    assert back < LONGEST_WAY_BACK
    with capsys.disabled():
        sys.stdout.write(f"\nOn the new version after {there:.1f} s; back from one that fails after {back:.1f} s.\n")
    machine.room.touch("start", title="Waves")
    machine.room.wait_recording("lectern")
    machine.room.touch("stop")
    assert [entry["title"] for entry in machine.room.lessons()] == ["Forces", "Waves"]
