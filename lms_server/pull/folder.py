"""A lesson's folder on the laptop: whose it is, which files it has, and their SHA256SUMS.

2026-11-17 Amphi A Analyse II/
    .lesson                the lesson's id: another lesson of that name gets a folder of its own
    SHA256SUMS             what `sha256sum --check SHA256SUMS` reads; only verified files are in it
    board.mp4, lectern.m4a the assembled files, dated by the lesson's beginning
    lesson.json            its sources, gaps and marks
    renditions/…           with --renditions: poster, slidecast (sound and slides) and proxy (a small film)
    originals/board/…      with --originals: the takes as the room recorded them
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterable
from pathlib import Path

from . import names
from .client import File, Lesson
from .errors import NotReady
from .fetch import sha256_of

SUMS = "SHA256SUMS"
OWNER = ".lesson"
_SAME_TIME = 2.0
"""Seconds; what a FAT-formatted stick can tell apart."""
_LINE = re.compile(r"(?P<sha>[0-9a-f]{64}) [ *](?P<name>.+)")


def wanted(lesson: Lesson, *, originals: bool, renditions: bool = False) -> list[tuple[str, File]]:
    """Which files to fetch, each with its path inside the folder; small ones first, so that a bad link still gives
    something. Raises NotReady when the lesson has none of them yet."""
    kinds = {"manifest", "take"} if originals else {"manifest", "programme", "audio"}
    if renditions:
        kinds |= {"poster", "slidecast", "proxy"}
    taken: set[str] = set()
    files: list[tuple[str, File]] = []
    for file in sorted(lesson.files, key=lambda file: (file.kind != "manifest", file.bytes, file.name)):
        if file.kind in kinds:
            path = names.safe_path(file.name)
            path = _unused(f"originals/{path}" if file.kind == "take" else path, taken)
            taken.add(path.casefold())
            files.append((path, file))
    if all(file.kind == "manifest" for _, file in files):
        raise NotReady(_why_not(lesson, originals))
    return files


class Homes:
    """The folders of one place, by whose they are. Several threads may ask."""

    def __init__(self, out: Path) -> None:
        """Raises OSError."""
        self._out = out
        self._lock = threading.Lock()
        owners = out.glob(f"*/{OWNER}") if out.is_dir() else ()
        self._known = {owner.read_text(encoding="utf-8").strip(): owner.parent for owner in sorted(owners)}

    def of(self, lesson: Lesson) -> Path:
        """The lesson's folder, made and claimed, and called as the lesson is called now. Raises OSError."""
        plain = names.folder(lesson.day, lesson.room, lesson.title)
        candidates = (plain, names.folder_apart(plain, lesson.id), names.safe(f"{lesson.day:%Y-%m-%d} {lesson.id}"))
        with self._lock:
            before = self._known.get(lesson.id)
            if before is not None and before.is_dir():
                self._known[lesson.id] = before if before.name in candidates else _renamed(before, candidates)
                return self._known[lesson.id]
            for name in candidates:
                folder = self._out / name
                folder.mkdir(parents=True, exist_ok=True)
                owner = folder / OWNER
                if not owner.exists():
                    owner.write_text(f"{lesson.id}\n", encoding="utf-8")
                if owner.read_text(encoding="utf-8").strip() == lesson.id:
                    self._known[lesson.id] = folder
                    return folder
        raise FileExistsError(17, "its folder belongs to another lesson", str(self._out / plain))

    def others(self, lessons: Iterable[str]) -> list[Path]:
        """Folders of lessons that are none of these."""
        listed = set(lessons)
        return sorted(folder for lesson, folder in self._known.items() if lesson not in listed)

    def vouch(self) -> None:
        """Write one SHA256SUMS over everything that is here. Raises OSError."""
        lines = [
            f"{sha}  {folder.name}/{path}\n"
            for folder in sorted(self._known.values())
            for path, sha in sorted(Sums(folder).known.items())
            if (folder / path).is_file()
        ]
        self._out.mkdir(parents=True, exist_ok=True)
        _replace(self._out / SUMS, lines)


def _renamed(folder: Path, candidates: Iterable[str]) -> Path:
    """The folder under the first of these names that is free; as it was when none is."""
    for name in candidates:
        if not folder.with_name(name).exists():
            return folder.rename(folder.with_name(name))
    return folder


class Sums:
    """SHA256SUMS of one folder, written anew after each verified file. known: path → SHA-256, hex."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = folder / SUMS
        self.known: dict[str, str] = {}
        if self._file.exists():
            for line in self._file.read_text(encoding="utf-8", errors="replace").splitlines():
                if match := _LINE.fullmatch(line):
                    self.known[match["name"]] = match["sha"]

    def has(self, path: str, file: File, started: float, *, thorough: bool) -> bool:
        """Is the file there and right? One that SHA256SUMS vouches for and whose size and time are as we left them is
        not read again, unless thorough."""
        here = self._folder / path
        if not here.is_file() or here.stat().st_size != file.bytes:
            return False
        untouched = abs(here.stat().st_mtime - started) <= _SAME_TIME
        if not thorough and untouched and self.known.get(path) == file.sha256:
            return True
        return sha256_of(here) == file.sha256

    def add(self, path: str, file: File, started: float) -> None:
        """The file is there and right: date it by its lesson, and vouch for it."""
        here = self._folder / path
        os.utime(here, (max(started, 0.0), max(started, 0.0)))
        if self.known.get(path) != file.sha256:
            self.known[path] = file.sha256
            self._write()

    def _write(self) -> None:
        known = sorted(self.known.items())
        _replace(self._file, [f"{sha}  {path}\n" for path, sha in known if (self._folder / path).is_file()])


def _replace(target: Path, lines: Iterable[str]) -> None:
    """In one step, and on the disk."""
    fresh = target.with_name(f"{target.name}.part")
    with fresh.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(lines)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(target)


def _unused(path: str, taken: Iterable[str]) -> str:
    """Two names that became the same on a system without upper and lower case stay two files."""
    stem, dot, ending = path.rpartition(".")
    number, candidate = 2, path
    while candidate.casefold() in taken:
        candidate = f"{stem} ({number}){dot}{ending}" if stem else f"{path} ({number})"
        number += 1
    return candidate


def _why_not(lesson: Lesson, originals: bool) -> str:
    title = f"“{names.one_line(lesson.title)}” ({lesson.id})"
    if originals:
        return f"Nothing of {title} has reached the server yet; pull again later."
    if lesson.state == "failed":
        return f"The server could not put {title} together; --originals fetches what the room recorded."
    return f"{title} is still on its way to the server; pull again later, or take what is there with --originals."
