"""From configuration to what shall be recorded. Pure: touches no device and no file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from appliance.config import Config, Device, RecorderTable
from appliance.recorder.status import Problem
from drivers.errors import DriverError
from drivers.protocols import Capture, Media

COPIED_VIDEO_BYTES = 500_000
"""Bytes a second to expect of a camera's own H.264 (4 Mbit/s), until it has been measured."""


FASTEST = "ultrafast"


@dataclass(frozen=True, slots=True)
class Encoder:
    """FFmpeg's name of an H.264 encoder. preset: x264's; device: the node of one that is hardware, else empty."""

    name: str = "libx264"
    preset: str = "superfast"
    device: str = ""


SAFE = Encoder()
"""Works on every machine; taken as long as no trial has found a better one (``recorder.encoders``)."""


@dataclass(frozen=True, slots=True)
class Encode:
    """How a source that does not deliver H.264 is encoded. Rates in bit/s.

    fps: pictures a second to expect; most_fps: more than these are left out, 0 for none.
    """

    height: int
    fps: int
    crf: int
    video_rate: int
    audio_rate: int
    encoder: Encoder = SAFE
    most_fps: int = 0


@dataclass(frozen=True, slots=True)
class Quality:
    """What of the quality is given up. load: 0 nothing, 1 a faster preset, 2 fewer and smaller pictures too;
    disk: half the bytes."""

    load: int = 0
    disk: bool = False


FULL_QUALITY = Quality()
LEAST_FPS = 10
LEAST_HEIGHT = 360


def eased(encode: Encode, quality: Quality) -> Encode:
    """The same with less quality. Sound is never touched: it is what a lesson cannot do without."""
    if quality.load and encode.encoder.preset:
        encode = replace(encode, encoder=replace(encode.encoder, preset=FASTEST))
    if quality.load > 1 or (quality.load and not encode.encoder.preset):
        fewer = min(encode.fps, max(LEAST_FPS, encode.fps * 3 // 5))
        height = min(encode.height, max(LEAST_HEIGHT, encode.height * 2 // 3 // 2 * 2))
        encode = replace(encode, fps=fewer, most_fps=fewer, height=height)
    if quality.disk:
        encode = replace(encode, crf=min(40, encode.crf + 5), video_rate=encode.video_rate // 2)
    return encode


@dataclass(frozen=True, slots=True)
class SourcePlan:
    """One source. capture is None when it cannot be recorded as configured, and problem says why.

    expected_rate: bytes a second, for the forecast of the disk before anything was measured.
    """

    id: str
    kind: str
    driver: str
    label: str
    media: Media
    capture: Capture | None
    encode: Encode
    av_offset_ms: float
    expected_rate: int
    problem: Problem | None = None


def affected(sources: Sequence[SourcePlan], quality: Quality) -> list[str]:
    """Sources whose takes are others with this quality."""
    return [
        plan.id
        for plan in sources
        if plan.capture and plan.media == "video" and reduced(plan, quality) != (plan.capture, plan.encode)
    ]


def reduced(plan: SourcePlan, quality: Quality) -> tuple[Capture | None, Encode]:
    """What is captured, and how it is encoded, with this quality. What a camera encodes is not touched, but for its
    smaller stream where the disk is short."""
    capture = plan.capture
    if capture is None or capture.media == "audio":
        return capture, plan.encode
    if capture.copy:
        lean = quality.disk and capture.lean
        return (replace(capture, input=capture.lean, lean=()) if lean else capture), plan.encode
    return capture, eased(plan.encode, quality)


@dataclass(frozen=True, slots=True)
class RoomIdentity:
    name: str
    institution: str
    language: str


@dataclass(frozen=True, slots=True)
class RecorderPolicy:
    """Times in seconds. reserve: share of the disk that recordings leave free, 0 to 1. pre_roll: how much of the time
    before Start is held in memory, 0 for nothing. undo: how long after a stop it can be undone, 0 for not at all."""

    fragment: float = 0.25
    stall: float = 5.0
    longest: float = 6 * 3600.0
    resume: float = 30 * 60.0
    reserve: float = 0.02
    pre_roll: int = 0
    undo: int = 30


def plan_sources(config: Config) -> Sequence[SourcePlan]:
    """Every camera and microphone of the room, in the order of preference."""
    return [_plan(device, config.tables.recorder) for device in config.sources]


def encoded(sources: Sequence[SourcePlan]) -> list[SourcePlan]:
    """Those whose picture is encoded here."""
    return [plan for plan in sources if plan.capture and plan.media == "video" and not plan.capture.copy]


def _plan(device: Device, table: RecorderTable) -> SourcePlan:
    encode = Encode(table.height, table.fps, table.crf, table.max_kbit * 1000, table.audio_kbit * 1000)
    media: Media = "audio" if device.kind == "microphone" else "video"
    capture: Capture | None = None
    problem: Problem | None = None
    failure = device.problem
    if device.module is not None and device.config is not None:
        try:
            driver = device.module.Driver(device.config)
            media, capture = driver.media, driver.capture()
        except DriverError as error:
            failure = error
    if failure is not None:
        problem = Problem(failure.code, failure.detail, dict(failure.facts))
    if media == "audio":
        rate = encode.audio_rate // 8
    else:
        rate = COPIED_VIDEO_BYTES if capture is not None and capture.copy else encode.video_rate // 8
    return SourcePlan(
        id=device.id,
        kind=device.kind,
        driver=device.driver,
        label=device.label or device.id,
        media=media,
        capture=capture,
        encode=encode,
        av_offset_ms=device.config.av_offset_ms if device.config is not None else 0.0,
        expected_rate=rate,
        problem=problem,
    )
