"""The simulated teacher at the board."""

from __future__ import annotations

from drivers.camera.sim_paint import Planes


class Teacher:
    """See ``drivers.camera.sim_feeder.Scene``."""

    each = False

    def __init__(self, fps: int) -> None:
        self._fps = fps
        self._planes = Planes()
        self._planes.y[:] = 200
        self._planes.u[:] = self._planes.v[:] = 128

    def picture(self, number: int) -> bytearray:
        return self._planes.data
