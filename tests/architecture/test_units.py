"""The systemd units start what exists, and never kill a recording with the daemon; the packages bring all of them."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from provisioning.debs import PARTS

PROJECT = Path(__file__).resolve().parents[2]
UNITS = sorted((PROJECT / "systemd").glob("*.service"))
ONCE = [unit for unit in UNITS if "Type=oneshot" in unit.read_text()]
"""They work for some minutes, and end."""
LASTING = [unit for unit in UNITS if unit not in ONCE]
DAEMONS = [unit for unit in UNITS if unit.stem != "darsbox-kiosk"]
EXPOSURE = {"darsbox-room": 2.5}
"""At most, by systemd's own measure, where it is not 2.0: a recorder opens devices."""


def values(unit: Path, key: str) -> list[str]:
    return re.findall(rf"^{key}=(.*)$", unit.read_text(), re.MULTILINE)


@pytest.mark.parametrize("unit", DAEMONS, ids=lambda unit: unit.name)
def test_every_unit_starts_one_of_our_programs(unit: Path) -> None:
    scripts = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["scripts"]
    programs = [line.split()[0] for key in ("ExecStart", "ExecStartPre") for line in values(unit, key)]
    assert {re.sub("^/opt/darsbox/(current|proven)/bin/", "", program) for program in programs} <= set(scripts)


@pytest.mark.parametrize("unit", LASTING, ids=lambda unit: unit.name)
def test_every_unit_comes_back_by_itself_and_never_runs_as_root(unit: Path) -> None:
    assert values(unit, "Restart") == ["always"]
    assert values(unit, "StartLimitIntervalSec") == ["0"]
    users = "".join(file.read_text() for file in (PROJECT / "systemd").glob("*.sysusers"))
    assert [f"u {user} " in users for user in values(unit, "User")] == [True]
    assert values(unit, "NoNewPrivileges") == ["yes"]


@pytest.mark.parametrize("unit", ONCE, ids=lambda unit: unit.name)
def test_what_changes_the_programs_has_none_of_roots_powers_and_gives_way(unit: Path) -> None:
    assert values(unit, "CapabilityBoundingSet") == [""]
    assert values(unit, "NoNewPrivileges") == ["yes"]
    assert (values(unit, "ProtectSystem"), values(unit, "ReadWritePaths")) == (["strict"], ["/opt/darsbox"])
    assert values(unit, "CPUSchedulingPolicy") == ["idle"]
    assert values(unit, "ExecStart")[0].startswith("/opt/darsbox/proven/"), "a new version cannot judge itself"


def test_a_crashed_daemon_does_not_take_its_recordings_with_it() -> None:
    room = PROJECT / "systemd" / "darsbox-room.service"
    assert values(room, "KillMode") == ["process"]
    assert values(room, "Type") == ["notify"]
    assert values(room, "WatchdogSec") == ["10"]


def test_recording_does_not_wait_for_a_network() -> None:
    for name in ("darsbox-room.service", "darsbox-sync.service"):
        assert "network" not in " ".join(values(PROJECT / "systemd" / name, "After"))


def test_a_room_may_use_its_cameras_microphones_serial_ports_lamps_and_buttons() -> None:
    room = PROJECT / "systemd" / "darsbox-room.service"
    allowed = {line.split()[0] for line in values(room, "DeviceAllow")}
    assert allowed >= {"char-video4linux", "char-alsa", "char-ttyS", "char-ttyUSB", "char-ttyACM"}
    assert allowed >= {"char-input", "char-hidraw", "char-cec"}
    assert set(values(room, "SupplementaryGroups")[0].split()) >= {"video", "audio", "dialout", "input"}


@pytest.mark.parametrize("unit", DAEMONS, ids=lambda unit: unit.name)
def test_what_a_daemon_may_do_is_little_and_the_guide_says_how_little(unit: Path) -> None:
    measured = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", str(unit)],
        capture_output=True,
        text=True,
        check=True,
    )
    exposure = measured.stdout.splitlines()[-1].split(": ")[1].split()[0]
    assert float(exposure) <= EXPOSURE.get(unit.stem, 2.0)
    assert f"| `{unit.stem}` | {exposure} |" in (PROJECT / "docs" / "it-staff.md").read_text()


def test_every_file_of_the_units_is_in_one_package() -> None:
    packaged = sorted(source for part in PARTS.values() for source in part.files if source.startswith("systemd/"))
    assert packaged == sorted(f"systemd/{file.name}" for file in (PROJECT / "systemd").iterdir())


def test_stopping_the_target_stops_the_room() -> None:
    for name in ("room", "sync", "kiosk"):
        unit = PROJECT / "systemd" / f"darsbox-{name}.service"
        assert (values(unit, "PartOf"), values(unit, "WantedBy")) == (["darsbox.target"], ["darsbox.target"])


def test_a_browser_that_eats_all_there_is_takes_it_from_no_recording() -> None:
    """It is a session of somebody's, and what its unit says of memory and processors counts for nothing."""
    kiosk, slices = PROJECT / "systemd" / "darsbox-kiosk.service", PROJECT / "systemd"
    assert values(kiosk, "PAMName")
    assert not values(kiosk, "MemoryMax") + values(kiosk, "CPUWeight")
    assert values(slices / "darsbox.user-slice", "MemoryMax") == ["60%"]
    assert int(values(slices / "darsbox.system-slice", "CPUWeight")[0]) > 100


def test_the_panels_browser_reaches_its_session() -> None:
    """ProtectHome hides /run/user, and then there is no panel at all."""
    kiosk = PROJECT / "systemd" / "darsbox-kiosk.service"
    assert values(kiosk, "ProtectHome") == []
    assert values(kiosk, "ReadWritePaths") == ["/run/user"]
