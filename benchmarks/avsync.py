"""How far sound and picture, and two pictures, are apart in what people download, when every device has a clock of its
own: a camera in time, a camera whose crystal is off, and a microphone whose crystal runs 200 ppm fast.

All three see or hear one event, a flash and a beep at every second second of the monotonic clock; a real room records
them, and what is measured are the assembled files, decoded.

    python -m benchmarks.avsync 30      a lesson of thirty minutes, with the figures of each third on standard error
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from appliance.export import export_lesson
from benchmarks import room
from benchmarks.harness import Figure, note
from benchmarks.recording import ONLY_RECORDING
from tests.measure import Offset, flashes, flashes_and_beeps
from tests.peers.crystal import DEVICE, crystal_microphone
from tests.peers.rtsp_camera import rtsp_camera

SOUND_PPM, CAMERA_PPM = 200, -200
"""The camera's is negative because GStreamer holds back what its clock says is of the future: a fast one would hide."""
MINUTES = 3.0
FPS, SIZE = 25, "320x180"
WARM_UP = 4.0
"""Seconds at the beginning that are not counted: the encoders' and the sound system's first pictures and blocks."""
WINDOW = 20.0
"""Seconds at the start, the middle and the end whose median offset counts: ten flashes each."""


def offset(folder: Path, minutes: float = MINUTES) -> Iterator[Figure]:
    """Worst median offset of start, middle and end; sound against either picture, then picture against picture."""
    files = _lesson(folder, minutes * 60)
    lasted = f"ms, of {minutes:g} min"
    found = [_worst(name, flashes_and_beeps(files / f"{name}.mp4")) for name in ("front", "side")]
    yield Figure("avsync.offset", max(found), lasted)
    yield Figure("avsync.pictures", _worst("side against front", _pictures(files)), lasted)


def _lesson(folder: Path, seconds: float) -> Path:
    """The folder of a recorded lesson's finished files."""
    folder.mkdir()
    with ExitStack() as stack:
        front = stack.enter_context(rtsp_camera(folder, mode="flash", fps=FPS, size=SIZE))
        side = stack.enter_context(rtsp_camera(folder, mode="flash", fps=FPS, size=SIZE, ppm=CAMERA_PPM))
        os.environ.update(crystal_microphone(SOUND_PPM))
        cameras = "".join(
            f'[[camera]]\nid = "{name}"\ndriver = "rtsp"\nurl = "{camera.url}"\n\n'
            for name, camera in (("front", front), ("side", side))
        )
        lectern = f'[[microphone]]\nid = "lectern"\ndriver = "portaudio"\ndevice = "{DEVICE}"\n'
        filmed = stack.enter_context(room.running(folder / "room", f"[recorder]\n{ONLY_RECORDING}{cameras}{lectern}"))
        filmed.start_lesson(3)
        time.sleep(seconds)
        filmed.stop_lesson()
        (lesson,) = filmed.lessons()
        export_lesson(filmed.spool, lesson, folder / "files")
    return folder / "files"


def _pictures(files: Path) -> list[Offset]:
    """Each flash of the first camera, and how much later the other one has it."""
    other = flashes(files / "side.mp4")
    pairs = [(at, min(other, key=lambda seen: abs(seen - at))) for at in flashes(files / "front.mp4")]
    return [Offset(at, (seen - at) * 1000) for at, seen in pairs if abs(seen - at) < 0.9]


def _worst(name: str, pairs: Sequence[Offset]) -> float:
    """Milliseconds: the largest of the three windows' medians."""
    begin, end = pairs[0].at + WARM_UP, pairs[-1].at
    middle = (begin + end) / 2
    windows = {
        "start": (begin, begin + WINDOW),
        "middle": (middle - WINDOW / 2, middle + WINDOW / 2),
        "end": (end - WINDOW, end),
    }
    medians = {
        when: statistics.median(pair.ms for pair in pairs if first <= pair.at <= last)
        for when, (first, last) in windows.items()
    }
    note(f"{name}: {len(pairs)} flashes, ms: " + "  ".join(f"{when} {ms:+.1f}" for when, ms in medians.items()))
    return max(map(abs, medians.values()))


def main() -> None:
    minutes = float(sys.argv[1])
    with tempfile.TemporaryDirectory(prefix="darsbox-bench-") as folder:
        for figure in offset(Path(folder) / "avsync", minutes):
            print(figure.line(), flush=True)


if __name__ == "__main__":
    main()
