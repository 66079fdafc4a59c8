"""From takes to what people download, beside FFmpeg copying the same into a progressive MP4 and an M4A.

Ours also proves every byte, hashes the files and fills gaps. CPU seconds, interpreter and all.
"""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.footage import long_takes
from benchmarks.harness import Figure, medians
from media.assemble import assemble_lesson
from media.lesson import Lesson, Source, Span, Take, take_file


def ten_minutes(folder: Path) -> Iterator[Figure]:
    yield _compared(folder, 10, runs=3)


def ninety_minutes(folder: Path) -> Iterator[Figure]:
    yield _compared(folder, 90, runs=1)


def _compared(folder: Path, minutes: int, *, runs: int) -> Figure:
    folder.mkdir()
    video, audio = long_takes(minutes)
    ours = [sys.executable, "-m", "benchmarks.finalise", str(folder), str(minutes)]
    film = ["-map", "0:v", "-map", "1:a", "-c", "copy", "-movflags", "+faststart", str(folder / "peer.mp4")]
    speech = ["-map", "1:a", "-c", "copy", "-movflags", "+faststart", str(folder / "peer.m4a")]
    peer = ["ffmpeg", "-nostdin", "-v", "error", "-y", "-i", str(video), "-i", str(audio), *film, *speech]
    name = f"finalise.{minutes}min"
    values = medians(name, runs, lambda: _spent(ours), lambda: _spent(peer))
    return Figure(name, values[0], "CPU s", "ffmpeg -c copy +faststart", values[1])


def _spent(command: list[str]) -> float:
    """CPU seconds of a program until its end."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main(folder: Path, minutes: int) -> None:
    """Assemble the long takes, as the server's worker does."""
    files = dict(zip(("front", "lectern"), long_takes(minutes), strict=True))
    lesson = Lesson(
        id="01K0000000000000000000000A",
        title="Bench",
        room="Bench",
        institution="",
        language="en",
        state="kept",
        sources=[Source("front", "camera", "video"), Source("lectern", "microphone", "audio")],
        spans=[Span("boot", 0.0, 1_790_000_000.0, "stopped")],
        takes=[
            Take(name, 1, 0, take_file(name, 1), file.stat().st_size, "", 0.0, minutes * 60.0, "stopped")
            for name, file in files.items()
        ],
    )
    made = assemble_lesson(lesson, lambda take: files[take.source], folder)
    assert len(made) == 2
    assert not any(output.problems for output in made)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
