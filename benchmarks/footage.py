"""Pictures and sound to record: real H.264 with motion, made once and kept in the machine's temporary folder."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

from benchmarks.harness import note

CACHE = Path(tempfile.gettempdir()) / f"darsbox-bench-{os.getuid()}"
STREET = Path("/usr/share/doc/opencv-doc/examples/data/vtest.avi")
"""Real footage of people walking, from Debian's opencv-doc; without it a moving test picture with noise does."""
CLIP_SECONDS = 45
FRAGMENTED = (
    *("-movflags", "+empty_moov+default_base_moof+delay_moov+frag_keyframe"),
    *("-frag_duration", "250000", "-flush_packets", "1", "-f", "mp4"),
)


def camera_clip() -> Path:
    """45 s of 1080p30 H.264, 4 Mbit/s, a keyframe every second, no B-frames, as a camera sends it."""
    if STREET.exists():
        source = ["-stream_loop", "-1", "-i", str(STREET), "-vf", "scale=1920:1080,fps=30,noise=alls=4:allf=t"]
    else:
        source = ["-f", "lavfi", "-i", "testsrc2=size=1920x1080:rate=30,noise=alls=8:allf=t"]
    encode = ["-c:v", "libx264", "-preset", "veryfast", "-b:v", "4M", "-maxrate", "5M", "-bufsize", "4M"]
    shape = ["-g", "30", "-bf", "0", "-pix_fmt", "yuv420p", "-an", "-t", str(CLIP_SECONDS)]
    return _made("camera-1080p30.mp4", [*source, *encode, *shape, "-f", "mp4"])


def long_takes(minutes: int) -> tuple[Path, Path]:
    """Takes as the recorder leaves them, so many minutes long: pictures and sound."""
    seconds = str(minutes * 60)
    copy = ["-stream_loop", "-1", "-i", str(camera_clip()), "-t", seconds, "-c", "copy", *FRAGMENTED]
    speech = [
        "-f",
        "lavfi",
        "-i",
        f"anoisesrc=r=48000:a=0.05:c=pink:d={seconds}",
        "-ac",
        "1",
        "-c:a",
        "aac",
        "-b:a",
        "96k",
    ]
    return _made(f"video-{minutes}min.mp4", copy), _made(f"audio-{minutes}min.mp4", [*speech, *FRAGMENTED])


def _made(name: str, arguments: list[str]) -> Path:
    file = CACHE / name
    if not file.exists():
        note(f"making {file} (once)")
        CACHE.mkdir(mode=0o700, exist_ok=True)
        part = file.with_suffix(".part")
        subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", *arguments, str(part)], check=True)
        part.replace(file)
    return file
