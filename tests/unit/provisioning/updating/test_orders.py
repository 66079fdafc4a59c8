"""What IT staff type: each answer is one sentence, and a refusal leaves the room as it was."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from appliance.spool import wanted
from appliance.spool.layout import Spool
from provisioning import slots
from provisioning.cli import app
from provisioning.updating import journal
from provisioning.updating.journal import Journal
from tests.peers.updates import Maker, wheel


@pytest.fixture(name="room")
def _room(tmp_path: Path) -> dict[str, Path]:
    """A machine on version 1.0."""
    root, spool = tmp_path / "darsbox", tmp_path / "spool"
    (root / "slots" / "1.0").mkdir(parents=True)
    (root / "slots" / "1.0" / slots.MARK).write_text('{"version": "1.0", "lock": "0"}')
    slots.switch(root, "1.0")
    spool.mkdir()
    (spool / "daemon.json").write_text('{"url": "http://127.0.0.1:1"}')
    return {"--root": root, "--spool": spool, "--anchor": tmp_path / "etc" / "update-root.json"}


def order(*words: str | Path, code: int = 0, **options: Path) -> str:
    done = CliRunner().invoke(app, ["update", *map(str, words)])
    assert done.exit_code == code, done.output
    assert "Traceback" not in done.output
    return done.output


def at(room: dict[str, Path], *names: str) -> list[str | Path]:
    return [part for name in names or ("--root", "--spool", "--anchor") for part in (name, room[name])]


def test_a_maker_publishes_and_vouches_by_command(tmp_path: Path) -> None:
    keys, repository = tmp_path / "keys", tmp_path / "updates"
    wheel(tmp_path / "wheels", "darsbox", "1.4.0")
    assert "in a safe" in order("keys", keys)
    assert "1.root.json" in order("begin", repository, "--keys", keys)
    assert "Version 1.4.0 for" in order("publish", repository, "--keys", keys, "--wheels", tmp_path / "wheels")
    order("refresh", repository, "--keys", keys)
    assert "2.root.json" in order("renew-root", repository, "--keys", keys)
    assert "rooms may trust them" in order("keys", keys, code=1)


def test_a_room_says_what_it_runs_and_what_is_wanted(room: dict[str, Path]) -> None:
    wanted.write(Spool(room["--spool"]), "1.4.0")
    said = order("status", *at(room, "--root", "--spool"))
    assert said == "In use: 1.0; here: 1.0\nThe server wants 1.4.0 here.\n"
    facts = json.loads(order("status", "--json", *at(room, "--root", "--spool")))
    assert (facts["current"], facts["wanted"], facts["phase"]) == ("1.0", "1.4.0", "settled")


def test_a_stick_is_taken_only_from_whom_the_room_trusts(tmp_path: Path, room: dict[str, Path]) -> None:
    maker = Maker(tmp_path / "maker")
    maker.publish("0.9")
    stick = ("--from", maker.repository)
    assert "trusts nobody's updates" in order("apply", *stick, *at(room), code=1)
    shutil.copy(maker.root, tmp_path / "root.json")
    order("trust", tmp_path / "root.json", *at(room, "--anchor"))
    assert "0.9 is older than 1.0" in order("apply", *stick, *at(room), code=1)
    assert "does not have version 7.0" in order("apply", *stick, "--version", "7.0", *at(room), code=1)
    maker.publish("1.0")
    assert "1.0 is in use already" in order("apply", *stick, *at(room))
    (tmp_path / "root.json").write_text("{}")
    assert "no root.json" in order("trust", tmp_path / "root.json", *at(room, "--anchor"), code=1)
    assert room["--anchor"].read_bytes() == maker.anchor
    assert slots.versions(room["--root"]) == ["1.0"]


def test_the_timer_is_quiet_where_there_is_nothing_to_do_or_nobody_answers(room: dict[str, Path]) -> None:
    assert "wants no other version" in order("run", *at(room))
    wanted.write(Spool(room["--spool"]), "1.0")
    assert order("run", *at(room)).strip() == "Version 1.0 is in use."
    wanted.write(Spool(room["--spool"]), "1.4.0")
    assert "belongs to no server yet" in order("run", *at(room), code=1)
    (room["--spool"] / "identity").mkdir()
    (room["--spool"] / "identity" / "server.json").write_text('{"server": "http://127.0.0.1:1"}')
    room["--anchor"].parent.mkdir()
    room["--anchor"].write_bytes(Maker(room["--spool"].parent / "maker").anchor)
    assert "does not answer" in order("run", *at(room))


def test_a_version_that_failed_is_left_alone_without_a_word_of_alarm(room: dict[str, Path]) -> None:
    failed = Journal().trying("1.0", "1.4.0").returning("It ended.").settled("Version 1.4.0 failed: It ended.")
    journal.write(room["--root"] / "updates", failed)
    wanted.write(Spool(room["--spool"]), "1.4.0")
    assert "1.4.0 failed: It ended. It is not tried again" in order("run", *at(room))


def test_a_machine_that_starts_settles_what_was_begun(room: dict[str, Path]) -> None:
    assert order("settle", *at(room, "--root", "--spool")) == "Version 1.0 is in use.\n"
    assert slots.proven(room["--root"]) == "1.0"
