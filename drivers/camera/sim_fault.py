"""What can go wrong with the simulated camera's picture, so that the judge can be tried: loaded only when asked for."""

from __future__ import annotations

from collections.abc import Callable

from drivers.camera.sim_frame import BLACK, CHROMA, HEIGHT, LUMA, WIDTH

FAULTS = ("black", "dark", "covered", "frozen")
GRAIN = 4
"""Standard deviation of the sensor's noise, in steps of luma."""
NEUTRAL = 128


class Fault:
    """A picture with a sensor's noise; and for a while, again and again, with a fault."""

    def __init__(self, name: str, after: float, seconds: float) -> None:
        """after and seconds: how long all is well, and then how long it is not."""
        import numpy as np  # noqa: PLC0415 - a camera without faults starts without it

        self._name, self._after, self._period = name, after, after + seconds
        chance = np.random.default_rng(7)
        self._grain = np.rint(chance.normal(0, GRAIN, LUMA + WIDTH * HEIGHT // 4)).astype(np.int16)
        self._chance = chance
        self._np = np
        self._last = b""
        self._covers: dict[str, Callable[[bytes], bytes]] = {
            "black": lambda _: bytes([BLACK]) * LUMA + bytes([NEUTRAL]) * (2 * CHROMA),
            "dark": self._dark,
            "covered": self._covered,
        }

    def upon(self, picture: bytes | bytearray, at: float) -> bytes:
        """The picture (yuv420p) as the camera delivers it ``at`` seconds after it began."""
        wrong = at % self._period >= self._after
        if wrong and self._name == "frozen" and self._last:
            return self._last
        seen = self._covers[self._name](bytes(picture)) if wrong and self._name in self._covers else bytes(picture)
        if not (wrong and self._name == "black"):
            seen = self._noisy(seen)
        self._last = seen
        return seen

    def _noisy(self, picture: bytes) -> bytes:
        np = self._np
        first = int(self._chance.integers(0, len(self._grain) - LUMA))
        luma = np.frombuffer(picture, np.uint8, LUMA) + self._grain[first : first + LUMA]
        return bytes(np.clip(luma, 0, 255).astype(np.uint8)) + picture[LUMA:]

    def _dark(self, picture: bytes) -> bytes:
        np = self._np
        luma = np.frombuffer(picture, np.uint8, LUMA).astype(np.int16)
        return bytes(((luma - BLACK) // 8 + BLACK).astype(np.uint8)) + bytes([NEUTRAL]) * (2 * CHROMA)

    def _covered(self, picture: bytes) -> bytes:
        np = self._np
        down, across = np.linspace(-1, 1, HEIGHT), np.linspace(-1, 1, WIDTH)
        slope = 90 + 25 * down[:, None] + 20 * across[None, :]
        return bytes(slope.astype(np.uint8)) + bytes([NEUTRAL]) * (2 * CHROMA)
