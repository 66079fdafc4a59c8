"""Only a medium that somebody put in is written to, never the disk of the system or of the lessons."""

from __future__ import annotations

from pathlib import Path

from appliance.api.sticks import removable


def block(blocks: Path, where: str, name: str, removable: str, *parts: str) -> None:
    """A disk as /sys shows it, and its partitions."""
    disk = blocks.parent / where / name
    disk.mkdir(parents=True)
    (disk / "removable").write_text(f"{removable}\n")
    (blocks / name).symlink_to(disk)
    for part in parts:
        (disk / part).mkdir()
        (disk / part / "partition").write_text("1\n")
        (blocks / part).symlink_to(disk / part)


def test_what_is_offered(tmp_path: Path) -> None:
    blocks = tmp_path / "block"
    blocks.mkdir()
    block(blocks, "devices/ata1", "sda", "0", "sda1")
    block(blocks, "devices/usb1", "sdb", "1", "sdb1")
    block(blocks, "devices/usb2", "sdc", "0", "sdc1")
    block(blocks, "devices/usb3", "sdd", "0", "sdd1", "sdd2")
    places = {name: tmp_path / "mnt" / name for name in ("my stick", "archive", "spool", "other", "gone")}
    for name, place in places.items():
        if name != "gone":
            place.mkdir(parents=True)
    mounts = tmp_path / "mountinfo"
    stick = str(places["my stick"]).replace(" ", "\\040")
    mounts.write_text(
        "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
        "23 22 0:5 / /proc rw - proc proc rw\n"
        f"24 22 8:17 / {stick} rw shared:3 - vfat /dev/sdb1 rw\n"
        f"25 22 8:17 / {stick}/again rw - vfat /dev/sdb1 rw\n"
        f"26 22 8:33 / {places['archive']} rw - ext4 /dev/sdc1 rw\n"
        f"27 22 8:49 / {places['spool']} rw - ext4 /dev/sdd1 rw\n"
        f"28 22 8:50 / {places['other']} rw - ext4 /dev/sdd2 rw\n"
        f"29 22 8:65 / {places['gone']} rw - ext4 /dev/sde1 rw\n"
    )
    found = removable(places["spool"] / "lessons", mounts, blocks)
    assert [stick.path for stick in found] == [str(places["my stick"]), str(places["archive"])]
    assert all(0 < stick.free <= stick.total for stick in found)


def test_this_machine_can_be_asked(tmp_path: Path) -> None:
    assert all(stick.path.startswith("/") for stick in removable(tmp_path))
