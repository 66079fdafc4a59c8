"""Fragments that come late while something else takes the machine: three sources, and 95 % of every processor burnt.

A fragment is late when it is durable more than a second after its last picture (of a camera whose true instants nobody
knows: after the earliest that it was ever seen to deliver). The keepers count, for a journal is written before the disk
has said yes.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from pathlib import Path

from benchmarks import room
from benchmarks.footage import camera_clip
from benchmarks.harness import Figure, ending, note
from tests.peers.rtsp_camera import rtsp_camera

SECONDS = 60.0
SHARE = 0.95
BURN = f"""
import time
while True:
    began = time.monotonic()
    while time.monotonic() - began < {SHARE} * 0.1:
        pass
    time.sleep({1 - SHARE} * 0.1)
"""


@contextmanager
def burning() -> Iterator[None]:
    """A process for each processor, in a session of its own as another program's would be, and not niced."""
    with ExitStack() as stack:
        for _ in os.sched_getaffinity(0):
            process = subprocess.Popen([sys.executable, "-S", "-c", BURN], start_new_session=True)
            stack.enter_context(ending(process))
        yield


def fragments(folder: Path) -> Iterator[Figure]:
    """The number of late ones in a minute."""
    folder.mkdir()
    devices = '[[camera]]\nid = "board"\ndriver = "sim"\n\n[[microphone]]\nid = "lectern"\ndriver = "sim"\n\n'
    with rtsp_camera(folder, clip=camera_clip()) as camera:
        wanted = f"[recorder]\nrenditions = false\n\n{devices}{room.rtsp(camera.url)}"
        with room.running(folder / "room", wanted) as taught:
            taught.start_lesson(3)
            time.sleep(5)
            before = _late(taught)
            with burning():
                time.sleep(SECONDS)
                after = _late(taught)
                health = taught.status()["health"]["code"]
            taught.stop_lesson()
            worst = max(_holes(taught))
    note(f"health under load: {health}; longest time between two fragments {worst:.2f} s")
    yield Figure("recorder.late_fragments", sum(after.values()) - sum(before.values()), "count")


def _late(taught: room.Room) -> dict[str, int]:
    return {source["id"]: source["late_fragments"] for source in taught.status()["sources"]}


def _holes(taught: room.Room) -> Iterator[float]:
    """Seconds between the arrivals of two fragments, the most of each take."""
    for file in (taught.spool / "lessons").glob("*/*/take-*.journal"):
        instants = [float(line.partition('"mono":')[2].partition(",")[0]) for line in file.read_text().splitlines()[1:]]
        yield max((later - earlier for earlier, later in pairwise(instants)), default=0.0)
