"""What this machine lacks to be a room or to develop on, in plain sentences. Looks, and changes nothing."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from provisioning.packages import PURPOSES, install_line, missing

LOW_DISK = 20 * 10**9
"""Bytes: about a day of lessons from two cameras."""

Level = Literal["ok", "warning", "error"]


@dataclass(frozen=True)
class Finding:
    """One fact. code is for programs; detail says what is there or wrong, why what that means for the room, command
    mends it; both are empty where all is well."""

    code: str
    level: Level
    detail: str
    why: str = ""
    command: str = ""


def examine(purpose: str, folder: Path) -> list[Finding]:
    """Everything, in the order in which one would mend it. purpose: a key of ``packages.PURPOSES``; folder: where
    recordings will lie."""
    return [python(), *packages(purpose), ffmpeg(), cores(), disk(folder), devices()]


def python() -> Finding:
    return Finding("python", "ok", f"Python is {platform.python_version()}.")


def packages(purpose: str) -> list[Finding]:
    lacking = missing(PURPOSES[purpose])
    if not lacking:
        return [Finding("packages", "ok", "All Debian packages are here.")]
    line = install_line([package.name for package in lacking])
    return [
        Finding("packages", "warning", f"{package.name} is not installed.", f"Without it {package.without}.", line)
        for package in lacking
    ]


def ffmpeg() -> Finding:
    program = shutil.which("ffmpeg")
    if program is None:
        why = "The one of a Python package is used, which cannot open some USB cameras."
        return Finding("ffmpeg", "warning", "Debian's FFmpeg is not here.", why, install_line(["ffmpeg"]))
    answer = subprocess.run([program, "-hide_banner", "-encoders"], capture_output=True, text=True, check=False)
    if "libx264" not in answer.stdout:
        why = "Pictures that no camera has encoded could not be recorded."
        again = install_line(["ffmpeg"])
        return Finding("ffmpeg", "error", f"{program} cannot encode H.264 (libx264).", why, again)
    return Finding("ffmpeg", "ok", f"FFmpeg is {program} and encodes H.264.")


def cores() -> Finding:
    count = len(os.sched_getaffinity(0))
    if count < 2:
        why = "Only cameras that send H.264 themselves can be recorded in time; the doctor tries it."
        return Finding("cores", "warning", "There is one processor core.", why, "appliance doctor")
    return Finding("cores", "ok", f"There are {count} processor cores.")


def disk(folder: Path) -> Finding:
    place = next(parent for parent in (folder.absolute(), *folder.absolute().parents) if parent.exists())
    free = shutil.disk_usage(place).free
    text = f"{free / 1e9:.0f} GB are free for recordings in {folder}."
    if free > LOW_DISK:
        return Finding("disk", "ok", text)
    why = "That is less than a day of lessons from two cameras, and they wait here while there is no link."
    return Finding("disk", "warning", text, why, f"du -xh --max-depth=2 {place} | sort -h | tail")


def devices() -> Finding:
    cameras = sorted(Path("/dev").glob("video*"))
    sound = sorted(Path("/dev/snd").glob("pcm*c")) if Path("/dev/snd").is_dir() else []
    unreadable = [str(device) for device in (*cameras, *sound) if not os.access(device, os.R_OK | os.W_OK)]
    if unreadable:
        why = "What this user may not open is not recorded by this user. Log in again afterwards."
        command = "sudo usermod -aG video,audio $USER"
        return Finding("devices", "warning", f"You may not open {', '.join(unreadable)}.", why, command)
    return Finding("devices", "ok", f"Video devices: {len(cameras)}; sound inputs: {len(sound)}.")
