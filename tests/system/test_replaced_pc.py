"""A room's PC breaks with lessons on its disk and another takes its place: the real commands, from the code on a stick
to the last receipt. If this fails, the lessons of a village stay on a disk in a drawer."""

from __future__ import annotations

from pathlib import Path

from appliance.spool.layout import Spool
from lms_sync.wire.slip import NAME
from tests.peers import zygote
from tests.system.deployment import Server, command
from tests.system.enrolled import Agent
from tests.unit.appliance.test_adopting import OPEN, left_open


class NewPc(Agent):
    """Takes the place of another: enrolled as the same room by a file on a stick."""

    def __init__(self, folder: Path, before: Agent) -> None:
        self.spool, self.server, self.room = Spool(folder / "spool"), before.server, before.room
        make = ["lms-server", "enrol-code", self.room, "--data", str(self.server.data), "--url", self.server.url]
        command([*make, "--out", str(folder / "stick")])
        self.slip = folder / "stick" / NAME
        command(["appliance", "enrol", "--from", str(folder / "stick"), "--spool", str(self.spool.root)])


def test_a_new_pc_delivers_what_the_broken_one_had_not(server: Server, tmp_path: Path) -> None:
    broken = Agent(tmp_path / "broken", server, server.url)
    sent = broken.keep(1, 200_000)
    once = ["lms-sync", "once", "--spool"]
    command([*once, str(broken.spool.root)])
    waiting = broken.keep(2, 300_000, 100_000)
    left_open(broken.spool)

    new = NewPc(tmp_path, broken)
    said = command(["appliance", "adopt", str(broken.spool.root), "--spool", str(new.spool.root)])
    assert said.startswith("3 lessons are adopted")
    states = {row.lesson: row.state for row in new.rows()}
    assert states == {sent: "receipted", waiting: "waiting", OPEN: "waiting"}
    command([*once, str(new.spool.root)])
    new.check_arrived()

    # One room, one key: the broken PC, should it ever start again, is told so and deletes nothing.
    refused = zygote.run([*once, str(broken.spool.root)])
    assert refused.returncode == 1
    assert "could not be sent" in refused.stderr
    assert (broken.spool.lesson_dir(waiting) / "lesson.json").exists()
    # And the code on the stick opens nothing more.
    again = zygote.run(["appliance", "enrol", "--from", str(new.slip), "--spool", str(tmp_path / "thief")])
    assert again.returncode == 1
    assert "used already" in again.stderr
    assert not (tmp_path / "thief" / "identity" / "server.json").exists()
