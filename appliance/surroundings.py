"""What the room needs around it: that its units run, that something sets the clock, that the server knows it."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import time
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path

from appliance.config import Config
from appliance.finding import Finding
from appliance.secret_files import FOLDER

SYSTEMD = Path("/run/systemd/system")
"""There only where systemd is the first process."""
SECONDS = 5.0
SCREEN = "darsbox-kiosk.service"
DARK = 60.0
"""Seconds of a page's silence; every five it says that it lives, and after thirty the screen begins anew."""
_PRIVATE = stat.S_IRWXG | stat.S_IRWXO


def program() -> Finding:
    return Finding("version", "ok", f"Darsbox {version('darsbox')}")


def start() -> str:
    """The command that starts the room's program on this machine."""
    return "sudo systemctl restart darsbox-room" if SYSTEMD.is_dir() else "appliance run --config room.toml"


def units() -> Iterator[Finding]:
    """Each of ours on a machine that systemd runs."""
    if not SYSTEMD.is_dir():
        return
    listed = _output("systemctl", "list-unit-files", "--no-legend", "--plain", "darsbox*.service", "darsbox*.timer")
    names = [line.split()[0] for line in listed.splitlines() if line.split() and "@." not in line.split()[0]]
    if not names:
        return
    properties = "Id,ActiveState,SubState,UnitFileState,Result,Type,ConditionResult"
    said = _output("systemctl", "show", f"--property={properties}", *names)
    for block in said.split("\n\n"):
        unit = dict(line.partition("=")[::2] for line in block.splitlines())
        if unit.get("Id"):
            yield of_unit(unit)


def of_unit(unit: Mapping[str, str]) -> Finding:
    """unit: its properties, as ``systemctl show`` prints them."""
    name, state = unit["Id"], unit.get("ActiveState", "unknown")
    what, enabled = f"unit {name}", unit.get("UnitFileState", "")
    if state == "failed":
        advice = f"See why: journalctl -u {name} -n 50; then: sudo systemctl restart {name}"
        return Finding(what, "error", f"has failed ({unit.get('Result') or 'unknown'})", advice)
    if enabled in ("disabled", "masked"):
        return Finding(what, "warning", f"{state}, and {enabled}", f"sudo systemctl enable --now {name}")
    if state == "inactive" and unit.get("ConditionResult") == "no":
        return Finding(what, "ok", "left out, for what it is for is not on this machine")
    if state not in ("active", "activating") and enabled == "enabled" and unit.get("Type") != "oneshot":
        return Finding(what, "error", f"does not run ({state})", f"sudo systemctl start {name}")
    return Finding(what, "ok", f"{state} ({unit.get('SubState', '')})")


def page(silent: float | None) -> Iterator[Finding]:
    """Whether the panel stands on the room's own screen, where it has one. silent: seconds since its page was heard."""
    if _output("systemctl", "is-active", SCREEN).strip() == "active":
        yield of_page(silent)


def of_page(silent: float | None) -> Finding:
    """As above."""
    if silent is not None and silent < DARK:
        return Finding("screen", "ok", "the panel's page lives")
    said = "the panel's page has not come" if silent is None else f"the panel's page was last heard {silent:.0f} s ago"
    advice = (
        f"Wait some minutes; if it stays so, see why: journalctl -t darsbox-panel; then: systemctl restart {SCREEN}"
    )
    return Finding("screen", "error", said, advice)


def time_setting() -> Iterator[Finding]:
    """Whether anything sets the clock; said only where somebody can say."""
    if shutil.which("timedatectl") is None or not SYSTEMD.is_dir():
        return
    said = dict(line.partition("=")[::2] for line in _output("timedatectl", "show").splitlines())
    if said:
        yield of_clock(said)


def of_clock(said: Mapping[str, str]) -> Finding:
    """said: as ``timedatectl show`` prints it."""
    if said.get("NTP") != "yes" and said.get("CanNTP") != "yes":
        return Finding("time setting", "warning", "nothing sets the clock", "sudo apt install systemd-timesyncd")
    if said.get("NTP") != "yes":
        return Finding("time setting", "warning", "switched off", "sudo timedatectl set-ntp true")
    if said.get("NTPSynchronized") != "yes":
        advice = "Let UDP 123 out, or name a server of yours as NTP= in /etc/systemd/timesyncd.conf."
        return Finding("time setting", "warning", "switched on, and has not heard any time yet", advice)
    return Finding("time setting", "ok", "by the network")


def enrolled(spool: Path) -> str | None:
    """The server that the room is enrolled with; None when there is none, or when it cannot be read."""
    try:
        return str(json.loads((spool / "identity" / "server.json").read_bytes())["server"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def enrolment(config: Config, spool: Path) -> Finding:
    """Whether the room has a server, the one of room.toml, and a key that only its user reads."""
    wanted, key = config.server.url, spool / "identity" / "device.jwk"
    how = "Put a stick with an enrolment file in, or: sudo -u darsbox appliance enrol --from FILE"
    try:
        facts = json.loads((spool / "identity" / "server.json").read_bytes())
        server, room, mode = str(facts["server"]), str(facts["room_id"]), key.stat().st_mode
    except FileNotFoundError:
        if wanted is None:
            return Finding("enrolment", "ok", "none, and room.toml names no server")
        return Finding("enrolment", "warning", "the room has no server yet", how)
    except PermissionError:
        advice = "Run this as the room's user: sudo -u darsbox appliance doctor"
        return Finding("enrolment", "warning", f"{key.parent} may not be read", advice)
    except (OSError, ValueError, KeyError, TypeError) as error:
        return Finding("enrolment", "error", f"{key.parent} cannot be read: {error}", how)
    return _as_wanted(server, room, wanted) if not mode & _PRIVATE else _open_to_others(key)


def _open_to_others(key: Path) -> Finding:
    return Finding("enrolment", "error", "the room's key can be read by others", f"chmod 600 {key}")


def _as_wanted(server: str, room: str, wanted: str | None) -> Finding:
    if wanted is None or wanted.rstrip("/") == server.rstrip("/"):
        return Finding("enrolment", "ok", f"with {server}, as {room}")
    advice = "Correct [server] url in room.toml, or enrol with the other: appliance enrol --from FILE"
    return Finding("enrolment", "warning", f"with {server}, but room.toml names {wanted}", advice)


def secrets(config_file: Path) -> Iterator[Finding]:
    """Files of passwords that others can read."""
    folder = config_file.absolute().parent / FOLDER
    try:
        files = [file for file in sorted(folder.iterdir()) if file.is_file() and file.stat().st_mode & stat.S_IRWXO]
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return
    for file in files:
        yield Finding("secrets", "error", f"everybody can read {file}", f"sudo chmod o= {file}")


def inodes(place: Path) -> Iterator[Finding]:
    """A disk can be full of names while bytes are left."""
    usage = os.statvfs(place)
    if usage.f_files and usage.f_favail < usage.f_files / 50:
        advice = f"Remove small files that are not lessons: du --inodes -d 2 {place}"
        yield Finding("spool names", "error", f"only {usage.f_favail} more files fit on the disk", advice)


def wrong_time() -> bool:
    """Whether the clock is behind the program's own files: then its battery is empty."""
    return time.time() < Path(__file__).stat().st_mtime - 24 * 3600


def _output(*command: str) -> str:
    """What it printed; nothing if it does not work."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout
