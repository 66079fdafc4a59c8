"""The simulated teacher: speaks, gestures, and fills a board; see ``sim_board`` for what and ``sim_figure`` for who.

Only what moves is drawn again: the place where the chalk is, and a box around the teacher.
"""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageDraw

from drivers.camera import sim_figure
from drivers.camera.sim_board import BOARD, BOARDS, NEVER, Board, Point, draw_board
from drivers.camera.sim_figure import SHOULDER, SHOULDER_Y
from drivers.camera.sim_frame import HEIGHT, WIDTH
from drivers.camera.sim_paint import Planes, Sprite, quarter, yuv
from drivers.feeding import Background

NECK_Y = 262
REST_X = 1040.0
BOX = (-300, -202, 240, 458)
"""What the teacher may cover, around the neck."""
PENDULUM = 4.2
"""How briskly the teacher walks to where the chalk is needed."""
AHEAD_SECONDS = 1.4
"""The walk begins this much before the writing."""
WALL, WALL_LOW, GREEN, WOOD, FLOOR = (222, 214, 198), (186, 168, 140), (40, 84, 66), (136, 96, 58), (120, 104, 86)


class Teacher:
    """See ``drivers.camera.sim_feeder.Scene``."""

    each = False

    def __init__(self, fps: int) -> None:
        self._fps = fps
        self._texture = np.random.default_rng(7).random((HEIGHT, WIDTH), np.float32) * np.float32(0.45) + np.float32(
            0.55
        )
        self._room = Planes()
        self._room.paint(room())
        daylight(self._room)
        self._students = students()
        for student in self._students:
            student.draw(self._room, 0, 0)
        self._wall = Planes()  # the room with what is on the board
        self._wall.data[:] = self._room.data
        self._shown = Planes()
        self._shown.data[:] = self._room.data
        self._written: list[Written] = [Written(draw_board(BOARDS[0], self._texture), self._room)]
        self._others = Background(self._draw_others)
        self._x, self._speed = REST_X, 0.0
        self._hands = {-1: (-30.0, 150.0), 1: (30.0, 160.0)}
        self._last = 0.0
        self._board, self._began = 0, 0.0
        self._drawn_until = 0.0

    def picture(self, number: int) -> bytearray:
        self._others.check()
        now = number / self._fps
        past = min(0.2, max(0.0, now - self._last))
        self._last = now
        if self._began == 0.0:
            self._began = now
        written = self._written[self._board]
        second = now - self._began
        if second > written.board.end:
            self._board = (self._board + 1) % len(self._written)
            self._began, self._drawn_until, second = now, 0.0, 0.0
            written = self._written[self._board]
        for box in written.reveal(self._wall, self._room, self._drawn_until, second):
            self._shown.copy(self._wall, box)
        self._drawn_until = second
        self._clear()
        hand = self._move(written.board, second, past)
        self._draw(now, hand, past)
        return self._shown.data

    def _draw_others(self) -> None:
        for items in BOARDS[1:]:
            self._written.append(Written(draw_board(items, self._texture), self._room))

    def _box(self) -> tuple[int, int, int, int]:
        x = int(self._x) & ~1
        return (max(0, x + BOX[0]), max(0, NECK_Y + BOX[1]), min(WIDTH, x + BOX[2]), min(HEIGHT, NECK_Y + BOX[3]))

    def _clear(self) -> None:
        self._shown.copy(self._wall, self._box())

    def _move(self, board: Board, second: float, past: float) -> Point | None:
        """Walk to where the hand is needed, or will soon be; returns where the hand writes now."""
        hand = board.hand(second)
        soon = hand or board.hand(second + AHEAD_SECONDS)
        target = REST_X if second > board.erase - 4 or second < 0.5 else max(self._x, 640.0)
        if soon:
            drop = soon[1] - NECK_Y - SHOULDER_Y
            reach = math.sqrt(max(0.0, (sim_figure.REACH * 0.95) ** 2 - drop**2))
            target = soon[0] + SHOULDER + min(140.0, reach)
        pull = PENDULUM**2 * (target - self._x) - 2 * PENDULUM * self._speed
        self._speed += pull * past
        self._x = min(WIDTH - 120.0, max(150.0, self._x + self._speed * past))
        return hand

    def _draw(self, now: float, writing: Point | None, past: float) -> None:
        x = int(self._x) & ~1
        walking = min(1.0, abs(self._speed) / 120)
        y = (NECK_Y + round(2.4 * walking * abs(math.sin(now * 7)) + 1.2 * math.sin(now * 1.3))) & ~1
        talk = speech(now, writing=writing is not None)
        sim_figure.torso().draw(self._shown, x, y)
        look = -1 if writing else (0, 0, 1, 0, -1, 0, 0)[int(now / 1.7) % 7]
        nod = 2 * round(1.4 * talk * math.sin(now * 5.1) / 2)
        blink = now % 3.7 < 0.13
        sway = 2 * round(2.2 * math.sin(now * 0.9) / 2)
        sim_figure.head(look, round(talk * (sim_figure.MOUTHS - 1)), blink=blink).draw(self._shown, x + sway, y + nod)
        for side in (1, -1):
            wish = gesture(now, side)
            chalk = False
            if side == -1 and writing:
                wish = (writing[0] + 24 - (x - SHOULDER), writing[1] - (y + SHOULDER_Y))
                chalk = True
            old = self._hands[side]
            share = min(1.0, past * (14 if chalk else 5))
            hand = (old[0] + (wish[0] - old[0]) * share, old[1] + (wish[1] - old[1]) * share)
            self._hands[side] = hand
            sim_figure.arm(side, *hand, chalk=chalk).draw(self._shown, x, y)
        left, _, right, _ = self._box()
        for student in self._students:
            if student.x < right and student.x + student.width > left:
                student.draw(self._shown, 0, 0)


class Written:
    """A board's chalk as planes, laid on and taken off as time goes by."""

    def __init__(self, board: Board, room: Planes) -> None:
        self.board = board
        left, top, right, bottom = BOARD
        part, half = (
            (slice(top, bottom), slice(left, right)),
            (slice(top // 2, bottom // 2), slice(left // 2, right // 2)),
        )
        ink = board.ink[part]
        share = ink[..., 3].astype(np.float32) / np.float32(255)
        small = quarter(share)
        self._planes = Planes()
        self._half = np.full((HEIGHT // 2, WIDTH // 2), NEVER, np.float32)
        self._half[half] = board.when[top:bottom:2, left:right:2]
        for chalk, mine, bare, place, cover in zip(
            yuv(ink[..., :3]),
            (self._planes.y, self._planes.u, self._planes.v),
            (room.y, room.u, room.v),
            (part, half, half),
            (share, small, small),
            strict=True,
        ):
            mine[place] = bare[place] + (chalk.astype(np.float32) - bare[place]) * cover

    def reveal(self, wall: Planes, room: Planes, since: float, until: float) -> list[tuple[int, int, int, int]]:
        """Bring the wall from one second to another; returns the boxes that changed."""
        board = self.board
        changed = []
        for start, end, box in board.boxes:
            if since <= end + 0.1 and until >= start:
                self._show(wall, box, since, until)
                changed.append(box)
        if until >= board.erase and (hand := board.hand(min(until, board.erase + 2.99))):
            left, top, right, bottom = BOARD
            edge = left if until > board.erase + 2.99 else max(left, int(hand[0]) - 30) & ~1
            box = (edge, top, right, bottom)
            wall.copy(room, box)
            changed.append(box)
        return changed

    def _show(self, wall: Planes, box: tuple[int, int, int, int], since: float, until: float) -> None:
        left, top, right, bottom = box
        part = (slice(top, bottom), slice(left, right))
        fresh = self.board.when[part] <= until
        fresh &= self.board.when[part] >= since - 0.1
        np.copyto(wall.y[part], self._planes.y[part], where=fresh)
        part = (slice(top // 2, bottom // 2), slice(left // 2, right // 2))
        fresh = self._half[part] <= until
        fresh &= self._half[part] >= since - 0.1
        np.copyto(wall.u[part], self._planes.u[part], where=fresh)
        np.copyto(wall.v[part], self._planes.v[part], where=fresh)


def speech(now: float, *, writing: bool) -> float:
    """How far the mouth is open, 0…1: syllables in phrases with breaths between them."""
    phrase = math.sin(now * 0.83) + math.sin(now * 0.37 + 1)
    if phrase < (-0.2 if not writing else 0.5):
        return 0.0
    return min(1.0, max(0.0, 0.5 + 0.5 * math.sin(now * 21) * math.sin(now * 13.7 + 0.5) + 0.25 * math.sin(now * 7.3)))


def gesture(now: float, side: int) -> Point:
    """Where a free hand is, from its shoulder: low and open, now and then raised to make a point."""
    phase = now * 0.55 + (0 if side < 0 else 2.1)
    raised = max(0.0, math.sin(phase)) ** 3
    x = side * (24 + 60 * raised) + 16 * math.sin(now * 2.3 + side)
    y = 150 - 130 * raised + 18 * math.sin(now * 2.9 + side * 0.7)
    return x, y


def room() -> Image.Image:
    """The empty classroom with a clean board."""
    image = Image.new("RGB", (WIDTH, HEIGHT), WALL)
    pen = ImageDraw.Draw(image)
    pen.rectangle((0, 540, WIDTH, 652), fill=WALL_LOW)
    pen.rectangle((0, 534, WIDTH, 541), fill=(164, 144, 116))
    pen.rectangle((0, 652, WIDTH, HEIGHT), fill=FLOOR)
    left, top, right, bottom = BOARD
    pen.rectangle((left - 10, top - 6, right + 18, bottom + 24), fill=(190, 180, 162))  # its shadow on the wall
    pen.rectangle((left - 16, top - 16, right + 15, bottom + 15), fill=WOOD)
    pen.rectangle((left - 12, top - 12, right + 11, bottom + 11), fill=(160, 118, 76))
    pen.rectangle((left, top, right - 1, bottom - 1), fill=GREEN)
    pen.rectangle((left - 20, bottom + 12, right + 19, bottom + 22), fill=(120, 82, 48))
    for x, colour in ((left + 60, (244, 244, 238)), (left + 96, (248, 224, 128)), (left + 128, (244, 156, 136))):
        pen.rectangle((x, bottom + 8, x + 24, bottom + 12), fill=colour)
    pen.rectangle((right - 120, bottom + 2, right - 60, bottom + 12), fill=(70, 66, 72))
    # A window with the morning in it, and a poster.
    pen.rectangle((986, 60, 1232, 330), fill=(246, 244, 238))
    for row in range(250):
        shade = row / 250
        pen.line(
            (996, 70 + row, 1222, 70 + row),
            fill=(round(150 + 70 * shade), round(192 + 34 * shade), round(222 + 12 * shade)),
        )
    pen.ellipse((1000, 250, 1150, 400), fill=(112, 150, 104))
    pen.ellipse((1090, 262, 1240, 420), fill=(96, 136, 92))
    pen.rectangle((980, 320, 1250, 422), fill=WALL)
    pen.rectangle((1233, 200, 1250, 322), fill=WALL)
    pen.rectangle((976, 318, 1242, 332), fill=(246, 244, 238))
    pen.rectangle((1104, 60, 1114, 320), fill=(246, 244, 238))
    pen.rectangle((986, 186, 1232, 194), fill=(246, 244, 238))
    pen.rectangle((1222, 60, 1232, 320), fill=(246, 244, 238))
    return image


def daylight(planes: Planes) -> None:
    """Light falls in from the window, and a camera's grain lies over everything."""
    rows, columns = np.ogrid[0:HEIGHT, 0:WIDTH]
    across, down = (((columns - 1110) / 620) ** 2).astype(np.float32), (((rows - 120) / 520) ** 2).astype(np.float32)
    light = np.float32(0.26) / (1 + (across + down) ** 2)
    grain = np.random.default_rng(3).integers(-2, 3, (HEIGHT, WIDTH), dtype=np.int8)
    planes.y[:] = planes.y + (np.float32(233) - planes.y) * light + grain
    light = light[::2, ::2]
    for plane, warm in ((planes.u, 125), (planes.v, 130)):
        plane[:] = plane + (np.float32(warm) - plane) * light


def students() -> list[Sprite]:
    """Heads and shoulders in the first rows, seen from behind."""
    sprites = []
    tops = ((64, 628, 0), (222, 640, 1), (390, 626, 2), (560, 642, 3), (730, 630, 4), (890, 640, 0))
    hair = ((30, 26, 26), (52, 38, 30), (146, 62, 70), (26, 28, 34), (60, 84, 110))
    coats = ((84, 96, 120), (120, 70, 62), (96, 52, 60), (70, 92, 76), (56, 76, 100))
    for middle, top, kind in tops:
        left, width = (middle - 90) & ~1, 180
        height = (HEIGHT - top + 1) & ~1
        image = Image.new("RGBA", (width * 3, height * 3), (*coats[kind], 0))
        pen = ImageDraw.Draw(image)
        pen.rounded_rectangle((36, 3 * 74, 3 * width - 36, 3 * height + 90), 120, fill=coats[kind])
        pen.ellipse((3 * 55, 6, 3 * 125, 3 * 92), fill=hair[kind])
        if kind in {2, 4}:  # a scarf falls over the shoulders
            pen.polygon((3 * 57, 3 * 50, 3 * 123, 3 * 50, 3 * 140, 3 * height, 3 * 40, 3 * height), fill=hair[kind])
        sprites.append(Sprite(image.reduce(3), left, HEIGHT - height))
    return sprites
