"""From a source to a row of small JPEG pictures: the commands (pure), the splitter, and the follower of a growing take.

A take that is being written is followed by its journal alone: what the journal lists is durable and never changes, so
a viewer can neither see what is not there yet nor disturb who writes it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from drivers.protocols import Capture

FPS = 5
WIDTH = 640
SPACING = 1.5
"""Least seconds between two pictures of a take being written: a camera's keyframe in 1080p takes 30 ms to decode, which
is as much as recording four seconds of it."""
MAX_PICTURE = 4 << 20
"""Bytes without the end of a picture after which the stream is no row of JPEGs."""
_TAIL = 64 << 10
"""Bytes of a journal's end in which a keyframe is looked for: more than a minute."""
_QUIET = ("-hide_banner", "-nostdin", "-loglevel", "error")
_LIGHT = ("-threads", "1", "-skip_loop_filter", "all")
"""A preview may be a little coarse; it may not cost what a recording costs."""
_SMALL = f"scale='min({WIDTH},iw)':-2:flags=fast_bilinear,format=yuvj420p"
_OUTPUT = ("-threads", "1", "-c:v", "mjpeg", "-q:v", "6", "-f", "mjpeg", "-flush_packets", "1", "pipe:1")


def device_command(ffmpeg: str, capture: Capture) -> list[str]:
    """Pictures straight from the device, while nothing is recorded."""
    return [ffmpeg, *_QUIET, *_LIGHT, *capture.input, "-map", "0:v:0", "-vf", f"fps={FPS},{_SMALL}", *_OUTPUT]


def follow_command(ffmpeg: str) -> list[str]:
    """Pictures from fragments on standard input, while the source is recorded: its keyframes, for all the others cost
    eight times as much as recording does. They are shown as they come."""
    probe = ("-probesize", "32768", "-analyzeduration", "0", "-fflags", "nobuffer")
    keys = ("-skip_frame", "nokey", "-flags", "low_delay")
    shown = ("-map", "0:v:0", "-vf", _SMALL, "-vsync", "vfr")
    return [ffmpeg, *_QUIET, *_LIGHT, *keys, *probe, "-f", "mp4", "-i", "pipe:0", *shown, *_OUTPUT]


class JpegSplitter:
    """Cuts FFmpeg's ``-f mjpeg`` into pictures. FF D9 cannot stand inside one: there FF is always stuffed."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Whole pictures that these bytes completed. Raises ValueError when they are no pictures at all."""
        start = max(0, len(self._rest) - 1)
        self._rest += data
        pictures = []
        while (end := self._rest.find(b"\xff\xd9", start)) >= 0:
            pictures.append(bytes(self._rest[: end + 2]))
            del self._rest[: end + 2]
            start = 0
        if len(self._rest) > MAX_PICTURE:
            raise ValueError("The decoder sends no pictures.")
        return pictures


@dataclass(slots=True)
class TakeReader:
    """Reads a take that is still being written: of what is durable, the newest fragment that begins with a keyframe.
    Blocking; call it in a thread."""

    file: Path
    journal: Path
    _at: int = field(default=0, init=False)
    """Bytes of the journal read so far; 0 before the beginning was found."""
    _shown: float = field(default=-SPACING, init=False)
    """Media time of the last keyframe given."""

    def more(self) -> bytes:
        """The newest keyframe's fragment, if it was not given before; first the take's init too. Raises OSError."""
        with self.journal.open("rb") as journal, self.file.open("rb") as take:
            data = b""
            if not self._at:
                first = journal.readline()
                if not first.endswith(b"\n"):
                    return b""
                data = take.read(int(json.loads(first)["init"]))
                journal.seek(0, 2)
                self._at = max(len(first), journal.tell() - _TAIL)
                journal.seek(self._at)
                if self._at > len(first):
                    self._at += len(journal.readline())  # the tail begins within a line
            journal.seek(self._at)
            text = journal.read()
            text = text[: text.rfind(b"\n") + 1]
            self._at += len(text)
            for entry in reversed([json.loads(line) for line in text.splitlines()]):
                if entry["key"] and entry["t"] - self._shown >= SPACING:
                    self._shown = entry["t"]
                    take.seek(entry["off"])
                    return data + take.read(entry["len"])
            return data
