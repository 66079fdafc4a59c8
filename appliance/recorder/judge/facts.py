"""What passes between those who measure, those who judge and those who tell. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture at 320×180, in grey from 0 to 255.

    mean, and the 1st, 50th, 90th and 99.8th per cent: low, median, bright, top. detail: standard deviation within the
    most detailed block of 20×20 points. flat: share of blocks without any. acuity: steepest step as a share of its
    contrast, None without edges. difference: mean, against the most similar of the last pictures; noise: median by
    block, against the last; None for the first.
    """

    mean: float
    low: float
    median: float
    bright: float
    top: float
    detail: float
    flat: float
    acuity: float | None
    difference: float | None
    noise: float | None


@dataclass(frozen=True, slots=True)
class Sound:
    """One second. rms (dB of full scale), peaks (0 to 1) and flat (share of samples at the peak) by tenths of a second.

    hum_db: all harmonics of the mains together; hum_excess_db: how far the strongest stands out; mains: 50 or 60.
    """

    rms: tuple[float, ...]
    peaks: tuple[float, ...]
    flat: tuple[float, ...]
    hum_db: float
    hum_excess_db: float
    mains: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """Something is wrong with a source since ``begins`` (seconds of whatever clock the judge was given)."""

    code: str
    begins: float
    facts: dict[str, float | int | str] = field(default_factory=dict)


GRAVITY = (
    "microphone-muted",
    "microphone-silent",
    "picture-black",
    "picture-covered",
    "picture-frozen",
    "sound-clipped",
    "sound-quiet",
    "sound-hum",
    "picture-dark",
    "picture-blurred",
)
"""Codes that are said on the panel, the gravest first: no sound at all costs the lesson, a soft picture does not."""
NOTED = ("slides-unchanged",)
"""Codes for the report only."""
