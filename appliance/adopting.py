"""The lessons of a broken PC's disk become this room's: copied, proven, and only then shown to whoever delivers.

The old disk is only read; it stays whole until somebody wipes it. A lesson is copied beside the spool's lessons, closed
there if the breakdown left it open, compared with its hashes, synced, and then given its name in one step. So a kill at
any instant leaves it adopted or not, and the same order goes on from there.

Adopted are lessons alone. The old PC's key stays where it is: a room has one key, this PC's, and enrolment has made the
old one worthless. Receipts come along, since they are the server's word to the room and not to its PC. That is why the
old spool must be of the same room of the same server: of another room's lessons the server would take no more, and
receipts of another room prove nothing here.

    CannotAdopt     one sentence with the next step
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from appliance.errors import RoomError
from appliance.recorder import recovery
from appliance.spool.layout import Spool, make_directory, sync_directory
from appliance.spool.ledger import Ledger, assets_of
from appliance.spool.takes import seal
from media.lesson import BadLesson, Lesson

FOLDER = "adopting"
"""Of the spool: what is being copied. Its lessons folder is on the same file system, so that a name is given in one
step."""
_CHUNK = 1 << 20
_RESERVE = 0.02
"""Of the disk: as ``[disk] reserve_percent``, what recordings of others may never take."""


class CannotAdopt(RoomError):
    code = "cannot-adopt"


@dataclass(slots=True)
class Adopted:
    """lessons, bytes: what was adopted now. known: lessons that were here already. left: by lesson, why it stayed on
    the old disk."""

    lessons: int = 0
    bytes: int = 0
    known: int = 0
    left: dict[str, str] = field(default_factory=dict)

    @property
    def sentence(self) -> str:
        many = "1 lesson is" if self.lessons == 1 else f"{self.lessons} lessons are"
        before = f", {self.known} were before" if self.known else ""
        return f"{many} adopted ({self.bytes / 1e9:.1f} GB){before}."


def adopt(old: Spool, new: Spool, progress: Callable[[str], None] = lambda lesson: None) -> Adopted:
    """Every lesson of the old spool that is not in the new one. Raises CannotAdopt, OSError (of the new disk).

    A lesson that cannot be read or is not what its hashes say stays on the old disk, and the others come.
    """
    _same_room(old, new)
    done = Adopted()
    shutil.rmtree(new.root / FOLDER, ignore_errors=True)  # of an order that was killed
    beside = Spool(new.root / FOLDER)
    make_directory(beside.lessons)
    try:
        with Ledger(new.ledger_file) as ledger:
            for lesson_id in old.lesson_ids():
                if new.lesson_dir(lesson_id).exists():
                    done.known += 1
                    _enter(ledger, new, lesson_id)  # a kill may have come between its name and its entry
                    continue
                progress(lesson_id)
                try:
                    size = _copy(old, beside, lesson_id)
                except _Unfit as error:
                    done.left[lesson_id] = str(error)
                    shutil.rmtree(beside.lesson_dir(lesson_id), ignore_errors=True)
                    continue
                beside.lesson_dir(lesson_id).rename(new.lesson_dir(lesson_id))
                sync_directory(new.lessons)
                _enter(ledger, new, lesson_id)
                done.lessons += 1
                done.bytes += size
    finally:
        shutil.rmtree(beside.root, ignore_errors=True)
    return done


class _Unfit(Exception):
    """This lesson stays where it is, and why."""


def _same_room(old: Spool, new: Spool) -> None:
    """Raises CannotAdopt."""
    if not old.lessons.is_dir():
        raise CannotAdopt(f"There are no lessons in {old.root}; name the spool on the old disk.")
    if old.root.resolve() == new.root.resolve():
        raise CannotAdopt("That is this room's own spool; name the one on the old disk.")
    mine, theirs = _enrolment(new), _enrolment(old)
    if theirs is None:
        return  # the old PC never had a server: its lessons are nobody's yet
    if mine is None:
        raise CannotAdopt(
            "This PC has no server yet; enrol it first as the room that the old disk is from (appliance enrol)."
        )
    if mine != theirs:
        what = "another server" if mine[1] != theirs[1] else "another room"
        raise CannotAdopt(
            f"The old disk is from {what} than this PC; make a code for that room and enrol this PC with it first."
        )


def _enrolment(spool: Spool) -> tuple[str, str] | None:
    """The room's id and its server's key; None when the spool was never enrolled. Raises CannotAdopt."""
    file = spool.identity / "server.json"
    try:
        facts = json.loads(file.read_bytes())
        return str(facts["room_id"]), str(facts["server_key"]["x"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CannotAdopt(f"{file} cannot be read, so nobody can say which room that is: {error}.") from error


def _copy(old: Spool, beside: Spool, lesson_id: str) -> int:
    """The lesson, whole and durable, beside the others. Its bytes. Raises _Unfit, OSError."""
    source, target = old.lesson_dir(lesson_id), beside.lesson_dir(lesson_id)
    try:
        files = [file for file in sorted(source.rglob("*")) if file.is_file() and not file.is_symlink()]
        size = sum(file.stat().st_size for file in files)
    except OSError as error:
        raise _Unfit(f"its folder cannot be read ({error.strerror})") from error
    usage = shutil.disk_usage(beside.root)
    if usage.free - size < _RESERVE * usage.total:
        raise _Unfit(f"it needs {size / 1e9:.1f} GB, and the disk here has no room for it")
    make_directory(target)
    for file in files:
        _copy_file(file, target / file.relative_to(source))
    _close(beside, lesson_id)
    _prove(beside, lesson_id)
    for folder in sorted({path.parent for path in target.rglob("*")} | {target}):
        sync_directory(folder)
    sync_directory(beside.lessons)
    return size


def _copy_file(file: Path, target: Path) -> None:
    """Durable. Raises _Unfit when the old disk cannot be read, OSError when the new one cannot be written."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        mode = file.stat().st_mode & 0o777
        chunks = _chunks(file)
        first = next(chunks, b"")
    except OSError as error:
        raise _Unfit(f"{file.name} cannot be read ({error.strerror})") from error
    with open(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as out:
        while first:
            out.write(first)
            try:
                first = next(chunks, b"")
            except OSError as error:
                raise _Unfit(f"{file.name} cannot be read ({error.strerror})") from error
        out.flush()
        os.fsync(out.fileno())


def _chunks(file: Path) -> Iterator[bytes]:
    with file.open("rb", buffering=0) as opened:
        while chunk := opened.read(_CHUNK):
            yield chunk


def _close(beside: Spool, lesson_id: str) -> None:
    """A lesson that the breakdown left open ends with all it has: this PC must not go on with it. Raises _Unfit."""
    try:
        open_lessons = [lesson for lesson in recovery.unfinished(beside) if lesson.id == lesson_id]
        if not beside.lesson_dir(lesson_id).exists():
            raise _Unfit("nothing was recorded in it")
        for lesson in open_lessons:
            for span in lesson.spans:
                span.ended = span.ended or "cut"
            recovery.collect(beside, lesson)
            for take in lesson.takes:
                sealed = (
                    None if take.sha256 else seal(_file(beside, lesson, take.file), threading.Event(), gently=False)
                )
                take.sha256 = sealed.sha256 if sealed is not None else take.sha256
            lesson.state = "kept"
            beside.write_lesson(lesson)
    except (BadLesson, ValueError) as error:
        raise _Unfit(f"it cannot be understood ({error})") from error


def _file(spool: Spool, lesson: Lesson, name: str) -> Path:
    return spool.lesson_dir(lesson.id) / name


def _prove(beside: Spool, lesson_id: str) -> None:
    """Every take is what its hash says. One that the old room let go of, for the server has it, is not there. Raises
    _Unfit."""
    try:
        lesson = beside.read_lesson(lesson_id)
    except (BadLesson, FileNotFoundError) as error:
        raise _Unfit(f"it cannot be understood ({error})") from error
    for take in lesson.takes:
        file = _file(beside, lesson, take.file)
        if not file.exists() and beside.receipt_of(lesson_id, take.file, take.sha256) is None:
            raise _Unfit(f"{take.file} is missing, and the server has not signed for it")
        if file.exists() and take.sha256 and _sha256(file) != take.sha256:
            raise _Unfit(f"{take.file} is not what was recorded: the old disk gives wrong bytes")


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _enter(ledger: Ledger, new: Spool, lesson_id: str) -> None:
    """Into the ledger, from which it is delivered; what has a receipt is receipted there."""
    try:
        lesson = new.read_lesson(lesson_id)
    except (BadLesson, FileNotFoundError):
        return  # the daemon's salvage deals with it at its next start
    if lesson.state == "kept":
        ledger.add_assets(assets_of(new, lesson))
