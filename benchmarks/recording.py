"""CPU of recording one source, daemon, keeper, capture and spool counted, beside FFmpeg doing nothing but the capture.

Both are measured from their start to half a minute after their first byte; the daemon's idle cost is in ours.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
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
from tests.peers.rtsp_camera import rtsp_camera

RUNS = 3
SECONDS = 30.0
FPS = 30
UNIT = "core-s/s"

ONLY_RECORDING = "renditions = false\n\n[judge]\nenabled = false\n\n"
"""End of ``[recorder]``, and no judge: what is compared with FFmpeg is recording alone."""


def copy(folder: Path) -> Iterator[Figure]:
    """One RTSP 1080p30 camera, its H.264 copied; nobody watches the preview."""
    folder.mkdir()
    with rtsp_camera(folder, clip=camera_clip()) as camera:
        output = folder / "peer.mp4"
        plain = ["ffmpeg", "-nostdin", "-v", "error", "-y", "-rtsp_transport", "tcp", "-i", camera.url]
        peer = [*plain, "-map", "0:v:0", "-c", "copy", *FRAGMENTED, str(output)]

        @contextmanager
        def running(run: Run) -> Iterator[None]:
            with ending(run.start(peer, folder / "peer.log")):
                yield

        with room.running(folder / "room", f"[recorder]\n{ONLY_RECORDING}{room.rtsp(camera.url)}") as filmed:
            ours, theirs = medians("recorder.copy.1", RUNS, partial(_room, filmed), partial(_peer, running, output))
    yield Figure("recorder.copy.1", ours, UNIT, "ffmpeg -c copy", theirs)


def encode(folder: Path) -> Iterator[Figure]:
    """One simulated 720p30 camera, encoded; the peer is the same FFmpeg command on the same feeder, into a file."""
    folder.mkdir()
    config = tables.RecorderTable(height=720, fps=FPS)
    plan = Encode(config.height, config.fps, config.crf, config.max_kbit * 1000, config.audio_kbit * 1000)
    capture = sim.Driver(sim.SimCameraConfig(id="front", driver="sim", fps=FPS)).capture()
    command = capture_command(capture, plan, "ffmpeg", config.fragment_seconds)
    output = folder / "peer.mp4"

    @contextmanager
    def running(run: Run) -> Iterator[None]:
        assert command.feeder is not None
        read, write = os.pipe()
        fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, PIPE_BYTES)  # as ours, so that only the recorder differs
        log = folder / "peer.log"
        with ExitStack() as stack:
            stack.enter_context(ending(run.start([*command.ffmpeg[:-1], "-y", str(output)], log, stdin=read)))
            stack.enter_context(ending(run.start(command.feeder, log, stdout=write)))
            os.close(read)
            os.close(write)
            yield

    camera = f'[[camera]]\nid = "front"\ndriver = "sim"\nfps = {FPS}\n'
    devices = f"[recorder]\nheight = 720\nfps = {FPS}\n{ONLY_RECORDING}{camera}"
    with room.running(folder / "room", devices) as simulation:
        ours, theirs = medians("recorder.encode.1", RUNS, partial(_room, simulation), partial(_peer, running, output))
    yield Figure("recorder.encode.1", ours, UNIT, "the same FFmpeg and feeder", theirs)


def _room(measured: room.Room) -> float:
    """CPU seconds of a recorded second, by the daemon and all that it starts."""
    before = measured.run.cpu()
    measured.start_lesson(1)
    time.sleep(SECONDS)
    spent = measured.run.cpu() - before
    measured.stop_lesson()
    return spent / SECONDS


def _peer(running: Callable[[Run], AbstractContextManager[None]], output: Path) -> float:
    """The same of the peer."""
    output.unlink(missing_ok=True)
    run = Run()
    with running(run):
        wait_until(lambda: output.exists() and output.stat().st_size > 0, 30, "the peer's first byte")
        time.sleep(SECONDS)
        return run.cpu() / SECONDS
