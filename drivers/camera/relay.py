"""A feeder that has done its part becomes FFmpeg: it hands the camera's own packets on, untouched, as NUT.

For cameras that must be asked or set before each take. NUT is FFmpeg's own container; it keeps every time stamp.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from typing import NoReturn

from drivers.feeding import FeederError

# As for RTSP (see drivers.camera.rtsp): the header says it all, there is no frame rate to be watched for.
INPUT = ("-analyzeduration", "10000000", "-fpsprobesize", "0", "-f", "nut", "-i", "pipe:0")
"""FFmpeg's input arguments for what a relay writes."""


def become_ffmpeg(source: Sequence[str]) -> NoReturn:
    """source: FFmpeg's input arguments. Raises FeederError ``driver-broken``."""
    program = shutil.which("ffmpeg") or _packaged()
    quiet = ("-hide_banner", "-nostdin", "-nostats", "-loglevel", "error")
    give = ("-map", "0:v:0", "-c", "copy", "-flush_packets", "1", "-f", "nut", "pipe:1")
    os.execv(program, [program, *quiet, *source, *give])  # noqa: S606 - as everywhere: an argument list, no shell


def _packaged() -> str:
    import imageio_ffmpeg  # noqa: PLC0415 - not needed where the machine has its own

    try:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as error:
        raise FeederError(
            "driver-broken", "There is no FFmpeg on this machine; install it: apt install ffmpeg."
        ) from error
