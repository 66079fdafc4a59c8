"""What can be measured of one small picture, and of a piece of sound. Pure.

This module loads OpenCV; only the process that judges may import it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.recorder.judge.facts import Picture, Sound

Grey = NDArray[np.uint8]
Samples = NDArray[np.float32]

WIDTH, HEIGHT, BLOCK = 320, 180, 20
WINDOW = 0.1
"""Seconds of sound that are measured as one."""
HUM_RATE = 4000
"""Samples a second to which sound is reduced before its hum is looked for."""
CALM = 4
"""Tenths of a second: the stretch of every second in which hum is looked for. One bin is then 2.5 Hz."""
HARMONICS = 8

cv2.setNumThreads(1)


def small(luma: NDArray[np.uint8], *, full_range: bool) -> Grey:
    """A picture's brightness (height × width, 8 bit) at 320×180, 0 black to 255 white."""
    grey = cv2.resize(luma, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    if full_range:
        return np.asarray(grey, np.uint8)
    return np.asarray(cv2.convertScaleAbs(cv2.subtract(grey, np.full_like(grey, 16)), alpha=255 / 219), np.uint8)


def picture(grey: Grey, before: Sequence[Grey]) -> Picture:
    """grey: 180×320. before: some of the pictures before it, the latest last; none for the first."""
    low, dark, bright, top = (float(each) for each in np.percentile(grey, (1, 50, 90, 99.8)))
    blocks = grey.reshape(HEIGHT // BLOCK, BLOCK, WIDTH // BLOCK, BLOCK).swapaxes(1, 2).astype(np.float32)
    spread = np.sort(blocks.std(axis=(2, 3)).ravel())
    difference: float | None = None
    noise: float | None = None
    if before:
        apart = cv2.absdiff(grey, before[-1]).astype(np.float32)
        # An encoder draws one and the same picture now finer, now coarser, by turns.
        difference = min(float(np.mean(cv2.absdiff(grey, each))) for each in before)
        noise = float(np.median(cv2.resize(apart, (WIDTH // BLOCK, HEIGHT // BLOCK), interpolation=cv2.INTER_AREA)))
    return Picture(
        mean=float(grey.mean()),
        low=low,
        median=dark,
        bright=bright,
        top=top,
        detail=float(spread[-1]),
        flat=float((spread < 0.5).mean()),
        acuity=_acuity(grey),
        difference=difference,
        noise=noise,
    )


def _acuity(grey: Grey) -> float | None:
    """Of the edges with the most contrast: the step between two points as a share of that contrast. None without
    edges."""
    calm = grey.astype(np.float32)
    around = np.ones((9, 9), np.uint8)
    contrast = cv2.subtract(cv2.dilate(calm, around), cv2.erode(calm, around))
    step = np.maximum(_steps(calm, 1), _steps(calm, 0))
    least = max(24.0, float(np.percentile(contrast, 80)))
    strong = contrast >= least
    if strong.mean() < 0.01:
        return None
    return float(np.percentile(step[strong] / contrast[strong], 96))


def _steps(calm: NDArray[np.float32], axis: int) -> NDArray[np.float32]:
    step = np.zeros_like(calm)
    if axis:
        step[:, 1:] = np.abs(calm[:, 1:] - calm[:, :-1])
    else:
        step[1:] = np.abs(calm[1:] - calm[:-1])
    return step


def sound(samples: Samples, rate: int) -> list[Sound]:
    """Every whole second of sound (mono, -1 to 1), measured."""
    whole = len(samples) // rate
    return [_second(samples[n * rate : (n + 1) * rate], rate) for n in range(whole)]


def _second(samples: Samples, rate: int) -> Sound:
    windows = samples[: rate // 10 * 10].reshape(10, -1)
    rms = np.sqrt(np.mean(np.square(windows, dtype=np.float64), axis=1))
    sizes = np.abs(windows)
    peaks = sizes.max(axis=1)
    flat = (sizes >= 0.95 * peaks[:, None]).mean(axis=1)
    # Where nobody speaks: a voice covers hum, and has harmonics of its own.
    calm = min(range(10 - CALM + 1), key=lambda first: float(np.square(rms[first : first + CALM]).sum()))
    pause = windows[calm : calm + CALM].ravel()
    hums = {mains: _hum(pause, rate, mains) for mains in (50, 60)}
    mains = max(hums, key=lambda each: hums[each][1])
    return Sound(
        rms=tuple(_db(float(each)) for each in rms),
        peaks=tuple(float(each) for each in peaks),
        flat=tuple(float(each) for each in flat),
        hum_db=hums[mains][0],
        hum_excess_db=hums[mains][1],
        mains=mains,
    )


def _hum(samples: Samples, rate: int, mains: int) -> tuple[float, float]:
    """(level in dB of full scale, dB above what lies between the harmonics)."""
    step = rate // HUM_RATE
    reduced = samples[: len(samples) // step * step].reshape(-1, step).mean(axis=1)
    window = np.hanning(len(reduced))
    power = np.square(np.abs(np.fft.rfft(reduced * window)) / (window.sum() / 2)) / 2
    per_hertz = len(reduced) / HUM_RATE
    tones, excesses = [], []
    for k in range(1, HARMONICS + 1):
        at = round(mains * k * per_hertz)
        near, far = round(8 * per_hertz), round(21 * per_hertz)
        tone = float(power[at - 1 : at + 2].sum())
        between = 3 * float(np.mean(np.r_[power[at - far : at - near + 1], power[at + near : at + far + 1]]))
        tones.append(tone / 1.5)
        excesses.append(float(10 * np.log10((tone + 1e-14) / (between + 1e-14))))
    return _db(sum(tones) ** 0.5), excesses[tones.index(max(tones))]


def _db(level: float) -> float:
    return float(20 * np.log10(level)) if level > 1e-6 else -120.0


def as_grey(picture: Any) -> Grey:
    """Any 8 bit array of height × width, or × 3 in blue, green, red, as a small picture; for tests and footage."""
    array = np.asarray(picture, np.uint8)
    if array.ndim == 3:
        array = np.asarray(cv2.cvtColor(array, cv2.COLOR_BGR2GRAY), np.uint8)
    return small(array, full_range=True)
