"""The simulated teacher's body: drawn once per pose at three times the size, kept, and laid over the picture.

Origin: the base of the neck. All lengths in pixels of the picture.
"""

from __future__ import annotations

import math
from functools import lru_cache

from PIL import Image, ImageDraw

from drivers.camera.sim_paint import Colour, Sprite

SCALE = 3
SKIN, SKIN_SHADE, LIPS, HAIR = (203, 152, 116), (178, 126, 94), (150, 76, 66), (38, 30, 28)
COAT, COAT_SHADE, COAT_EDGE = (52, 78, 118), (40, 62, 98), (30, 46, 76)
SHIRT, TIE, TROUSERS, CHALK = (240, 240, 236), (150, 52, 48), (58, 56, 60), (246, 246, 240)

SHOULDER, SHOULDER_Y = 62, 38
UPPER, FORE = 104.0, 98.0
REACH = UPPER + FORE - 4
GRID = 8
"""Hands stand on a grid this fine, so that poses come again and need not be drawn again."""
MOUTHS = 5


class _Canvas:
    """A transparent picture with its own origin, drawn large and shrunk at the end."""

    def __init__(self, left: int, top: int, right: int, bottom: int) -> None:
        self._left, self._top = left & ~1, top & ~1
        self._width, self._height = (right - self._left + 1) & ~1, (bottom - self._top + 1) & ~1
        self.image = Image.new("RGBA", (self._width * SCALE, self._height * SCALE), (*COAT, 0))
        self.pen = ImageDraw.Draw(self.image)

    def at(self, *points: tuple[float, float]) -> list[tuple[float, float]]:
        return [((x - self._left) * SCALE, (y - self._top) * SCALE) for x, y in points]

    def disc(self, x: float, y: float, rx: float, ry: float, colour: Colour) -> None:
        self.pen.ellipse([*self.at((x - rx, y - ry))[0], *self.at((x + rx, y + ry))[0]], fill=colour)

    def limb(self, points: list[tuple[float, float]], width: float, colour: Colour) -> None:
        placed = self.at(*points)
        self.pen.line(placed, fill=colour, width=round(width * SCALE), joint="curve")
        for x, y in points:
            self.disc(x, y, width / 2, width / 2, colour)

    def shape(self, colour: Colour, *points: tuple[float, float]) -> None:
        self.pen.polygon(self.at(*points), fill=colour)

    def sprite(self) -> Sprite:
        small = self.image.reduce(SCALE)
        return Sprite(small, self._left, self._top)


@lru_cache(maxsize=1)
def torso() -> Sprite:
    """From the shoulders down; the legs end below the picture."""
    canvas = _Canvas(-100, -8, 100, 470)
    canvas.shape(TROUSERS, (-52, 250), (52, 250), (58, 470), (8, 470), (0, 300), (-8, 470), (-58, 470))
    canvas.shape((46, 44, 48), (-3, 262), (3, 262), (8, 470), (-8, 470))
    for colour, grow in ((COAT_EDGE, 3), (COAT, 0)):
        canvas.limb([(-56, 34), (56, 34)], 48 + 2 * grow, colour)
        canvas.shape(
            colour,
            *(
                (-80 - grow, 38),
                (-60, 10 - grow),
                (60, 10 - grow),
                (80 + grow, 38),
                (66 + grow, 160),
                (74 + grow, 284 + grow),
            ),
            *((4, 290 + grow), (0, 280), (-4, 290 + grow), (-74 - grow, 284 + grow), (-66 - grow, 160)),
        )
    canvas.shape(COAT_SHADE, (30, 120), (66, 150), (74, 284), (30, 288))
    canvas.shape(SHIRT, (-26, 2), (26, 2), (4, 150), (-4, 150))
    canvas.shape(TIE, (-7, 14), (7, 14), (9, 108), (0, 124), (-9, 108))
    canvas.shape((126, 40, 38), (-9, 6), (9, 6), (6, 22), (-6, 22))
    canvas.shape(COAT_SHADE, (-27, 5), (-46, 46), (-30, 64), (-3, 156), (-14, 60))
    canvas.shape(COAT_SHADE, (27, 5), (46, 46), (30, 64), (3, 156), (14, 60))
    canvas.pen.line(canvas.at((0, 156), (0, 284)), fill=COAT_EDGE, width=SCALE * 2)
    for y in (176, 214):
        canvas.disc(-8, y, 3.4, 3.4, COAT_EDGE)
    canvas.shape(SHIRT, (34, 92), (56, 88), (57, 94), (35, 98))
    return canvas.sprite()


@lru_cache(maxsize=64)
def head(look: int, mouth: int, *, blink: bool) -> Sprite:
    """look: -1 towards the board, 0 to the class, 1 away. mouth: 0 closed … MOUTHS - 1 wide open."""
    canvas = _Canvas(-56, -122, 56, 18)
    turn = look * 8.0
    canvas.shape(SKIN_SHADE, (-19, -30), (19, -30), (25, 8), (0, 16), (-25, 8))
    canvas.disc(-41 + turn * 0.4, -58, 8, 12, SKIN_SHADE)
    canvas.disc(41 + turn * 0.4, -58, 8, 12, SKIN_SHADE)
    canvas.disc(0, -76, 44, 44, HAIR)
    canvas.disc(turn * 0.3, -58, 39, 46, SKIN)
    canvas.disc(turn * 0.3, -36, 30, 26, SKIN)
    # The hair comes over the forehead.
    canvas.shape(
        HAIR, (-43, -66), (-38, -104), (0, -120), (38, -104), (43, -66), (36, -84), (18, -92), (-22, -90), (-36, -82)
    )
    for side in (-1, 1):
        x = side * 17 + turn
        canvas.pen.line(canvas.at((x - 9, -74 - mouth * 0.4), (x + 9, -75 - mouth * 0.4)), fill=HAIR, width=SCALE * 3)
        if blink:
            canvas.pen.line(canvas.at((x - 7, -62), (x + 7, -62)), fill=SKIN_SHADE, width=SCALE * 2)
        else:
            canvas.disc(x, -62, 7, 5, (250, 248, 244))
            canvas.disc(x + look * 2.5, -62, 4, 4.4, (52, 36, 28))
            canvas.disc(x + look * 2.5 - 1, -64, 1.2, 1.2, (255, 255, 255))
        canvas.pen.ellipse(
            [*canvas.at((x - 13, -74))[0], *canvas.at((x + 13, -50))[0]], outline=(60, 56, 60), width=SCALE * 2
        )
    canvas.pen.line(canvas.at((turn - 4, -64), (turn + 4, -64)), fill=(60, 56, 60), width=SCALE * 2)
    canvas.shape(
        SKIN_SHADE, (turn * 1.3 - 2, -58), (turn * 1.3 + 8 * (1 if look >= 0 else -1), -42), (turn * 1.3 - 4, -40)
    )
    opening = mouth * 1.25
    if mouth:
        canvas.disc(turn, -25, 12.5 - mouth * 0.5, 2.4 + opening, LIPS)
        canvas.disc(turn, -25, 10 - mouth * 0.4, max(0.5, opening - 0.2), (70, 26, 26))
    else:
        canvas.pen.line(
            canvas.at((turn - 11, -28), (turn - 5, -25), (turn + 5, -25), (turn + 11, -28)),
            fill=LIPS,
            width=SCALE * 3,
            joint="curve",
        )
    return canvas.sprite()


def elbow(hand_x: float, hand_y: float, side: int) -> tuple[float, float]:
    """Where the elbow is (from the shoulder) when the hand is there: it hangs down and outwards."""
    distance = min(math.hypot(hand_x, hand_y), REACH)
    along = (UPPER**2 - FORE**2 + distance**2) / (2 * distance) if distance else 0.0
    out = math.sqrt(max(0.0, UPPER**2 - along**2))
    direction = math.atan2(hand_y, hand_x)
    ways = [
        (
            along * math.cos(direction) - s * out * math.sin(direction),
            along * math.sin(direction) + s * out * math.cos(direction),
        )
        for s in (1, -1)
    ]
    return max(ways, key=lambda point: point[1] + 0.35 * side * point[0])


def within_reach(x: float, y: float) -> tuple[float, float]:
    """The nearest place on the grid that the hand can be, from the shoulder."""
    distance = math.hypot(x, y)
    if distance > REACH:
        x, y = x * REACH / distance, y * REACH / distance
    return round(x / GRID) * GRID, round(y / GRID) * GRID


def arm(side: int, x: float, y: float, *, chalk: bool) -> Sprite:
    """side -1: the arm at the board (left in the picture). x, y: of the hand, from its shoulder."""
    return _arm(side, *within_reach(x, y), chalk)


@lru_cache(maxsize=1000)
def _arm(side: int, x: int, y: int, chalk: bool) -> Sprite:
    shoulder = (side * SHOULDER, SHOULDER_Y)
    bend = elbow(x, y, side)
    joint = (shoulder[0] + bend[0], shoulder[1] + bend[1])
    hand = (shoulder[0] + x, shoulder[1] + y)
    xs, ys = zip(shoulder, joint, hand, strict=True)
    canvas = _Canvas(int(min(xs)) - 36, int(min(ys)) - 36, int(max(xs)) + 36, int(max(ys)) + 36)
    ahead = math.atan2(hand[1] - joint[1], hand[0] - joint[0])
    reach = (math.cos(ahead), math.sin(ahead))
    wrist = (hand[0] - 20 * reach[0], hand[1] - 20 * reach[1])
    for colour, grow in ((COAT_EDGE, 5), (COAT, 0)):
        canvas.limb([shoulder, joint], 40 + grow, colour)
        canvas.limb([joint, (wrist[0] - 8 * reach[0], wrist[1] - 8 * reach[1])], 32 + grow, colour)
    canvas.limb([(wrist[0] - 4 * reach[0], wrist[1] - 4 * reach[1]), wrist], 25, SHIRT)
    canvas.limb([wrist, (hand[0] - 4 * reach[0], hand[1] - 4 * reach[1])], 23, SKIN)
    for spread, length in ((-0.55, 13), (-0.18, 18), (0.16, 18), (0.5, 14)):
        tip = (
            hand[0] - 2 * reach[0] + length * math.cos(ahead + spread),
            hand[1] - 2 * reach[1] + length * math.sin(ahead + spread),
        )
        canvas.limb([hand, tip], 6.5, SKIN)
    if chalk:
        tip = (hand[0] + 26 * reach[0], hand[1] + 26 * reach[1])
        canvas.limb([(hand[0] + 10 * reach[0], hand[1] + 10 * reach[1]), tip], 5, CHALK)
    return canvas.sprite()
