"""Takes as the recorder makes them, of a world that flashes and beeps at known instants.

The world's clock is the monotonic clock of a lesson: at every whole ``PERIOD`` it turns white and beeps for a tenth of
a second. A take with epoch e shows the world from e on, so wherever takes end up, flash and beep must meet.
"""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from media.lesson import Lesson, Source, Span, Take, take_file

PERIOD = 2.0
FLASH = 0.1
RATE = 48_000
FPS = 30
RECORDED = (
    "-movflags", "+empty_moov+default_base_moof+delay_moov+frag_keyframe",
    "-frag_duration", "250000", "-flush_packets", "1", "-f", "mp4",
)  # fmt: skip
ZERO_LATENCY = ("-c:v", "libx264", "-preset", "superfast", "-tune", "zerolatency", "-g", "30", "-pix_fmt", "yuv420p")
B_FRAMES = ("-c:v", "libx264", "-preset", "superfast", "-bf", "3", "-g", "30", "-pix_fmt", "yuv420p")


def lesson_of(sources: list[Source], spans: list[Span] | None = None) -> Lesson:
    """An empty lesson that begins at the monotonic instant 0."""
    return Lesson(
        id="01K0000000000000000000000A",
        title="Forces and motion",
        room="Room 12",
        institution="Lycée Ibn Khaldoun",
        language="fr",
        state="kept",
        sources=sources,
        spans=spans or [Span(boot="boot-1", mono=0.0, wall=1_790_000_000.0, ended="stopped")],
    )


def add_video(
    lesson: Lesson,
    folder: Path,
    source: str,
    epoch: float,
    seconds: float,
    *,
    span: int = 0,
    ended: str = "stopped",
    encode: tuple[str, ...] = ZERO_LATENCY,
    size: tuple[int, int] = (320, 180),
) -> Take:
    """Record pictures of the world. An epoch of whole frames keeps the flash on its instant."""
    width, height = size
    count = round(seconds * FPS)
    times = epoch + np.arange(count) / FPS
    noise = np.random.default_rng(7).integers(0, 24, (height, width), dtype=np.uint8)
    frames = bytearray()
    for number, at in enumerate(times):
        picture = np.roll(noise, 3 * number, axis=1)
        picture[40:90, (5 * number) % (width - 30) : (5 * number) % (width - 30) + 30] = 90
        if (at + 1e-6) % PERIOD < FLASH:
            picture = np.full_like(picture, 250)
        frames += picture.tobytes()
    command = [
        "ffmpeg", "-v", "error", "-f", "rawvideo", "-pix_fmt", "gray", "-s", f"{width}x{height}", "-r", str(FPS),
        "-i", "pipe:0", *encode, *RECORDED,
    ]  # fmt: skip
    take = _Shot(source, epoch, count / FPS, span, ended)
    return _record(lesson, folder, take, command, bytes(frames))


def add_frames(
    lesson: Lesson,
    folder: Path,
    source: str,
    epoch: float,
    pictures: Iterable[np.ndarray],
    *,
    size: tuple[int, int],
    fps: int,
    group: int,
) -> Take:
    """Record given pictures, grey and of one size (width, height), fps a second, a keyframe every ``group`` of them."""
    frames = [picture.tobytes() for picture in pictures]
    command = [
        "ffmpeg", "-v", "error", "-f", "rawvideo", "-pix_fmt", "gray", "-s", f"{size[0]}x{size[1]}", "-r", str(fps),
        "-i", "pipe:0", "-c:v", "libx264", "-preset", "superfast", "-tune", "zerolatency", "-g", str(group),
        "-pix_fmt", "yuv420p", *RECORDED,
    ]  # fmt: skip
    take = _Shot(source, epoch, len(frames) / fps, 0, "stopped")
    return _record(lesson, folder, take, command, b"".join(frames))


def add_audio(
    lesson: Lesson,
    folder: Path,
    source: str,
    epoch: float,
    seconds: float,
    *,
    span: int = 0,
    ended: str = "stopped",
    encode: tuple[str, ...] = ("-c:a", "aac", "-b:a", "96k"),
    late: float = 0.0,
) -> Take:
    """Record the sound of the world. late: seconds by which the device delivers it late."""
    count = round(seconds * RATE)
    times = epoch - late + np.arange(count) / RATE
    beep = np.where((times % PERIOD < FLASH) & (times > -1e-9), 0.7 * np.sin(2 * np.pi * 1000 * times), 0.0)
    noise = np.random.default_rng(11).normal(0, 0.002, count)
    samples = ((beep + noise) * 32767).astype("<i2").tobytes()
    command = ["ffmpeg", "-v", "error", "-f", "s16le", "-ar", str(RATE), "-ac", "1", "-i", "pipe:0", *encode, *RECORDED]
    return _record(lesson, folder, _Shot(source, epoch, seconds, span, ended), command, samples)


@dataclass(frozen=True)
class _Shot:
    source: str
    epoch: float
    seconds: float
    span: int
    ended: str


def _record(lesson: Lesson, folder: Path, shot: _Shot, command: list[str], raw: bytes) -> Take:
    number = len(lesson.takes_of(shot.source)) + 1
    path = folder / take_file(shot.source, number)
    path.parent.mkdir(parents=True, exist_ok=True)
    data = subprocess.run([*command, "pipe:1"], input=raw, stdout=subprocess.PIPE, check=True).stdout
    path.write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()
    take = Take(
        shot.source, number, shot.span, take_file(shot.source, number), len(data), digest,
        epoch=shot.epoch, seconds=shot.seconds, ended=shot.ended,
    )  # fmt: skip
    lesson.takes.append(take)
    return take
