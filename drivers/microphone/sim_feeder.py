"""Feeder of the simulated microphone: s16le mono 48 kHz on standard output, as a device would deliver it.

    python -m drivers.microphone.sim_feeder speech --language fr

Block by block, each when its last sample has been spoken on the monotonic clock. The first block leaves at once; the
voice joins as soon as its first sentence is ready.
"""

from __future__ import annotations

import argparse
import math
import random
import sys
from array import array
from collections import deque
from collections.abc import Callable
from threading import Event

from drivers import feeding
from drivers.feeding import BLOCK, SAMPLE_RATE, FeederError

NOISE = 22
"""Peak of the room's own noise, of 32767: about -68 dB."""
BEEP_PERIOD, BEEP_SECONDS, BEEP_HZ, BEEP_PEAK = 2.0, 0.1, 1000, 22_000
AHEAD_SECONDS = 20.0
"""How much speech is kept ready."""

Sound = Callable[[int], bytes]
"""First sample number of a block to the block's bytes."""


def quiet_room() -> Sound:
    """Two seconds of soft noise from a fixed seed, over and over."""
    chance = random.Random(4)  # noqa: S311 - noise, no secret
    noise = array("h", (chance.randint(-NOISE, NOISE) for _ in range(2 * SAMPLE_RATE // 10)))
    loop = noise.tobytes() * 10

    def block(first: int) -> bytes:
        at = first % (2 * SAMPLE_RATE) * 2
        return loop[at : at + 2 * BLOCK]

    return block


def nothing(first: int) -> bytes:
    """A muted microphone: zeros."""
    return bytes(2 * BLOCK)


def beeps(epoch: float) -> Sound:
    """A beep that begins with the sample spoken at each even second of the monotonic clock."""
    room = quiet_room()
    period = round(BEEP_PERIOD * SAMPLE_RATE)
    offset = round(epoch % BEEP_PERIOD * SAMPLE_RATE)
    step = 2 * math.pi * BEEP_HZ / SAMPLE_RATE
    beep = array("h", (round(BEEP_PEAK * math.sin(step * n)) for n in range(round(BEEP_SECONDS * SAMPLE_RATE))))

    def block(first: int) -> bytes:
        samples = array("h", room(first))
        for n in range(BLOCK):
            at = (offset + first + n) % period
            if at < len(beep):
                samples[n] = beep[at]
        return samples.tobytes()

    return block


class Speaker:
    """A voice that reads a lecture in a thread of its own, a little ahead of its hearers."""

    def __init__(self, language: str) -> None:
        self._room = quiet_room()
        self._ready: deque[bytes] = deque()
        self._wanted = Event()
        self._left = b""
        self._language = language
        self._work = feeding.Background(self._render)

    def block(self, first: int) -> bytes:
        """Speech, or the room's noise until there is some. Raises FeederError when the voice cannot be loaded."""
        self._work.check()
        wanted = 2 * BLOCK
        while len(self._left) < wanted and self._ready:
            self._left += self._ready.popleft()
            self._wanted.set()
        if len(self._left) < wanted:
            return self._room(first)
        block, self._left = self._left[:wanted], self._left[wanted:]
        return block

    def _render(self) -> None:
        try:
            # Loads numpy, which the first samples do not wait for.
            from drivers.microphone import sim_voice  # noqa: PLC0415 - see above
        except ImportError as error:
            raise FeederError("no-voice", f"The simulated voice cannot speak ({error}); install numpy.") from error
        for piece in sim_voice.lecture(self._language):
            self._ready.append(piece)
            while sum(map(len, tuple(self._ready))) > AHEAD_SECONDS * SAMPLE_RATE * 2:
                self._wanted.wait()
                self._wanted.clear()


def feed(scene: str, language: str) -> None:
    speaker = Speaker(language) if scene == "speech" else None
    epoch = feeding.grid_epoch(SAMPLE_RATE / BLOCK)
    feeding.tell({"epoch": epoch})
    meter = feeding.Meter()
    others: dict[str, Callable[[], Sound]] = {
        "beep": lambda: beeps(epoch),
        "silence": quiet_room,
        "muted": lambda: nothing,
    }
    sound = speaker.block if speaker else others[scene]()
    for first in feeding.blocks(epoch):
        block = sound(first)
        feeding.write(block)
        meter.show(block)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scene", choices=("speech", "beep", "silence", "muted"))
    parser.add_argument("--language", choices=("en", "fr", "ar"), default="en")
    options = parser.parse_args()
    return feeding.run(lambda: feed(options.scene, options.language))


if __name__ == "__main__":
    sys.exit(main())
