"""A room whose update fails comes back by itself: nobody travels to it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from provisioning import slots
from provisioning.updating import journal
from provisioning.updating.bundle import Bundle, Wheel
from provisioning.updating.errors import Failed, NotNow, Refused, UpdateError
from provisioning.updating.fetching import LOCK
from provisioning.updating.installing import Installer, Patience
from tests.peers.updated_room import Daemon, PowerCut, answering

PATIENCE = Patience(answer=0.4, steady=0.06, look=0.01)


@dataclass
class Place:
    root: Path
    spool: Path
    daemon: Daemon

    @property
    def installer(self) -> Installer:
        """A new one each time, as each run of the updater is."""
        return Installer(self.root, self.spool, self.daemon, patience=PATIENCE)

    def ready(self, version: str) -> tuple[Bundle, Path]:
        """A version whose slot is built already, for that takes seconds; its bundle and wheels."""
        bundle = Bundle(version, "x86_64-cp311", 0, (Wheel(f"darsbox-{version}-py3-none-any.whl", "0" * 64, 0),))
        wheels = self.root / "updates" / "bundles" / version
        wheels.mkdir(parents=True)
        (wheels / LOCK).write_text(bundle.lock())
        slot = self.root / "slots" / version
        slot.mkdir(parents=True)
        fingerprint = hashlib.sha256(bundle.lock().encode()).hexdigest()
        (slot / slots.MARK).write_text(json.dumps({"version": version, "lock": fingerprint}))
        return bundle, wheels

    def begins(self, version: str) -> None:
        self.ready(version)
        slots.switch(self.root, version)
        self.daemon.restart()
        self.installer.settle()


@pytest.fixture(name="place")
def _place(tmp_path: Path) -> Iterator[Place]:
    daemon = Daemon(tmp_path / "darsbox")
    with answering(daemon, tmp_path / "spool"):
        place = Place(tmp_path / "darsbox", tmp_path / "spool", daemon)
        place.begins("1.0")
        yield place


def test_a_version_that_is_well_stays_and_the_one_before_it_waits(place: Place) -> None:
    assert "1.1 is in use, after 1.0" in place.installer.install(*place.ready("1.1"))
    assert "1.2 is in use, after 1.1" in place.installer.install(*place.ready("1.2"))
    assert (slots.current(place.root), slots.proven(place.root)) == ("1.2", "1.2")
    assert slots.versions(place.root) == ["1.1", "1.2"]
    assert sorted(each.name for each in (place.root / "updates" / "bundles").iterdir()) == ["1.1", "1.2"]
    assert place.installer.journal().phase == "settled"


@pytest.mark.parametrize(
    ("ill", "why"),
    [
        ("silent", "does not answer"),
        ("falls", "does not answer"),
        ("crashing", "ended 6 times"),
        ("cannot", "could record before, and with it cannot"),
        ("without_sync", "darsbox-sync.service ended"),
    ],
)
def test_a_version_that_is_not_well_goes_and_is_not_tried_again(place: Place, ill: str, why: str) -> None:
    getattr(place.daemon, ill).add("1.1")
    new = place.ready("1.1")
    with pytest.raises(Failed, match=rf"1\.1 was not well: .*{why}.* The room is back on version 1\.0\.$"):
        place.installer.install(*new)
    assert (slots.current(place.root), slots.proven(place.root), place.daemon.version) == ("1.0", "1.0", "1.0")

    restarts = place.daemon.restarts
    with pytest.raises(Refused, match=r"1\.1 was tried and failed: .*It is not tried again"):
        place.installer.install(*new)
    assert place.daemon.restarts == restarts

    place.installer.install(*place.ready("1.2"))
    assert place.daemon.version == "1.2"


def test_somebody_may_have_a_failed_version_tried_again(place: Place) -> None:
    place.daemon.silent.add("1.1")
    new = place.ready("1.1")
    with pytest.raises(Failed):
        place.installer.install(*new)
    place.daemon.silent.clear()
    assert "1.1 is in use" in place.installer.install(*new, again=True)


def test_a_daemon_that_says_another_version_is_not_the_new_one(place: Place) -> None:
    """The old one still runs, say: then nothing is proved."""
    place.daemon.lies = "1.0"
    with pytest.raises(Failed, match=r"The daemon that answers is of version 1\.0"):
        place.installer.install(*place.ready("1.1"))
    assert slots.current(place.root) == "1.0"


@pytest.mark.parametrize(
    "busy",
    [
        {"state": "recording", "lesson": {"id": "x"}},
        {"state": "ready", "lesson": None, "timetable": {"now": {"title": "Physics"}}},
    ],
)
def test_a_lesson_is_never_touched(place: Place, busy: dict[str, Any]) -> None:
    place.daemon.state = busy
    restarts = place.daemon.restarts
    with pytest.raises(NotNow, match=r"The update waits\.$"):
        place.installer.install(*place.ready("1.1"))
    assert (slots.current(place.root), place.daemon.restarts) == ("1.0", restarts)
    assert place.installer.journal().phase == "settled"


def test_an_older_version_is_refused_and_the_same_one_is_no_work(place: Place) -> None:
    with pytest.raises(Refused, match=r"0\.9 is older than 1\.0"):
        place.installer.install(*place.ready("0.9"))
    with pytest.raises(Refused, match="no version"):
        place.installer.check("newest")
    same = Bundle("1.0", "x86_64-cp311", 0, ())
    assert place.installer.install(same, place.root) == "Version 1.0 is in use already."


def test_a_machine_without_a_version_has_nothing_to_update(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="install the package first"):
        Installer(tmp_path, tmp_path, Daemon(tmp_path)).check("1.0")


# -- the power fails


def test_a_cut_after_the_switch_lets_the_new_version_prove_itself(place: Place) -> None:
    place.daemon.cut = "1.1"
    with pytest.raises(PowerCut):
        place.installer.install(*place.ready("1.1"))
    assert place.installer.journal().phase == "trying"
    assert slots.proven(place.root) == "1.0", "what judges is the version that was well"
    assert "1.1 is in use" in place.installer.settle()
    assert (place.installer.journal().phase, slots.proven(place.root)) == ("settled", "1.1")


def test_a_cut_after_the_switch_does_not_save_a_version_that_is_ill(place: Place) -> None:
    place.daemon.cut = "1.1"
    place.daemon.silent.add("1.1")
    with pytest.raises(PowerCut):
        place.installer.install(*place.ready("1.1"))
    with pytest.raises(Failed, match=r"back on version 1\.0"):
        place.installer.settle()
    assert (slots.current(place.root), place.daemon.version, place.installer.journal().bad) == ("1.0", "1.0", "1.1")


def test_a_cut_before_the_switch_is_as_if_nothing_had_been_begun(place: Place) -> None:
    new = place.ready("1.1")
    journal.write(place.installer.folder, place.installer.journal().trying("1.0", "1.1"))
    assert "1.1 was not begun" in place.installer.settle()
    assert "1.1 is in use" in place.installer.install(*new)


def test_an_updater_that_was_killed_before_the_restart_has_the_new_version_tried(place: Place) -> None:
    place.ready("1.1")
    journal.write(place.installer.folder, place.installer.journal().trying("1.0", "1.1"))
    slots.switch(place.root, "1.1")
    place.daemon.state = {"state": "recording", "lesson": {"id": "x"}}
    with pytest.raises(NotNow):
        place.installer.settle()
    assert (place.daemon.version, place.installer.journal().phase) == ("1.0", "trying")
    place.daemon.state = {"state": "ready", "lesson": None}
    assert "1.1 is in use" in place.installer.settle()
    assert place.daemon.version == "1.1"


def test_a_cut_on_the_way_back_is_followed_by_the_rest_of_the_way(place: Place) -> None:
    place.daemon.silent.add("1.1")
    place.daemon.cut = "1.0"
    with pytest.raises(PowerCut):
        place.installer.install(*place.ready("1.1"))
    assert place.installer.journal().phase == "returning"
    with pytest.raises(Failed, match=r"does not answer.* back on version 1\.0\.$"):
        place.installer.settle()
    assert (slots.current(place.root), place.installer.journal().bad) == ("1.0", "1.1")


def test_a_version_that_brings_the_machine_down_is_left_after_two_starts(place: Place) -> None:
    place.daemon.cut = "1.1"
    with pytest.raises(PowerCut):
        place.installer.install(*place.ready("1.1"))
    said = place.installer.journal()
    journal.write(place.installer.folder, said.started().started())
    with pytest.raises(Failed, match="started 3 times before it was well"):
        place.installer.settle()
    assert slots.current(place.root) == "1.0"


def test_what_somebody_put_in_use_by_hand_stands(place: Place) -> None:
    place.daemon.cut = "1.1"
    with pytest.raises(PowerCut):
        place.installer.install(*place.ready("1.1"))
    place.ready("1.5")
    slots.switch(place.root, "1.5")
    assert place.installer.settle() == "Version 1.5 is in use."
    assert slots.proven(place.root) == "1.5"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"phase": "flying"}', '{"phase": "trying", "old": 7}', '{"more": 1}'])
def test_a_journal_that_cannot_be_read_leaves_the_room_as_it_is(place: Place, text: str) -> None:
    (place.installer.folder / "journal.json").write_text(text)
    assert place.installer.settle() == "Version 1.0 is in use."
    assert "1.1 is in use" in place.installer.install(*place.ready("1.1"))


def test_two_updaters_do_not_meet(place: Place) -> None:
    with place.installer.alone(), pytest.raises(NotNow, match="at work"), place.installer.alone():
        pass


def test_who_is_not_root_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(UpdateError, match="updates are root's"),
        Installer(tmp_path / "file", tmp_path, Daemon(tmp_path)).alone(),
    ):
        pass
