"""From a planned source to the command that captures it. Pure.

Every capture ends in the same form: one track of fragmented MP4 on standard output. FFmpeg begins a fragment at each
keyframe and whenever the last one has its length, and flushes it at once, for what waits in a buffer is lost in a
power cut.
"""

from __future__ import annotations

from dataclasses import dataclass

from appliance.recorder.plan import Encode, Encoder
from drivers.protocols import Capture

KEYFRAME_SECONDS = 2
"""Between keyframes of what is encoded here: seeking stays quick and still pictures stay small."""
FIRST_SECONDS = 0.02
"""The second picture is a keyframe too and ends the first fragment: a touch on Start is on the disk at once."""
COPIED_FRAGMENT = 0.48
"""Seconds. A camera's own stream has no encoder that holds pictures back, so its fragments may be nearly as long as a
power cut may cost; each costs a few system calls and two syncs. Whole pictures make it half a second, and two of them
fill the second between a camera's keyframes: a little less would leave a third, of two pictures."""


@dataclass(frozen=True, slots=True)
class Command:
    """Argument vectors of the two programs; the feeder's output is FFmpeg's input."""

    ffmpeg: list[str]
    feeder: list[str] | None
    env: dict[str, str]


def capture_command(capture: Capture, encode: Encode, ffmpeg: str, fragment_seconds: float) -> Command:
    """The capture as it is recorded."""
    if capture.copy:
        fragment_seconds = max(fragment_seconds, COPIED_FRAGMENT)
    codec = _audio(encode) if capture.media == "audio" else (["-c:v", "copy"] if capture.copy else _video(encode))
    argv = [
        ffmpeg,
        *("-hide_banner", "-nostats", "-loglevel", "error"),
        *([] if capture.feeder else ["-nostdin"]),
        *([] if capture.copy or capture.media == "audio" else _device(encode.encoder)),
        *capture.input,
        *("-map", "0:a:0" if capture.media == "audio" else "0:v:0"),
        *codec,
        *("-movflags", _SOUND_FLAGS if capture.media == "audio" else _PICTURE_FLAGS),
        *("-frag_duration", str(round(fragment_seconds * 1_000_000)), "-flush_packets", "1"),
        *("-f", "mp4", "pipe:1"),
    ]
    return Command(argv, list(capture.feeder) if capture.feeder else None, dict(capture.env))


_SOUND_FLAGS = "+empty_moov+default_base_moof+delay_moov"
_PICTURE_FLAGS = f"{_SOUND_FLAGS}+frag_keyframe"
_KEYFRAMES = f"expr:gte(t,if(gt(n_forced,1),(n_forced-1)*{KEYFRAME_SECONDS},n_forced*{FIRST_SECONDS}))"


def _device(encoder: Encoder) -> list[str]:
    """FFmpeg's global options for the hardware."""
    if encoder.name == "h264_vaapi":
        return ["-vaapi_device", encoder.device]
    if encoder.name == "h264_qsv":
        return ["-qsv_device", encoder.device]
    return []


def _video(encode: Encode) -> list[str]:
    encoder = encode.encoder
    fewer = f"fps={encode.most_fps}," if encode.most_fps else ""
    # Never larger than planned, never scaled up, and even sizes, which H.264 with 4:2:0 needs.
    scaled = f"{fewer}scale=-2:'trunc(min({encode.height},ih)/2)*2':flags=bilinear"
    rate, twice = str(encode.video_rate), str(2 * encode.video_rate)
    options = {
        "libx264": ("-preset", encoder.preset, "-tune", "zerolatency", "-crf", str(encode.crf)),
        # Hardware is asked for a rate, for each maker means something else by quality. Every one is told to hold no
        # picture back: async_depth, delay and look_ahead are their names for that. A forced keyframe must be one that a
        # decoder can begin with (IDR), which two of them do only if asked.
        "h264_vaapi": ("-rc_mode", "VBR", "-b:v", rate, "-async_depth", "1"),
        "h264_qsv": ("-preset", "veryfast", "-b:v", rate, "-async_depth", "1", "-look_ahead", "0", "-forced_idr", "1"),
        "h264_v4l2m2m": ("-b:v", rate),
        "h264_nvenc": (
            *("-preset", "p3", "-tune", "ull", "-rc", "vbr", "-b:v", rate),
            *("-delay", "0", "-zerolatency", "1", "-forced-idr", "1"),
        ),
    }
    form = {"h264_vaapi": "format=nv12,hwupload", "h264_qsv": "format=nv12"}.get(encoder.name, "format=yuv420p")
    return [
        *("-vf", f"{scaled},{form}"),
        *("-c:v", encoder.name, *options.get(encoder.name, ()), "-bf", "0"),
        *("-maxrate", rate, "-bufsize", twice),
        *("-force_key_frames", _KEYFRAMES, "-g", str(encode.fps * KEYFRAME_SECONDS * 2)),
    ]


def _audio(encode: Encode) -> list[str]:
    return ["-c:a", "aac", "-b:a", str(encode.audio_rate), "-ac", "1", "-ar", "48000"]
