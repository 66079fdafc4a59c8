"""An RTSP camera made of GStreamer's RTSP server.

As a module: ``with rtsp_camera(tmp_path, clip=...) as camera: camera.url``.
As a program (by the system's Python, which has ``gi``): ``/usr/bin/python3 rtsp_camera.py --clip FILE.mp4``; it prints
``{"port": n}`` once it listens.

What it shows: a clip (its packets untouched, so that recordings can be compared bit by bit; the stream ends with the
clip), a live encode with motion (``live``), or a live encode that flashes white for 100 ms at every even multiple of
two seconds of the monotonic clock (``flash``), for measuring sound against picture. Every client gets its own pipeline.
With ``ppm`` the camera's own clock, which stamps its pictures, runs fast by that many millionths.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any

PYTHON = "/usr/bin/python3"
WIDTH, HEIGHT = 640, 360
FLASH_PERIOD, FLASH_SECONDS = 2.0, 0.1


@dataclass(frozen=True)
class Camera:
    """process: to be killed by a test that wants to see the camera die."""

    url: str
    port: int
    process: subprocess.Popen[bytes]


def make_clip(
    file: Path,
    seconds: float,
    *,
    size: str = "640x360",
    fps: int = 30,
    gop: int = 30,
    codec: str = "libx264",
    rate: str = "1M",
) -> Path:
    """A real encode of a moving, noisy picture; B-frames off, as cameras do."""
    source = f"testsrc2=size={size}:rate={fps}:duration={seconds},noise=alls=8:allf=t"
    encode = ["-c:v", codec, "-preset", "ultrafast", "-b:v", rate, "-g", str(gop), "-bf", "0", "-pix_fmt", "yuv420p"]
    if codec == "libx265":
        encode += ["-x265-params", "log-level=none", "-tag:v", "hvc1"]
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", source, *encode, str(file)], check=True)
    return file


@contextmanager
def rtsp_camera(
    folder: Path,
    *,
    clip: Path | None = None,
    mode: str = "live",
    codec: str = "h264",
    port: int = 0,
    user: str = "",
    password: str = "",
    digest: bool = True,
    fps: int = 25,
    size: str = f"{WIDTH}x{HEIGHT}",
    ppm: float = 0.0,
) -> Iterator[Camera]:
    """A camera at ``camera.url`` until the block ends. port 0 takes a free one; codec: ``h264`` | ``h265`` (of a clip),
    ``jpeg`` (live)."""
    # Only the outside of this module is imported here, so that the program can run under a Python without our packages.
    from tests.peers.program import FIRST, running

    command = [
        *FIRST,
        PYTHON,
        str(Path(__file__)),
        "--port",
        str(port),
        "--codec",
        codec,
        "--fps",
        str(fps),
        "--size",
        size,
    ]
    command += ["--ppm", str(ppm)]
    command += ["--clip", str(clip)] if clip else ["--mode", mode]
    if user:
        command += ["--user", user, "--password", password, "--auth", "digest" if digest else "basic"]
    log = folder / f"rtsp-camera-{time.monotonic_ns()}.log"
    with running(command, log, ready=lambda text: '{"port"' in text) as process:
        line = next(line for line in log.read_text().splitlines() if line.startswith('{"port"'))
        bound = int(json.loads(line)["port"])
        yield Camera(f"rtsp://127.0.0.1:{bound}/cam", bound, process)


# -- the program --------------------------------------------------------------------------------------------------


def launch(options: argparse.Namespace) -> str:
    """GStreamer's description of what one client sees."""
    if options.clip:
        parse, pay = ("h265parse", "rtph265pay") if options.codec == "h265" else ("h264parse", "rtph264pay")
        demux = f"filesrc location={options.clip} ! qtdemux name=d d.video_0 ! queue"
        if options.clip.endswith(".ts"):  # may change its size on the way, which no MP4 can
            demux = f"filesrc location={options.clip} ! tsdemux ! queue"
        return f"( {demux} ! {parse} config-interval=-1 ! {pay} name=pay0 pt=96 )"
    width, height = options.size.split("x")
    shape = f"video/x-raw,format=I420,width={width},height={height},framerate={options.fps}/1"
    encode = (
        f"x264enc tune=zerolatency speed-preset=ultrafast bitrate=1500 key-int-max={options.fps} "
        "! h264parse config-interval=-1 ! rtph264pay name=pay0 pt=96"
    )
    if options.codec == "jpeg":
        encode = "jpegenc ! rtpjpegpay name=pay0 pt=26"
    if options.mode == "flash":
        return f"( appsrc name=source is-live=true do-timestamp=true format=time caps={shape} ! {encode} )"
    return f"( videotestsrc is-live=true pattern=ball motion=wavy ! {shape} ! {encode} )"


def feed_flashes(source: Any, fps: int, width: int, height: int, gst: Any) -> None:
    """Push a frame at every 1/fps of the monotonic clock, white in the first 100 ms of every second second, until the
    pipeline is gone."""
    chroma = bytes([128]) * (width * height // 2)
    dark = bytes([30]) * (width * height) + chroma
    white = bytes([235]) * (width * height) + chroma
    while True:
        due = (int(time.monotonic() * fps) + 1) / fps
        time.sleep(max(0.0, due - time.monotonic()))
        frame = white if (due + 0.001) % FLASH_PERIOD < FLASH_SECONDS else dark
        if source.emit("push-buffer", gst.Buffer.new_wrapped(frame)) != gst.FlowReturn.OK:
            return


def main() -> None:
    import gi

    gi.require_version("Gst", "1.0")
    gi.require_version("GstRtsp", "1.0")
    gi.require_version("GstRtspServer", "1.0")
    from gi.repository import GLib, GObject, Gst, GstRtsp, GstRtspServer

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", default="0")
    parser.add_argument("--clip", default="")
    parser.add_argument("--mode", choices=("live", "flash"), default="live")
    parser.add_argument("--codec", choices=("h264", "h265", "jpeg"), default="h264")
    parser.add_argument("--fps", type=int, default=25)
    parser.add_argument("--size", default=f"{WIDTH}x{HEIGHT}")
    parser.add_argument("--ppm", type=float, default=0.0)
    parser.add_argument("--user", default="")
    parser.add_argument("--password", default="")
    parser.add_argument("--auth", choices=("digest", "basic"), default="digest")
    options = parser.parse_args()
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(options.port)
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(launch(options))
    if options.ppm:
        # Beside the system's one clock, another whose seconds are shorter.
        clock = GObject.new(Gst.SystemClock)
        now = clock.get_internal_time()
        clock.set_calibration(now, now, 1_000_000 + round(options.ppm), 1_000_000)
        factory.set_clock(clock)
    factory.set_shared(False)  # shared pipelines have been seen to wedge when a client vanishes
    if options.mode == "flash" and not options.clip:
        width, height = (int(n) for n in options.size.split("x"))

        def configure(_: Any, media: Any) -> None:
            # A thread of its own: the server's main loop waits for the first frames while it answers DESCRIBE.
            source = media.get_element().get_child_by_name("source")
            Thread(target=feed_flashes, args=(source, options.fps, width, height, Gst), daemon=True).start()

        factory.connect("media-configure", configure)
    if options.user:
        auth = GstRtspServer.RTSPAuth()
        methods = GstRtsp.RTSPAuthMethod
        auth.set_supported_methods(methods.DIGEST if options.auth == "digest" else methods.BASIC)
        token = GstRtspServer.RTSPToken()
        token.set_string("media.factory.role", "reader")
        if options.auth == "digest":
            auth.add_digest(options.user, options.password, token)
        else:
            auth.add_basic(GstRtspServer.RTSPAuth.make_basic(options.user, options.password), token)
        server.set_auth(auth)
        factory.add_role_from_structure(
            Gst.Structure.new_from_string("reader,media.factory.access=true,media.factory.construct=true")
        )
    server.get_mount_points().add_factory("/cam", factory)
    if not server.attach(None):
        sys.exit("the RTSP camera could not take its port")
    sys.stdout.write(json.dumps({"port": server.get_bound_port()}) + "\n")
    sys.stdout.flush()
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
