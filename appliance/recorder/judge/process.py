"""The process that judges: ``python -m appliance.recorder.judge.process``, one a room, while a lesson records.

It follows the takes being written by their journals alone, as the preview does: only durable bytes, nobody disturbed.
Of pictures it decodes keyframes only, of sound everything. Orders are JSON lines on standard input: first the
thresholds, then ``{"takes": {source: {"media", "file", "journal", "known"}}}`` whenever these change; it ends with its
input. Reports are JSON lines on standard output:
``{"source", "span", "at", "standing": [{"code", "begins", "facts"}]}`` whenever what is wrong with a source changes;
times are of the monotonic clock. ``{"source", "proved": true}`` once when a camera's sensor is known beyond doubt; the
daemon says so of it (``known``) in the lessons to come.

It may be killed at any instant: nothing but the verdicts depends on it.
"""

from __future__ import annotations

import io
import json
import os
import select
import sys
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from appliance.recorder.judge import measures
from appliance.recorder.judge.facts import Verdict
from appliance.recorder.judge.verdicts import PictureJudge, SoundJudge
from appliance.thresholds import JudgeTable
from media.fragments import Fragment, Header, first_sample, read_stream

POLL = 0.5
"""Seconds between looks into the journals."""
SPACING = 1.5
"""Least seconds between two pictures that are looked at: what is encoded here has a keyframe every two seconds, and it
would be waste to decode all of a camera that sends more."""
MEMORY = 6
"""Pictures that a new one is compared with."""
HEARING = 2.0
"""Seconds of sound that are decoded at once."""
_TAIL = 64 << 10
"""Bytes of a journal's end with which following begins: about a minute."""
_EIGHT_BITS = frozenset({"yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "nv12", "gray"})

Entry = dict[str, Any]


@dataclass(slots=True)
class Following:
    """A take being written. Raises OSError, ValueError and KeyError for files that are gone or damaged."""

    file: Path
    journal: Path
    span: int = 0
    _init: bytes = b""
    _at: int = 0

    def more(self) -> list[Entry]:
        """Fragments that became durable since the last call."""
        with self.journal.open("rb") as journal:
            if not self._at:
                first = journal.readline()
                if not first.endswith(b"\n"):
                    return []
                header = json.loads(first)
                self.span = int(header["span"])
                with self.file.open("rb") as take:
                    self._init = take.read(int(header["init"]))
                end = journal.seek(0, 2)
                self._at = max(len(first), end - _TAIL)
                if self._at > len(first):
                    journal.seek(self._at)
                    self._at += len(journal.readline())  # the tail begins within a line
            journal.seek(self._at)
            text = journal.read()
        text = text[: text.rfind(b"\n") + 1]
        self._at += len(text)
        return [json.loads(line) for line in text.splitlines()]

    def read(self, entries: list[Entry]) -> io.BytesIO:
        """These fragments as a file of their own."""
        parts = [self._init]
        with self.file.open("rb") as take:
            for entry in entries:
                take.seek(entry["off"])
                parts.append(take.read(entry["len"]))
        return io.BytesIO(b"".join(parts))


class Viewer:
    """Looks at one camera's takes."""

    def __init__(self, table: JudgeTable, *, known: bool = False) -> None:
        self.judge = PictureJudge(table, known=known)
        self._before: deque[measures.Grey] = deque(maxlen=MEMORY)
        self._looked = float("-inf")

    def follow(self, following: Following) -> float | None:
        """Look at the new keyframes; returns the instant of the last one."""
        seen: float | None = None
        for entry in following.more():
            at = entry["mono"] - entry["d"]
            if not entry["key"] or at - self._looked < SPACING:
                continue
            self._looked = at
            grey = first_picture(following.read([entry]))
            if grey is not None:
                self.see(at, grey)
                seen = at
        return seen

    def see(self, at: float, grey: measures.Grey) -> None:
        self.judge.see(at, measures.picture(grey, self._before))
        self._before.append(grey)


class Listener:
    """Listens to one microphone's takes."""

    def __init__(self, table: JudgeTable) -> None:
        self.judge = SoundJudge(table)
        self._waiting: list[Entry] = []
        self._rest: NDArray[np.float32] = np.zeros(0, np.float32)

    def follow(self, following: Following) -> float | None:
        """Listen to what is new; returns the instant until which was heard."""
        self._waiting += following.more()
        if sum(entry["d"] for entry in self._waiting) < HEARING:
            return None
        entries, self._waiting = self._waiting, []
        samples, rate = all_sound(following.read(entries))
        return self.hear(entries[0]["mono"] - entries[0]["d"], samples, rate)

    def changed(self) -> None:
        """Another take begins."""
        self._waiting.clear()
        self._rest = self._rest[:0]

    def hear(self, at: float, samples: NDArray[np.float32], rate: int) -> float | None:
        """samples: mono, -1 to 1."""
        at -= len(self._rest) / rate
        samples = np.concatenate([self._rest, samples])
        seconds = measures.sound(samples, rate)
        self._rest = samples[len(seconds) * rate :]
        for number, second in enumerate(seconds):
            self.judge.hear(at + number, second)
        return at + len(seconds) if seconds else None


def first_picture(file: io.BytesIO) -> measures.Grey | None:
    """The first picture of a take's init and a fragment that begins with a keyframe, small and grey; None if there is
    none. Raises ValueError, av.FFmpegError."""
    parts = read_stream(file.read)
    header, fragment = next(parts, None), next(parts, None)
    if not isinstance(header, Header) or not isinstance(fragment, Fragment):
        return None
    # The fragment is not opened as a file, for FFmpeg would decode several pictures to learn what is in it.
    with av.open(io.BytesIO(header.data), mode="r", format="mp4") as container:
        if not container.streams.video:
            return None
        told = container.streams.video[0].codec_context
        decoder = av.CodecContext.create(told.name, "r")
        if not isinstance(decoder, av.VideoCodecContext):
            return None
        decoder.extradata = told.extradata
    decoder.thread_type = "NONE"
    decoder.thread_count = 1
    decoder.options = {"skip_loop_filter": "all"}  # it smoothes what is made small anyway
    frames = [*decoder.decode(av.Packet(first_sample(fragment))), *decoder.decode(None)]
    return grey_of(frames[0]) if frames else None


def grey_of(frame: av.VideoFrame) -> measures.Grey:
    """A frame's brightness at 320×180."""
    if frame.format.name not in _EIGHT_BITS:
        frame = frame.reformat(format="gray")
    plane = frame.planes[0]
    luma = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[: frame.height, : frame.width]
    full = frame.format.name.startswith(("yuvj", "gray")) or int(frame.color_range) == 2
    return measures.small(np.ascontiguousarray(luma), full_range=full)


def all_sound(file: io.BytesIO) -> tuple[NDArray[np.float32], int]:
    """(mono samples, samples a second). Without the first frame, which cannot be decoded alone."""
    pieces: list[NDArray[np.float32]] = []
    rate = 48_000
    with av.open(file, mode="r", format="mp4") as container:
        for number, frame in enumerate(container.decode(audio=0)):
            rate = frame.sample_rate
            if number:
                pieces.append(_mono(frame))
    return (np.concatenate(pieces) if pieces else np.zeros(0, np.float32)), rate


def _mono(frame: av.AudioFrame) -> NDArray[np.float32]:
    array = frame.to_ndarray()
    if array.dtype != np.float32:
        raise ValueError(f"Sound of the form {frame.format.name} is not what AAC decodes to.")
    return np.asarray(array.mean(axis=0), np.float32)


@dataclass(slots=True)
class Bench:
    """All sources of the room."""

    table: JudgeTable
    judges: dict[str, Viewer | Listener] = field(default_factory=dict)
    takes: dict[str, Following] = field(default_factory=dict)
    told: dict[str, dict[str, Verdict]] = field(default_factory=dict)
    proved: set[str] = field(default_factory=set)

    def order(self, takes: dict[str, dict[str, Any]]) -> None:
        """Follow these from now on."""
        for source in self.takes.keys() - takes.keys():
            del self.takes[source]
        for source, take in takes.items():
            known = self.takes.get(source)
            if known is not None and str(known.file) == take["file"]:
                continue
            self.takes[source] = Following(Path(take["file"]), Path(take["journal"]))
            judge = self.judges.get(source)
            if judge is None:
                video = take["media"] == "video"
                self.judges[source] = Viewer(self.table, known=take["known"]) if video else Listener(self.table)
            elif isinstance(judge, Listener):
                judge.changed()

    def look(self) -> Iterator[dict[str, Any]]:
        """What there is to report now."""
        for source, following in self.takes.items():
            judge = self.judges[source]
            try:
                at = judge.follow(following)
            except (OSError, ValueError, KeyError, av.FFmpegError):
                continue  # garbage and vanished files are the recorder's business; the next fragment may be good
            if isinstance(judge, Viewer) and judge.judge.proved and source not in self.proved:
                self.proved.add(source)
                yield {"source": source, "proved": True}
            standing = judge.judge.standing
            if at is not None and standing.keys() != self.told.get(source, {}).keys():
                self.told[source] = standing
                yield {
                    "source": source,
                    "span": following.span,
                    "at": at,
                    "standing": [asdict(verdict) for verdict in standing.values()],
                }


def main() -> None:
    """Judge until the input ends."""
    lines = _lines(0)
    bench = Bench(JudgeTable.model_validate_json(next(lines) or "{}"))
    for line in lines:
        if line is not None:
            bench.order(json.loads(line)["takes"])
        for report in bench.look():
            sys.stdout.write(json.dumps(report) + "\n")
            sys.stdout.flush()


def _lines(descriptor: int) -> Iterator[str | None]:
    """Lines as they come, and None when none has come for a while."""
    rest = b""
    while True:
        if b"\n" in rest:
            line, _, rest = rest.partition(b"\n")
            yield line.decode()
        elif select.select([descriptor], [], [], POLL)[0]:
            data = os.read(descriptor, 1 << 16)
            if not data:
                return
            rest += data
        else:
            yield None


if __name__ == "__main__":
    main()
