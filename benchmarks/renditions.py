"""What ninety minutes weigh on their way to the students: a slide every 45 s, a street of people for a teacher, and
noise for speech, which Opus finds harder than any voice. Ten minutes are made, and scaled."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from benchmarks.footage import CACHE, FRAGMENTED, long_takes
from benchmarks.harness import Figure
from media.lesson import Lesson, Source, Span, Take, take_file
from media.renditions.layout import Layout, lay_out
from media.renditions.proxy import make_proxy
from media.renditions.slidecast import HEAD_START, make_slidecast

MINUTES = 10
WHOLE = 90
HOLD = 45
FPS = 2
SIZE = 1920, 1080


def slidecast(folder: Path) -> Iterator[Figure]:
    folder.mkdir()
    layout = _layout(folder)
    made = folder / "slidecast.mp4"
    show = make_slidecast(layout, "board", made, folder / "poster.jpg", _complain)
    assert len(show.changes) == -(-MINUTES * 60 // HOLD)
    yield Figure("slidecast.mb_per_90min", _scaled(made.stat().st_size, HEAD_START), "MB")


def proxy(folder: Path) -> Iterator[Figure]:
    folder.mkdir()
    made = folder / "proxy.mp4"
    make_proxy(_layout(folder), "board", made, _complain)
    yield Figure("proxy.mb_per_90min", _scaled(made.stat().st_size, 0), "MB")


def _scaled(size: int, once: int) -> float:
    """MB of ninety minutes. once: bytes that a lesson of any length may spend, at most."""
    spent_once = min(once, size // 10)
    return ((size - spent_once) * WHOLE / MINUTES + spent_once) / 1e6


def _complain(problem: str) -> None:
    raise AssertionError(problem)


def _layout(folder: Path) -> Layout:
    teacher, speech = long_takes(MINUTES)
    files = {"board": _slides(), "teacher": teacher, "mic": speech}
    lesson = Lesson(
        id="01K0000000000000000000000A",
        title="Bench",
        room="Bench",
        institution="",
        language="en",
        state="kept",
        sources=[
            Source("board", "camera", "video", driver="screen"),
            Source("teacher", "camera", "video"),
            Source("mic", "microphone", "audio"),
        ],
        spans=[Span("boot", 0.0, 1_790_000_000.0, "stopped")],
        takes=[
            Take(name, 1, 0, take_file(name, 1), file.stat().st_size, "", 0.0, MINUTES * 60.0, "stopped")
            for name, file in files.items()
        ],
    )
    return lay_out(lesson, lambda take: files[take.source])


def _slides() -> Path:
    """A screen of text slides in 1080p, made once."""
    file = CACHE / f"slides-{MINUTES}min.mp4"
    if not file.exists():
        CACHE.mkdir(mode=0o700, exist_ok=True)
        part = file.with_suffix(".part")
        command = ["ffmpeg", "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "gray"]
        shape = [
            "-s",
            f"{SIZE[0]}x{SIZE[1]}",
            "-r",
            str(FPS),
            "-i",
            "pipe:0",
            "-c:v",
            "libx264",
            "-preset",
            "superfast",
        ]
        coded = ["-tune", "zerolatency", "-g", str(2 * FPS), "-pix_fmt", "yuv420p", *FRAGMENTED, str(part)]
        frames = (_slide(tick // (HOLD * FPS)).tobytes() for tick in range(MINUTES * 60 * FPS))
        with subprocess.Popen([*command, *shape, *coded], stdin=subprocess.PIPE) as made:
            assert made.stdin is not None
            for frame in frames:
                made.stdin.write(frame)
            made.stdin.close()
        assert made.returncode == 0
        part.replace(file)
    return file


_drawn: dict[int, np.ndarray] = {}


def _slide(number: int) -> np.ndarray:
    if number not in _drawn:
        image = Image.new("L", SIZE, 250)
        pen = ImageDraw.Draw(image)
        pen.rectangle((0, 0, SIZE[0], 120), fill=50)
        words = np.random.default_rng(number).choice(["force", "mass", "energy", "field", "curve", "limit"], (10, 11))
        for line, text in enumerate(words):
            pen.text((90, 170 + 86 * line), " ".join(text), font=ImageFont.load_default(44), fill=20)
        _drawn.clear()
        _drawn[number] = np.asarray(image)
    return _drawn[number]
