"""CPU of recording, daemon, keepers, captures and all their children counted, beside FFmpeg doing nothing but the
captures. Nobody's sync agent runs, and no renditions are made.

What is compared with FFmpeg is measured from the touch on Start, its starting included, to half a minute after the
first bytes, and divided by the seconds that were recorded. What stands alone (``recorder.judged.3``) is measured in the
steady state.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from pathlib import Path

from appliance import config as tables
from appliance.recorder.pipeline import capture_command
from appliance.recorder.plan import Encode
from appliance.recorder.process import PIPE_BYTES
from benchmarks import room
from benchmarks.footage import FRAGMENTED, camera_clip
from benchmarks.harness import Figure, Run, ending, medians, wait_until
from drivers.camera import sim
from media import journal as journals
from media.fragments import Fragment, read_stream
from tests.peers.rtsp_camera import rtsp_camera

RUNS = 3
SECONDS = 30.0
SETTLE = 8.0
"""Seconds in which judge and preview, once a lesson, load what they need."""
FPS = 30
UNIT = "core-s/s"
NO_JUDGE = "[judge]\nenabled = false\n\n"
ONLY_RECORDING = f"renditions = false\n\n{NO_JUDGE}"
"""End of ``[recorder]``, and no judge: what is compared with FFmpeg is recording alone."""
ROOM = "[recorder]\nheight = 720\nfps = 30\nrenditions = false\n\n"
ALONE = ROOM + NO_JUDGE


def copy(folder: Path) -> Iterator[Figure]:
    """One RTSP 1080p30 camera, its H.264 copied; nobody watches the preview."""
    yield _copied(folder, "recorder.copy.1", 1)


def copy_three(folder: Path) -> Iterator[Figure]:
    """Three of them."""
    yield _copied(folder, "recorder.copy.3", 3)


def judged(folder: Path) -> Iterator[Figure]:
    """Cores for each of three RTSP 1080p30 cameras that are copied, watched on a panel and judged."""
    folder.mkdir()
    with (
        rtsp_camera(folder, clip=camera_clip()) as camera,
        room.running(folder / "room", f"{ROOM}{room.rtsp(camera.url, 3)}") as filmed,
        filmed.watched(),
    ):
        (cores,) = medians("recorder.judged.3", RUNS, partial(_steady, filmed, 3))
    yield Figure("recorder.judged.3", cores / 3, "cores a source")


def encode(folder: Path) -> Iterator[Figure]:
    """One simulated 720p30 camera, encoded; the peer is the same FFmpeg command on the same feeder, into a file."""
    yield _encoded(folder, "recorder.encode.1", 1, ALONE, watched=False)


def encode_three(folder: Path) -> Iterator[Figure]:
    """Three of them; then with the judge, and watched on a panel."""
    folder.mkdir()
    yield _encoded(folder / "alone", "recorder.encode.3", 3, ALONE, watched=False)
    yield _encoded(folder / "judged", "recorder.encode_judged.3", 3, ROOM, watched=True)


def _copied(folder: Path, name: str, sources: int) -> Figure:
    folder.mkdir()
    with rtsp_camera(folder, clip=camera_clip()) as camera:
        outputs = [folder / f"peer-{number}.mp4" for number in range(sources)]
        plain = ["ffmpeg", "-nostdin", "-v", "error", "-y", "-rtsp_transport", "tcp", "-i", camera.url]

        @contextmanager
        def running(run: Run) -> Iterator[None]:
            with ExitStack() as stack:
                for output in outputs:
                    peer = [*plain, "-map", "0:v:0", "-c", "copy", *FRAGMENTED, str(output)]
                    stack.enter_context(ending(run.start(peer, folder / "peer.log")))
                yield

        with room.running(folder / "room", f"{ALONE}{room.rtsp(camera.url, sources)}") as filmed:
            ours, theirs = medians(name, RUNS, partial(_room, filmed, sources), partial(_peer, running, outputs))
    return Figure(name, ours, UNIT, "ffmpeg -c copy", theirs)


def _encoded(folder: Path, name: str, sources: int, settings: str, *, watched: bool) -> Figure:
    folder.mkdir()
    config = tables.RecorderTable(height=720, fps=FPS)
    plan = Encode(config.height, config.fps, config.crf, config.max_kbit * 1000, config.audio_kbit * 1000)
    capture = sim.Driver(sim.SimCameraConfig(id="front", driver="sim", fps=FPS)).capture()
    command = capture_command(capture, plan, "ffmpeg", config.fragment_seconds)
    feeder = command.feeder
    assert feeder is not None
    outputs = [folder / f"peer-{number}.mp4" for number in range(sources)]

    def start(stack: ExitStack, run: Run, output: Path) -> None:
        log = folder / "peer.log"
        read, write = os.pipe()
        fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, PIPE_BYTES)  # as ours, so that only the recorder differs
        stack.enter_context(ending(run.start([*command.ffmpeg[:-1], "-y", str(output)], log, stdin=read)))
        stack.enter_context(ending(run.start(feeder, log, stdout=write)))
        os.close(read)
        os.close(write)

    @contextmanager
    def running(run: Run) -> Iterator[None]:
        with ExitStack() as stack:
            for output in outputs:
                start(stack, run, output)
            yield

    cameras = "".join(f'[[camera]]\nid = "camera-{number}"\ndriver = "sim"\nfps = {FPS}\n' for number in range(sources))
    with room.running(folder / "room", settings + cameras) as simulation, ExitStack() as stack:
        if watched:
            stack.enter_context(simulation.watched())
        ours, theirs = medians(name, RUNS, partial(_room, simulation, sources), partial(_peer, running, outputs))
    return Figure(name, ours, UNIT, "the same FFmpeg and feeder", theirs)


def _room(measured: room.Room, sources: int) -> float:
    """CPU seconds of a recorded second of all sources, by the daemon and all that it starts."""
    known, before = measured.lessons(), measured.run.cpu()
    measured.start_lesson(sources)
    time.sleep(SECONDS)
    spent = measured.run.cpu() - before
    recorded = [journals.read(file).seconds for file in measured.journals(known)]
    measured.stop_lesson()
    assert len(recorded) == sources
    return spent / (sum(recorded) / sources)


def _steady(measured: room.Room, sources: int) -> float:
    """Cores taken in the midst of a lesson."""
    measured.start_lesson(sources)
    time.sleep(SETTLE)
    before, began = measured.run.cpu(), time.monotonic()
    time.sleep(SECONDS)
    cores = (measured.run.cpu() - before) / (time.monotonic() - began)
    measured.stop_lesson()
    return cores


def _peer(running: Callable[[Run], AbstractContextManager[None]], outputs: Sequence[Path]) -> float:
    """CPU seconds of a recorded second of the peer."""
    for output in outputs:
        output.unlink(missing_ok=True)
    run = Run()
    with running(run):
        wait_until(lambda: all(map(_begun, outputs)), 30, "the peer's first byte")
        time.sleep(SECONDS)
        spent = run.cpu()
        recorded = [_seconds(output) for output in outputs]
    return spent / (sum(recorded) / len(outputs))


def _begun(output: Path) -> bool:
    return output.exists() and output.stat().st_size > 0


def _seconds(output: Path) -> float:
    """Seconds that a growing fragmented MP4 holds so far."""
    with output.open("rb") as file:
        return max(part.time + part.seconds for part in read_stream(file.read) if isinstance(part, Fragment))
