"""Where a slide changes, seen in small grey pictures.

A picture that differs from the last slide and is followed by one like itself is a new slide. What moves all the time
(a teacher, a film) never stands still for two pictures and so is no slide; a pointer or some noise is too small to
count. Absolute difference of decoded keyframes found every slide where scene detectors found one in four, at a sixth
of their work.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT = 320, 180
"""Pixels of the pictures that are compared."""
DEPTH = 25
"""Steps of grey (of 255) by which a pixel must differ: more than the noise of a camera or a coder."""
SHARE = 0.004
"""Of all pixels that must differ: more than a mouse pointer, less than one more line on a slide."""

Grey: TypeAlias = NDArray[np.uint8]


def changed(one: Grey, other: Grey) -> float:
    """Share of the pixels, 0 to 1, that differ."""
    return float((np.abs(one.astype(np.int16) - other) > DEPTH).mean())


class SlideDetector:
    """Show it picture after picture; it says whether the picture *before* was a new slide, once it stood still."""

    def __init__(self) -> None:
        self._slide: Grey | None = None
        self._before: Grey | None = None
        self.motion: list[float] = []
        """Of every picture against the one before: how restless the source is."""

    def see(self, picture: Grey) -> bool:
        """picture: uint8, (HEIGHT, WIDTH). The very first picture is always the first slide: it is not told."""
        before, self._before = self._before, picture
        if before is None:
            self._slide = picture
            return False
        moved = changed(picture, before)
        self.motion.append(moved)
        if moved > SHARE or self._slide is None or changed(before, self._slide) <= SHARE:
            return False
        self._slide = before
        return True
