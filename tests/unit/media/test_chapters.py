"""Chapters are read from a file's head, and a strange head breaks nothing."""

from __future__ import annotations

import io
import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from media.chapters import chapters_of
from media.fragments import BadStream


def listed(data: bytes) -> list[tuple[float, str]]:
    return chapters_of(lambda start, length: data[start : start + length], len(data))


def box(kind: bytes, payload: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(payload), kind) + payload


def head(listing: bytes) -> bytes:
    return box(b"ftyp", b"isom") + box(b"moov", box(b"mvhd", bytes(100)) + box(b"udta", box(b"chpl", listing)))


def test_what_ffmpeg_wrote_is_read(tmp_path: Path) -> None:
    file = tmp_path / "slides.mp4"
    with av.open(str(file), "w", format="mp4", options={"movflags": "+faststart"}) as out:
        stream = out.add_stream("aac", rate=48000, layout="mono")
        starts = [(0, "Diapositive 1"), (1500, "الشريحة 2")]
        ticks = {"time_base": Fraction(1, 1000)}
        out.set_chapters(
            [
                {"id": n, "start": at, "end": at + 500, "metadata": {"title": title}, **ticks}
                for n, (at, title) in enumerate(starts)
            ]
        )
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 48000
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            out.mux(packet)
    assert listed(file.read_bytes()) == [(0.0, "Diapositive 1"), (1.5, "الشريحة 2")]


@pytest.mark.parametrize(
    "data",
    [b"", b"RIFF0000WAVE", box(b"ftyp", b""), box(b"mdat", b"x" * 50), box(b"ftyp", b"") + box(b"moov", b"")],
    ids=["nothing", "no mp4", "no head", "head last", "empty head"],
)
def test_a_file_without_chapters_has_none(data: bytes) -> None:
    assert listed(data) == []


def test_a_list_that_is_cut_off_is_said_to_be() -> None:
    whole = bytes(8) + b"\x02" + struct.pack(">QB", 0, 1) + b"a" + struct.pack(">QB", 5 * 10_000_000, 1) + b"b"
    assert listed(head(whole)) == [(0.0, "a"), (5.0, "b")]
    with pytest.raises(BadStream):
        listed(head(whole[:-12]))


def test_a_head_of_an_absurd_length_is_not_read() -> None:
    asked: list[int] = []
    data = io.BytesIO(struct.pack(">I4s", 0xFFFFFFF0, b"moov") + bytes(100))

    def read(start: int, length: int) -> bytes:
        asked.append(length)
        data.seek(start)
        return data.read(length)

    assert chapters_of(read, 0xFFFFFFFF) == []
    assert asked == [8]
