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
MAX_PICTURE = 4 << 20
"""Bytes without the end of a picture after which the stream is no row of JPEGs."""
_TAIL = 64 << 10
"""Bytes of a journal's end in which a keyframe is looked for: more than a minute."""
_QUIET = ("-hide_banner", "-nostdin", "-loglevel", "error")
_LIGHT = ("-threads", "1", "-skip_loop_filter", "all")
"""A preview may be a little coarse; it may not cost what a recording costs."""
_OUTPUT = (
    *("-map", "0:v:0", "-vf", f"fps={FPS},scale='min({WIDTH},iw)':-2:flags=fast_bilinear,format=yuvj420p"),
    *("-threads", "1", "-c:v", "mjpeg", "-q:v", "6", "-f", "mjpeg", "-flush_packets", "1", "pipe:1"),
)


def device_command(ffmpeg: str, capture: Capture) -> list[str]:
    """Pictures straight from the device, while nothing is recorded."""
    return [ffmpeg, *_QUIET, *_LIGHT, *capture.input, *_OUTPUT]


def follow_command(ffmpeg: str) -> list[str]:
    """Pictures from fragments on standard input, while the source is recorded."""
    probe = ("-probesize", "32768", "-analyzeduration", "0", "-fflags", "nobuffer")
    return [ffmpeg, *_QUIET, *_LIGHT, *probe, "-f", "mp4", "-i", "pipe:0", *_OUTPUT]


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
    """Reads a take that is still being written, from its last keyframe on. Blocking; call it in a thread."""

    file: Path
    journal: Path
    _at: int = field(default=0, init=False)
    """Bytes of the journal read so far; 0 before the beginning was found."""
    _synced: bool = field(default=False, init=False)

    def more(self) -> bytes:
        """Durable bytes not given before: first the take's init and its last keyframe's fragment. Raises OSError."""
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
            entries = [json.loads(line) for line in text.splitlines()]
            if not self._synced:
                keys = [number for number, entry in enumerate(entries) if entry["key"]]
                self._synced = bool(keys)
                entries = entries[keys[-1] :] if keys else []
            for entry in entries:
                take.seek(entry["off"])
                data += take.read(entry["len"])
            return data
