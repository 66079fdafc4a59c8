"""Folder and file names that every system takes: Linux, macOS, Windows, a USB stick. Pure functions.

Letters of every script stay as they are; what Windows forbids, what is invisible and what turns the reading
direction goes. A name from the server never chooses the folder it lands in.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime

MAX_BYTES = 180
"""UTF-8 bytes of one name. File systems take 255, but Windows counts the whole path and a .part ending must fit."""

_FORBIDDEN = re.compile(r'[<>:"/\\|?*]+')
_JOINERS = "\u200c\u200d"
"""Zero-width (non-)joiners: invisible, but a part of correct spelling in Arabic script."""
_DEVICES = re.compile(r"(CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|COM[0-9¹²³]|LPT[0-9¹²³])\s*(\..*)?", re.IGNORECASE)


def safe(text: str, *, otherwise: str = "untitled", max_bytes: int = MAX_BYTES) -> str:
    """One name (no path) of any text. The same text gives the same name on every system."""
    visible = "".join(
        " " if character.isspace() else character
        for character in unicodedata.normalize("NFC", text)
        if character.isspace() or character in _JOINERS or unicodedata.category(character)[0] != "C"
    )
    name = " ".join(_FORBIDDEN.sub("-", visible).split())
    name = _shorten(name.lstrip(". -"), max_bytes).rstrip(". ")
    if _DEVICES.fullmatch(name):
        name = f"_{name}"
    return name if name.strip("-_. " + _JOINERS) else otherwise


def safe_file(name: str) -> str:
    """The name of a file that keeps its ending when it is shortened."""
    stem, dot, ending = name.rpartition(".")
    if not dot or not stem or not re.fullmatch(r"[A-Za-z0-9]{1,8}", ending):
        return safe(name, otherwise="file", max_bytes=120)
    return f"{safe(stem, otherwise='file', max_bytes=110)}.{ending}"


def safe_path(name: str) -> str:
    """A name with folders in it, as takes have (``board/take-001.mp4``): every part made safe, nothing climbs out."""
    parts = [part for part in re.split(r"[/\\]+", name) if part not in ("", ".", "..")]
    return (
        "/".join([*(safe(part, otherwise="folder", max_bytes=80) for part in parts[:-1]), safe_file(parts[-1])])
        if (parts)
        else "file"
    )


def folder(started: datetime, room: str, title: str) -> str:
    """``2026-11-17 Amphi A Analyse II``: sorts by day, and says what it is without being opened."""
    day = started.strftime("%Y-%m-%d")
    room_name = safe(room, otherwise="room", max_bytes=60)
    return safe(f"{day} {room_name} {safe(title, otherwise='untitled', max_bytes=100)}")


def folder_apart(name: str, lesson: str) -> str:
    """For a second lesson of the same day, room and title."""
    return f"{name} [{safe(lesson, max_bytes=26)[-6:]}]"


def one_line(text: str) -> str:
    """For a terminal: no title may draw on it, ring its bell or break a table."""
    return " ".join("".join(" " if unicodedata.category(sign) in ("Cc", "Cs") else sign for sign in text).split())


def _shorten(name: str, max_bytes: int) -> str:
    """Cut to max_bytes of UTF-8, never inside a character nor between a letter and its marks."""
    if len(name.encode()) <= max_bytes:
        return name
    cut = name.encode()[:max_bytes].decode(errors="ignore")
    if unicodedata.combining(name[len(cut)]) or name[len(cut)] in _JOINERS:
        while cut and (unicodedata.combining(cut[-1]) or cut[-1] in _JOINERS):
            cut = cut[:-1]
        cut = cut[:-1]
    return cut.rstrip()
