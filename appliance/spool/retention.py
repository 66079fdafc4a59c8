"""What may go when the disk runs short: only what the server has signed for, oldest first, and every time on record.

``choose`` decides and is pure; ``survey`` reads the disk, ``make_room`` deletes. Takes go before renditions, and
lesson.json and the receipts always stay, so that the room still knows what it once had. Nothing is deleted without a
receipt for exactly that SHA-256, checked against the pinned key; nor before every target that room.toml calls required
has the lesson; nor when the room's clock cannot be right; nor when the line in ``spool/audit.log`` that says so is not
on the disk first. Blocking: use it from a thread.
"""

from __future__ import annotations

import hashlib
import logging
import shutil
import sqlite3
import stat
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from appliance.spool import audit, keeping
from appliance.spool.layout import Spool, sync_directory
from appliance.spool.ledger import AssetRow, Ledger, LedgerUnreadable
from appliance.spool.receipts import Notary, Unproven
from appliance.spool.targets import BadTargets, Target, lacking
from appliance.spool.targets import read as read_targets
from media.lesson import BadLesson, Lesson

log = logging.getLogger(__name__)

SKEW = 3600.0
"""Seconds a room's clock may be behind the newest receipt's time: proofs forgive minutes, time zones are none."""
LONGEST_SILENCE = 400 * 86400.0
"""Seconds after the newest receipt beyond which a clock is more likely wrong than the server that long away."""
_ORDER = {"master": 0, "proxy": 1, "slidecast": 2}
"""Tiers that may go, first to last: what is largest and furthest from a student's phone goes first. No card goes."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file the server has signed for and that is still here. signed: Unix seconds by the server's clock."""

    lesson: str
    path: str
    tier: str
    bytes: int
    sha256: str
    signed: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """removed: what is gone now; freeable: bytes that could still go; refusal: why nothing may go, or empty."""

    removed: Sequence[Candidate] = ()
    freeable: int = 0
    refusal: str = ""


def choose(candidates: Sequence[Candidate], *, free: int, keep_free: int, now: float) -> list[Candidate]:
    """Which of them must go so that ``keep_free`` bytes are free, as far as they suffice. Pure.

    now: Unix seconds by the room's clock; when it cannot be right, nothing goes.
    """
    if free >= keep_free or not plausible(now, candidates):
        return []
    going: list[Candidate] = []
    allowed = (each for each in candidates if each.tier in _ORDER and each.path != "lesson.json")
    for each in sorted(allowed, key=lambda each: (_ORDER[each.tier], each.lesson, each.path)):
        if free >= keep_free:
            break
        going.append(each)
        free += each.bytes
    return going


def plausible(now: float, candidates: Sequence[Candidate]) -> bool:
    """Whether the room's clock can be right, by the only other clock the room has: the receipts' of the server."""
    newest = max((each.signed for each in candidates), default=now)
    return newest - SKEW <= now <= newest + LONGEST_SILENCE


def survey(spool: Spool, rows: Sequence[AssetRow], notary: Notary, targets: Sequence[Target] = ()) -> list[Candidate]:
    """Every file of a kept lesson that is here, is as it was recorded, and has a valid receipt; of lessons that no
    required target lacks."""
    found: list[Candidate] = []
    lessons: dict[str, Lesson | None] = {}
    for row in rows:
        if row.state != "receipted" or row.tier not in _ORDER:
            continue
        if row.lesson not in lessons:
            lessons[row.lesson] = None if lacking(spool, row.lesson, targets) else _kept(spool, row.lesson)
        lesson = lessons[row.lesson]
        if lesson is None or not _is_whole(spool, lesson, row):
            continue
        try:
            signed = notary.signed_at(spool, row)
        except Unproven as error:
            log.warning("Lesson %s stays whole: %s", row.lesson, error)
            continue
        found.append(Candidate(row.lesson, row.path, row.tier, row.bytes, row.sha256, signed))
    return found


def make_room(spool: Spool, share: float, now: float | None = None) -> Outcome:
    """Delete what may go until ``share`` (0 to 1) of the disk is free. Raises OSError.

    Safe to be killed at any instant: an audit line without its deletion is followed by another one.
    """
    now = time.time() if now is None else now
    try:
        with Ledger(spool.ledger_file) as ledger:
            rows = ledger.assets()
    except (LedgerUnreadable, sqlite3.Error):
        return Outcome(refusal="The ledger cannot be read, so nothing is deleted.")
    if not any(row.state == "receipted" for row in rows):
        return Outcome()
    try:
        candidates = survey(spool, rows, Notary.of(spool), read_targets(spool))
    except (Unproven, BadTargets) as error:
        return Outcome(refusal=str(error))
    if not plausible(now, candidates):
        return Outcome(refusal="The room's clock cannot be right, so nothing is deleted until it is.")
    disk = shutil.disk_usage(spool.root)
    wanted = round(disk.total * share)
    gone = choose(candidates, free=disk.free, keep_free=wanted, now=now)
    for each in gone:
        _remove(spool, each, now, free=shutil.disk_usage(spool.root).free, wanted=wanted)
    left = sum(each.bytes for each in candidates) - sum(each.bytes for each in gone)
    return Outcome(tuple(gone), left)


def _remove(spool: Spool, each: Candidate, now: float, *, free: int, wanted: int) -> None:
    """The audit line first: if it cannot be written, the file stays."""
    file = spool.lesson_dir(each.lesson) / each.path
    line = {
        "at": round(now, 3),
        "what": "removed",
        "why": "disk-low",
        "lesson": each.lesson,
        "path": each.path,
        "bytes": each.bytes,
        "sha256": each.sha256,
        "receipt_signed": each.signed,
        "free_bytes": free,
        "keep_free_bytes": wanted,
    }
    audit.note(spool, line)
    file.unlink()
    sync_directory(file.parent)
    log.info("%s of lesson %s is on the server and was removed here to make room.", each.path, each.lesson)


def _kept(spool: Spool, lesson: str) -> Lesson | None:
    """A whole lesson that no teacher wants to keep here."""
    try:
        found = spool.read_lesson(lesson)
    except (BadLesson, OSError, ValueError):
        return None
    return found if found.state == "kept" and not keeping.is_kept(spool, lesson) else None


def _is_whole(spool: Spool, lesson: Lesson, row: AssetRow) -> bool:
    """Whether the file is here and is what was receipted: a take by lesson.json's word, anything else by its hash."""
    parts = PurePosixPath(row.path).parts
    if not parts or ".." in parts or row.path.startswith("/"):
        return False
    folder = spool.lesson_dir(lesson.id)
    file = folder / row.path
    try:
        facts = file.lstat()
        inside = file.parent.resolve() == folder.resolve().joinpath(*parts[:-1])
        if not inside or not stat.S_ISREG(facts.st_mode) or facts.st_size != row.bytes:
            return False
        if row.kind == "take":
            return any(take.file == row.path and take.sha256 == row.sha256 for take in lesson.takes)
        with file.open("rb") as data:
            return hashlib.file_digest(data, "sha256").hexdigest() == row.sha256
    except OSError:
        return False
