"""A support bundle is sent by mail to strangers: a secret in one is a secret no more."""

from __future__ import annotations

import base64
import json
import tarfile
from pathlib import Path
from urllib.parse import quote

import pytest

from lms_sync import wire
from provisioning.bundle import write_bundle
from provisioning.scrubbing import Scrubber
from tests.peers.spool import keep_lesson

URL = "http://127.0.0.1:9"
"""Where nobody listens."""
PLAIN, LOGIN, FILED, TARGET, TYPED = "pl@in/pässword", "l0gin pass", "filed-secret", 't@rget"quoted', "typed-by-hand"
CODE = "7QK2M-9XDR4"


@pytest.fixture
def room(tmp_path: Path) -> Path:
    """A room whose every corner holds a secret."""
    (tmp_path / "etc" / "secrets").mkdir(parents=True)
    (tmp_path / "etc" / "secrets" / "front").write_text(f"{FILED}\n")
    (tmp_path / "etc" / "room.toml").write_text(
        f"""
        [[camera]]
        id = "plain"
        driver = "rtsp"
        url = "rtsp://camera/1"
        user = "root"
        password = "{PLAIN}"
        [[camera]]
        id = "login"
        driver = "rtsp"
        url = "rtsp://root:{quote(LOGIN)}@camera/1"
        [[camera]]
        id = "front"
        driver = "rtsp"
        url = "rtsp://camera/2"
        password = {{file = "front"}}
        [[target]]
        id = "media"
        kind = "opencast"
        url = "https://opencast.example.org"
        user = "ca"
        password = '{TARGET}'
        """
    )
    spool = tmp_path / "spool"
    keep_lesson(spool, 1, 1000)
    (spool / "identity").mkdir(exist_ok=True)
    key = wire.new_key()
    (spool / "identity" / "device.jwk").write_text(wire.dump_key(key, private=True))
    (spool / "targets.json").write_text(json.dumps([{"id": "media", "password": TARGET}]))
    logs = tmp_path / "log"
    logs.mkdir()
    lines = [
        f"the camera rtsp://root:{quote(LOGIN)}@camera/1 refused",
        f"said {PLAIN} and {json.dumps(PLAIN)} and {quote(PLAIN, safe='')}",
        f"Authorization: Basic {base64.b64encode(f'root:{PLAIN}'.encode()).decode()}",
        f"in the open: {FILED}",
        json.dumps({"event": "target.refused", "sent": TARGET}),
        f"somebody wrote --password={TYPED}",
        f"enrolled by {CODE}",
        f"key {wire.dump_key(key, private=True)}",
    ]
    (logs / "room.log").write_text("\n".join([*lines, "a line that says nothing secret", ""]))
    (spool / "audit.log").write_text(f"removed a take; {FILED}\n")
    return tmp_path


def planted(room: Path) -> set[str]:
    d = json.loads((room / "spool" / "identity" / "device.jwk").read_text())["d"]
    basic = base64.b64encode(f"root:{PLAIN}".encode()).decode()
    quoted = {quote(secret, safe="") for secret in (PLAIN, LOGIN, TARGET)}
    escaped = {json.dumps(secret)[1:-1] for secret in (PLAIN, TARGET)}
    return {PLAIN, LOGIN, FILED, TARGET, TYPED, CODE, d, basic} | quoted | escaped


def unpacked(file: Path) -> dict[str, str]:
    found = {}
    with tarfile.open(file) as archive:
        for entry in archive:
            part = archive.extractfile(entry)
            assert part is not None
            found[entry.name.removeprefix("darsbox/")] = part.read().decode()
    return found


def test_no_planted_secret_is_in_a_bundle_and_all_else_is(room: Path) -> None:
    out = room / "bundle.tar.gz"
    assert any(secret in (room / "log" / "room.log").read_text() for secret in planted(room))
    write_bundle(out, room / "etc" / "room.toml", room / "spool", URL, room / "log")
    parts = unpacked(out)
    told = {(name, secret) for name, text in parts.items() for secret in planted(room) if secret in text}
    assert told == set()
    assert out.stat().st_mode & 0o777 == 0o600
    assert "a line that says nothing secret" in parts["logs/room.log"]
    assert 'id = "plain"' in parts["room.toml"]
    assert json.loads(parts["ledger.json"])["files"] == {"card waiting": 1, "master waiting": 1}
    assert "take-001.mp4" in parts["spool.txt"]
    assert {"version", "room.toml", "enrolment"} <= {each["what"] for each in json.loads(parts["doctor.json"])}
    assert json.loads(parts["about.json"])["packages"]["darsbox"]
    assert parts["status.json"].startswith("It cannot be had")


def test_a_room_toml_that_is_none_gives_nothing_away_either(room: Path) -> None:
    file = room / "etc" / "room.toml"
    file.write_text("[[camera\n" + file.read_text())
    write_bundle(room / "bundle.tar.gz", file, room / "spool", URL, room / "log")
    parts = unpacked(room / "bundle.tar.gz")
    told = {(name, secret) for name, text in parts.items() for secret in planted(room) if secret in text}
    assert told == set()
    assert "It cannot be had" in parts["room.toml"]


def test_a_scrubber_leaves_what_is_no_secret() -> None:
    text = 'the 720 lines of rtsp://camera/1 at 10:30, "detail": "ok", pass 3 of 4'
    assert Scrubber([]).clean(text) == text
