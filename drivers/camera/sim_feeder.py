"""Feeder of the simulated camera: raw yuv420p pictures of 1280x720 on standard output, at the pace of the room's clock.

    python -m drivers.camera.sim_feeder teacher --fps 25

The first frame leaves at once and is plain; the artwork is drawn meanwhile and takes its place when it is ready.
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import Protocol

from drivers import feeding
from drivers.camera import sim_frame
from drivers.camera.sim_fault import FAULTS, Fault
from drivers.camera.sim_frame import BLACK, HEIGHT, WHITE, WIDTH, Figures
from drivers.feeding import FeederError

FLASH_PERIOD, FLASH_SECONDS = 2.0, 0.1
BOARD = (64, 72, 900, 476)
"""Where the teacher's board will be (left, top, right, bottom)."""
WALL, GREEN, PAPER = (200, 120, 132), (79, 124, 109), (230, 127, 129)
"""Y, U and V of what the artwork begins with."""


class Scene(Protocol):
    """each: whether every frame must be drawn for its own instant, even those that are late."""

    each: bool

    def picture(self, number: int) -> bytearray:
        """Frame ``number``; the buffer is the scene's own and is changed by the next call."""


class Plain:
    """What stands in the room before the artwork is there: the wall, and the board if there is one."""

    each = False

    def __init__(self, scene: str) -> None:
        self._picture = sim_frame.plain(WHITE)
        sim_frame.fill(self._picture, (0, 0, WIDTH, HEIGHT), WALL if scene == "teacher" else PAPER)
        if scene == "teacher":
            sim_frame.fill(self._picture, BOARD, GREEN)

    def picture(self, number: int) -> bytearray:
        return self._picture


class Pattern:
    """Dark, with the frame's number; white in the first 100 ms of every second second of the monotonic clock."""

    each = True

    def __init__(self, epoch: float, fps: int) -> None:
        self._first = round(epoch * fps)
        self._fps = fps
        self._dark = sim_frame.plain(BLACK + 14)
        self._white = sim_frame.plain(WHITE)
        self._figures = Figures(WIDTH, 16, ink=150, paper=BLACK + 14)

    def picture(self, number: int) -> bytearray:
        # On the grid of frames, so that rounding never moves a flash by a frame.
        since = (self._first + number) % round(FLASH_PERIOD * self._fps)
        if since < FLASH_SECONDS * self._fps - 1e-6:
            return self._white
        text = f"{number:07d}"
        x = (WIDTH - self._figures.width(text)) // 2
        self._figures.write(self._dark, text, x, (HEIGHT - self._figures.height) // 2)
        return self._dark


class Artist:
    """Draws the artwork of a scene in a thread while plain frames are sent."""

    def __init__(self, scene: str, fps: int, slide_seconds: float) -> None:
        self.scene: Scene | None = None
        self._wish = (scene, fps, slide_seconds)
        self._work = feeding.Background(self._draw)

    def check(self) -> Scene | None:
        """The scene once it is ready. Raises what kept it from being drawn."""
        self._work.check()
        return self.scene

    def _draw(self) -> None:
        name, fps, slide_seconds = self._wish
        # numpy and Pillow take longer to load than the first frame may take.
        try:
            if name == "teacher":
                from drivers.camera.sim_teacher import Teacher  # noqa: PLC0415 - see above

                self.scene = Teacher(fps)
            else:
                from drivers.camera.sim_slides import Slides  # noqa: PLC0415 - see above

                self.scene = Slides(fps, slide_seconds)
        except ImportError as error:
            raise FeederError(
                "no-artwork", f"The simulated picture cannot be drawn ({error}); install Pillow."
            ) from error


def feed(name: str, fps: int, slide_seconds: float, fault: Fault | None = None) -> None:
    epoch = feeding.grid_epoch(fps)
    feeding.tell({"epoch": epoch})
    feeding.widen_pipe()
    scene: Scene = Pattern(epoch, fps) if name == "pattern" else Plain(name)
    artist: Artist | None = None
    figures = Figures(WIDTH, 2)
    for last, owed in feeding.frames(epoch, fps):
        for number in range(last - owed + 1, last + 1):
            if scene.each or number == last - owed + 1:
                shown = number if scene.each else last
                picture = scene.picture(shown)
                text = sim_frame.clock(epoch + shown / fps, time.time() - time.monotonic())
                figures.write(picture, text, WIDTH - figures.width(text) - 12, HEIGHT - figures.height - 10)
            feeding.write(fault.upon(picture, last / fps) if fault is not None else picture)
        if name != "pattern" and artist is None:
            artist = Artist(name, fps, slide_seconds)
        if artist is not None:
            scene = artist.check() or scene


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scene", choices=("teacher", "slides", "pattern"))
    parser.add_argument("--fps", type=int, default=25)
    parser.add_argument("--slide-seconds", type=float, default=20.0)
    parser.add_argument("--fault", choices=FAULTS)
    parser.add_argument("--fault-after", type=float, default=10.0)
    parser.add_argument("--fault-seconds", type=float, default=30.0)
    options = parser.parse_args()
    fault = Fault(options.fault, options.fault_after, options.fault_seconds) if options.fault else None
    return feeding.run(lambda: feed(options.scene, options.fps, options.slide_seconds, fault))


if __name__ == "__main__":
    sys.exit(main())
