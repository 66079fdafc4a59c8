"""Measuring recordings from outside: with FFmpeg's command, and by decoding what a viewer would see and hear.

Nothing here knows how the product makes its files.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

WHITE = 140
"""Mean brightness (0 to 255) above which a picture is a flash."""
LOUD = 0.15
"""Sample value (full scale 1) above which there is a beep."""
APART = 0.5
"""Seconds of quiet after which a loud sample begins a new beep."""
_VCL = range(1, 6)
"""H.264 NAL unit types that carry coded pictures (ITU-T H.264, table 7-1)."""


@dataclass(frozen=True)
class Offset:
    """A white flash at ``at`` seconds and how much later its beep is heard, in milliseconds."""

    at: float
    ms: float


def flashes(file: Path) -> list[float]:
    """Seconds at which the picture turns white."""
    found: list[float] = []
    white = False
    with av.open(str(file)) as container:
        for frame in container.decode(video=0):
            now_white = float(frame.reformat(64, 36, "gray").to_ndarray().mean()) > WHITE
            if now_white and not white:
                found.append(float(frame.time))
            white = now_white
    return found


def beeps(file: Path) -> list[float]:
    """Seconds at which a beep begins."""
    found: list[float] = []
    last = -1e9
    with av.open(str(file)) as container:
        resampler = av.AudioResampler(format="flt", layout="mono")
        for frame in container.decode(audio=0):
            begins = float(frame.time)
            for part in resampler.resample(frame):
                for index in np.flatnonzero(np.abs(part.to_ndarray().reshape(-1)) > LOUD):
                    at = begins + int(index) / part.sample_rate
                    if at - last > APART:
                        found.append(at)
                    last = at
    return found


def flashes_and_beeps(file: Path) -> list[Offset]:
    """For every flash, the beep nearest to it within 0.9 s; a flash without one is left out."""
    sounds = beeps(file)
    pairs = [(flash, min(sounds, key=lambda beep: abs(beep - flash))) for flash in flashes(file) if sounds]
    return [Offset(flash, (beep - flash) * 1000) for flash, beep in pairs if abs(beep - flash) < 0.9]


def vcl_hashes(file: Path) -> list[str]:
    """SHA-256 of every video packet's VCL NAL units, in order: what a camera coded, without the parameter sets, time
    codes and delimiters that a container may add or drop."""
    hashes: list[str] = []
    with av.open(str(file)) as container:
        stream = container.streams.video[0]
        extra = bytes(stream.codec_context.extradata or b"")
        prefix = (extra[4] & 3) + 1 if extra[:1] == b"\x01" else 0
        for packet in container.demux(stream):
            if packet.size:
                data = bytes(packet)
                units = _prefixed(data, prefix) if prefix else _annex_b(data)
                hashes.append(hashlib.sha256(b"".join(unit for unit in units if unit[0] & 31 in _VCL)).hexdigest())
    return hashes


def _prefixed(data: bytes, size: int) -> Iterator[bytes]:
    """ISO/IEC 14496-15: each NAL unit after its length."""
    at = 0
    while at + size <= len(data):
        length = int.from_bytes(data[at : at + size], "big")
        if length:
            yield data[at + size : at + size + length]
        at += size + length


def _annex_b(data: bytes) -> Iterator[bytes]:
    """ITU-T H.264, annex B: each NAL unit after a start code."""
    starts = [match.end() for match in re.finditer(rb"\x00\x00\x01", data)]
    for start, after in zip(starts, [*(start - 3 for start in starts[1:]), len(data)], strict=True):
        unit = data[start:after].rstrip(b"\x00")
        if unit:
            yield unit


def decode_errors(file: Path) -> str:
    """What ``ffmpeg -v error`` complains of when it decodes the whole file; empty when it is sound."""
    done = subprocess.run(
        ["ffmpeg", "-nostdin", "-v", "error", "-i", str(file), "-f", "null", "-"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.stderr.strip() or ("" if done.returncode == 0 else f"ffmpeg ended with {done.returncode}")


@dataclass(frozen=True)
class Durations:
    """Seconds. 0 for a stream that is not there."""

    file: float
    video: float
    audio: float


def durations(file: Path) -> Durations:
    with av.open(str(file)) as container:
        by_type = {stream.type: float((stream.duration or 0) * (stream.time_base or 0)) for stream in container.streams}
        return Durations((container.duration or 0) / av.time_base, by_type.get("video", 0.0), by_type.get("audio", 0.0))


def packet_counts(file: Path) -> dict[str, int]:
    """Packets of every kind of stream in the file."""
    counts: dict[str, int] = {}
    with av.open(str(file)) as container:
        for packet in container.demux():
            if packet.size:
                counts[packet.stream.type] = counts.get(packet.stream.type, 0) + 1
    return counts


def pictures(file: Path) -> int:
    """How many pictures can be decoded."""
    with av.open(str(file)) as container:
        return sum(1 for _ in container.decode(video=0))


def boxes(file: Path) -> list[str]:
    """The names of an MP4's outermost boxes, in order."""
    names: list[str] = []
    with file.open("rb") as data:
        while len(head := data.read(8)) == 8:
            size, name = int.from_bytes(head[:4], "big"), head[4:].decode("latin-1")
            header = 8
            if size == 1:
                size, header = int.from_bytes(data.read(8), "big"), 16
            names.append(name)
            if size == 0:
                break
            data.seek(size - header, 1)
    return names
