"""What the simulated teacher writes: boards in chalk, each pixel with the second at which it appears.

A board is drawn once, whole; ``Board.when`` says for each pixel when the chalk gets there, and ``Board.hand`` where the
hand is meanwhile. Coordinates are the picture's, times seconds since the board began.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from drivers.camera.sim_frame import HEIGHT, WIDTH
from drivers.camera.sim_paint import Bytes, Font, font, writable

BOARD = (64, 72, 900, 476)
"""Left, top, right, bottom of the green."""
WHITE_CHALK, YELLOW_CHALK, RED_CHALK = (238, 240, 232), (248, 224, 128), (244, 156, 136)
PEN_SPEED = 260.0
"""Pixels a second along a drawn line."""
SIGN_SECONDS = 0.17
"""For one written sign."""
PAUSE_SECONDS = 3.2
ERASE_SECONDS, REST_SECONDS = 3.0, 5.0
NEVER = 1e9

Point = tuple[float, float]
Chalk = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of writing, from its left end at x, with its middle at y."""

    x: int
    y: int
    text: str
    size: int = 46
    chalk: Chalk = WHITE_CHALK


@dataclass(frozen=True, slots=True)
class Stroke:
    """A line drawn through points; an arrow ends in a head."""

    points: tuple[Point, ...]
    chalk: Chalk = WHITE_CHALK
    arrow: bool = False


Item = Line | Sequence[Stroke]


def curve(left: float, right: float, middle: Point, steepness: float) -> tuple[Point, ...]:
    """A parabola about its lowest point, from left to right."""
    places = np.linspace(left, right, 40)
    return tuple((float(x), float(middle[1] - steepness * (x - middle[0]) ** 2)) for x in places)


BOARDS: tuple[tuple[Item, ...], ...] = (
    (
        Line(104, 120, "Newton's second law", 52, YELLOW_CHALK),
        Line(104, 204, "force = mass × acceleration"),
        (
            Stroke(((560, 440), (850, 440), (850, 300), (560, 440))),
            Stroke(((690, 377), (672, 340), (726, 314), (744, 351))),
            Stroke(((708, 346), (708, 424)), RED_CHALK, arrow=True),
            Stroke(((708, 346), (668, 264)), YELLOW_CHALK, arrow=True),
        ),
        Line(104, 282, "F = m · a", 58, YELLOW_CHALK),
        Line(104, 360, "m = 2 kg,  F = 10 N"),
        Line(104, 430, "a = F / m = 5 m/s²"),
    ),
    (
        Line(104, 120, "Équation du second degré", 50, YELLOW_CHALK),
        Line(104, 204, "ax² + bx + c = 0"),
        Line(104, 282, "Δ = b² – 4ac", 52, YELLOW_CHALK),
        (
            Stroke(((540, 380), (868, 380)), arrow=True),
            Stroke(((700, 456), (700, 196)), arrow=True),
            Stroke(curve(596, 804, (700, 440), 0.021), YELLOW_CHALK),
        ),
        Line(104, 360, "Δ > 0 : deux solutions"),
        Line(104, 432, "somme : –b / a"),
    ),
)


@dataclass(slots=True)
class Board:
    """ink: RGB and opacity of the chalk, (HEIGHT, WIDTH, 4). when: second at which each pixel appears. path: (second,
    hand x, hand y), in order; between two writings the hand is free. boxes: (from, to, box) of each item."""

    ink: Bytes
    when: npt.NDArray[np.float32]
    writing: list[tuple[float, float, list[tuple[float, float, float]]]] = field(default_factory=list)
    boxes: list[tuple[float, float, tuple[int, int, int, int]]] = field(default_factory=list)
    erase: float = 0.0
    end: float = 0.0

    def hand(self, second: float) -> Point | None:
        """Where the writing hand is, or None while it is free."""
        for start, end, path in self.writing:
            if start <= second <= end:
                times, xs, ys = zip(*path, strict=True)
                return float(np.interp(second, times, xs)), float(np.interp(second, times, ys))
        return None


def draw_board(items: Sequence[Item], texture: npt.NDArray[np.float32]) -> Board:
    """The whole board with its times. texture: (HEIGHT, WIDTH) of 0…1, how well the chalk takes."""
    ink = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
    when = np.full((HEIGHT, WIDTH), NEVER, np.float32)
    board = Board(ink, when)
    clock = 1.5
    for item in items:
        start = clock
        path: list[tuple[float, float, float]] = []
        boxes = []
        for stamp in _written(item, clock) if isinstance(item, Line) else _drawn(item, clock):
            left, top, right, bottom = stamp.box
            part = (slice(top, bottom), slice(left, right))
            stronger = stamp.cover > ink[part][..., 3]
            ink[part][stronger] = stamp.rgba()[stronger]
            np.copyto(when[part], np.minimum(when[part], stamp.times), where=stamp.cover > 0)
            path += stamp.path
            boxes.append(stamp.box)
        clock = path[-1][0]
        lefts, tops, rights, bottoms = zip(*boxes, strict=True)
        board.writing.append((start, clock, path))
        board.boxes.append((start, clock, (min(lefts), min(tops), max(rights), max(bottoms))))
        clock += PAUSE_SECONDS
    ink[..., 3] = (ink[..., 3] * texture).astype(np.uint8)
    board.erase = clock + REST_SECONDS
    board.end = board.erase + ERASE_SECONDS + 1.0
    sweep: list[tuple[float, float, float]] = [
        (board.erase + ERASE_SECONDS * k / 12, BOARD[2] - 40 - 740 * k / 12, 190 + 190 * (k % 2)) for k in range(13)
    ]
    board.writing.append((board.erase, board.erase + ERASE_SECONDS, sweep))
    return board


@dataclass(slots=True)
class Stamp:
    """A piece of chalk within a box (even figures): how well it covers, 0…255, and when each pixel appears. path: as in
    Board."""

    box: tuple[int, int, int, int]
    chalk: Chalk
    layer: Image.Image
    times: npt.NDArray[np.float32]
    path: list[tuple[float, float, float]]

    @property
    def cover(self) -> Bytes:
        return np.asarray(self.layer)

    def rgba(self) -> Bytes:
        stamp = np.empty((*self.cover.shape, 4), np.uint8)
        stamp[..., :3] = self.chalk
        stamp[..., 3] = self.cover
        return stamp


def _box(left: float, top: float, right: float, bottom: float) -> tuple[int, int, int, int]:
    """The box with even figures around these, within the board."""
    return (
        max(BOARD[0], int(left)) & ~1,
        max(BOARD[1], int(top)) & ~1,
        (min(BOARD[2], int(right)) + 1) & ~1,
        (min(BOARD[3], int(bottom)) + 1) & ~1,
    )


def _written(line: Line, start: float) -> list[Stamp]:
    """Sign by sign, each a little askew, as a hand writes."""
    chance = np.random.default_rng(line.x * 31 + line.y)
    face: Font = font(line.size)
    words = writable(line.text)
    box = _box(line.x - 8, line.y - line.size, line.x + face.getlength(words) * 1.1 + 24, line.y + line.size)
    layer = Image.new("L", (box[2] - box[0], box[3] - box[1]), 0)
    times = np.full((box[3] - box[1], box[2] - box[0]), NEVER, np.float32)
    path = []
    x, clock = float(line.x), start
    for sign in words:
        advance = face.getlength(sign) * 1.04
        if sign == " ":
            x, clock = x + advance, clock + SIGN_SECONDS / 2
            continue
        size = line.size * 2
        glyph = Image.new("L", (size, size), 0)
        ImageDraw.Draw(glyph).text((size / 2 - advance / 2, size / 2), sign, font=face, fill=255, anchor="lm")
        glyph = glyph.rotate(float(chance.normal(-1.5, 2.5)), Image.Resampling.BICUBIC)
        left = round(x + advance / 2 - size / 2) - box[0]
        top = round(line.y - size / 2 + chance.normal(0, 1.6)) - box[1]
        layer.paste(255, (left, top), glyph)
        first = max(0, int(x) - 4 - box[0])
        columns = times[:, first : int(x + advance) + 4 - box[0]]
        span = np.linspace(clock, clock + SIGN_SECONDS, columns.shape[1], dtype=np.float32)
        columns[:] = np.minimum(columns, span)
        wave = line.size * 0.22
        path += [(clock, x, line.y - wave), (clock + SIGN_SECONDS * 0.6, x + advance * 0.6, line.y + wave)]
        x, clock = x + advance, clock + SIGN_SECONDS
    path.append((clock, x, float(line.y)))
    return [Stamp(box, line.chalk, layer, times, path)]


def _drawn(strokes: Sequence[Stroke], start: float) -> list[Stamp]:
    """Stroke after stroke, the hand along each."""
    stamps = []
    clock = start
    for stroke in strokes:
        points = list(stroke.points)
        if stroke.arrow:
            (x0, y0), (x1, y1) = points[-2:]
            angle = math.atan2(y1 - y0, x1 - x0)
            for turn in (2.6, -2.6):
                points += [(x1 + 16 * math.cos(angle + turn), y1 + 16 * math.sin(angle + turn)), (x1, y1)]
        xs, ys = zip(*points, strict=True)
        box = _box(min(xs) - 8, min(ys) - 8, max(xs) + 9, max(ys) + 9)
        layer = Image.new("L", (box[2] - box[0], box[3] - box[1]), 0)
        pen = ImageDraw.Draw(layer)
        times = np.full((box[3] - box[1], box[2] - box[0]), NEVER, np.float32)
        path = [(clock, *points[0])]
        for (x0, y0), (x1, y1) in itertools.pairwise(points):
            at = (x0 - box[0], y0 - box[1], x1 - box[0], y1 - box[1])
            pen.line(at, fill=255, width=5)
            pen.ellipse((at[2] - 2, at[3] - 2, at[2] + 2, at[3] + 2), fill=255)
            steps = max(2, int(math.dist((x0, y0), (x1, y1)) / 4))
            for k in range(steps + 1):
                x, y = int(at[0] + (x1 - x0) * k / steps), int(at[1] + (y1 - y0) * k / steps)
                around = (slice(max(0, y - 5), y + 6), slice(max(0, x - 5), x + 6))
                times[around] = np.minimum(times[around], clock + 4 * k / PEN_SPEED)
            clock += 4 * steps / PEN_SPEED
            path.append((clock, x1, y1))
        stamps.append(Stamp(box, stroke.chalk, layer, times, path))
        clock += 0.35
    return stamps
