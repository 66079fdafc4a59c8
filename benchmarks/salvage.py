"""A cut in the 90th minute: how long the salvage of everything recorded delays the room's return, and what power cuts
cost. Files are sparse but for what is read: the journals and the ends of the takes."""

from __future__ import annotations

import hashlib
import shutil
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

from appliance.recorder import recovery
from appliance.spool.layout import Spool
from benchmarks.harness import Figure, note
from media import journal as journals
from media.journal import FragmentEntry, TakeEntry
from media.lesson import Lesson, Source, Span

SECONDS = 90 * 60
LESSON = "01K0000000000000000000000A"
SOURCES = {"front": (0.45, 500_000), "board": (0.25, 250_000), "lectern": (0.25, 12_000)}
"""Seconds of a fragment, bytes a second."""
CUTS = 6


def ninety_minutes(folder: Path) -> Iterator[Figure]:
    """From the first look at the spool until takes are whole and the lesson could go on."""
    taken = []
    for run in range(3):
        spool = Spool(folder / str(run))
        lesson = cut_off(spool)
        began = time.monotonic()
        (found,) = recovery.unfinished(spool)
        assert recovery.last_sign(spool, found) is not None
        recovery.collect(spool, found)
        taken.append(time.monotonic() - began)
        note(f"salvage.90min {run + 1}/3: {taken[-1]:.3g}")
        assert [take.ended for take in found.takes] == ["cut"] * len(SOURCES)
        assert all(take.seconds > SECONDS - 1 for take in found.takes)
        assert found.id == lesson.id
        shutil.rmtree(spool.root)
    yield Figure("salvage.90min", statistics.median(taken), "s")


def cut_off(spool: Spool) -> Lesson:
    """A lesson of three sources as a cut leaves it: no take is closed, the last line of each journal is torn."""
    spool.prepare()
    spool.lesson_dir(LESSON).mkdir()
    sources = [Source(name, "camera", "video") for name in SOURCES]
    lesson = Lesson(LESSON, "Bench", "", "", "en", "recording", sources, [Span("boot", 0.0, 1_790_000_000.0)])
    spool.write_lesson(lesson)
    for name, (length, rate) in SOURCES.items():
        _take(spool.lesson_dir(LESSON) / name, name, length, rate)
    return lesson


def _take(folder: Path, name: str, length: float, rate: int) -> None:
    folder.mkdir()
    size, header = round(length * rate), bytes(800)
    empty = hashlib.sha256(bytes(size)).hexdigest()
    init = hashlib.sha256(header).hexdigest()
    where = {
        "lesson": LESSON,
        "source": name,
        "take": 1,
        "span": 0,
        "boot": "boot",
        "mono": 0.0,
        "wall": 1_790_000_000.0,
    }
    what = {"init": len(header), "init_sha": init, "codec": "avc1", "width": 1920, "height": 1080, "sample_rate": 0}
    lines = [journals.line(TakeEntry(**where, **what, epoch=0.0))]  # type: ignore[arg-type]  # by name, as above
    for n in range(round(SECONDS / length)):
        at = n * length
        entry = FragmentEntry(
            n + 1, len(header) + n * size, size, at, length, not n % 8, at, 1_790_000_000.0 + at, empty
        )
        lines.append(journals.line(entry))
    (folder / "take-001.journal").write_bytes(b"".join(lines) + lines[-1][:50])
    with (folder / "take-001.mp4").open("wb") as file:
        file.truncate(len(header) + len(lines[1:]) * size + size // 2)


def loss(folder: Path) -> Iterator[Figure]:
    """Power cuts of a real room on the crash disk of the tests: the most that one cost a source."""
    from tests.system.powercut.laboratory import Laboratory  # noqa: PLC0415 - the laboratory needs root and more

    folder.mkdir()
    lab = Laboratory(folder)
    lab.record(CUTS)
    outcomes = lab.follow_all()
    assert not any(outcome.faults for outcome in outcomes), outcomes
    yield Figure("powercut.loss_max", max(max(outcome.lost.values()) for outcome in outcomes), "s")
