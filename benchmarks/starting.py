"""From the touch on Start to the first byte that a power cut cannot take."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks import room
from benchmarks.footage import camera_clip
from benchmarks.harness import Figure, medians, note
from tests.peers.rtsp_camera import rtsp_camera

RUNS = 7


def simulated(folder: Path) -> Iterator[Figure]:
    with room.running(folder, room.SIMULATED) as simulation:
        yield _figure("start.simulated", simulation, 2)


def rtsp(folder: Path) -> Iterator[Figure]:
    folder.mkdir()
    with (
        rtsp_camera(folder, clip=camera_clip()) as camera,
        room.running(folder, room.rtsp(camera.url)) as filmed,
    ):
        yield _figure("start.rtsp", filmed, 1)


def _figure(name: str, measured: room.Room, sources: int) -> Figure:
    last: list[float] = []

    def start() -> float:
        first, all_of_them = measured.start_lesson(sources)
        last.append(all_of_them)
        measured.stop_lesson()
        return first

    (seconds,) = medians(name, RUNS, start)
    note(f"{name}: every source after {sorted(last)[len(last) // 2]:.3f} s (median), {max(last):.3f} s at worst")
    return Figure(name, seconds, "s")
