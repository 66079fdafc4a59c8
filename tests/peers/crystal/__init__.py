"""A microphone whose crystal is wrong, for whatever opens microphones through PortAudio's Python package."""

from __future__ import annotations

import os
from pathlib import Path

DEVICE = "crystal mic"


def crystal_microphone(ppm: float) -> dict[str, str]:
    """The environment in which the only microphone is ``DEVICE``, fast by so many millionths; see ``sounddevice``
    beside this."""
    paths = [str(Path(__file__).parent), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    return {"PYTHONPATH": os.pathsep.join(filter(None, paths)), "CRYSTAL_PPM": str(ppm)}
