"""What every frame of the simulated camera shares: its size, plain pictures, and figures in five by seven dots drawn
straight into the luma plane. Standard library only, so that the very first frame can carry the clock.

A picture is yuv420p in one buffer: WIDTH x HEIGHT bytes of Y, then a quarter of that of U and of V (BT.709, limited
range: black 16, white 235).
"""

from __future__ import annotations

import time

WIDTH, HEIGHT = 1280, 720
LUMA = WIDTH * HEIGHT
CHROMA = LUMA // 4
BLACK, WHITE = 16, 235

ROWS, COLUMNS = 7, 5
DOTS = {
    "0": "01110 10001 10011 10101 11001 10001 01110",
    "1": "00100 01100 00100 00100 00100 00100 01110",
    "2": "01110 10001 00001 00110 01000 10000 11111",
    "3": "11111 00010 00100 00010 00001 10001 01110",
    "4": "00010 00110 01010 10010 11111 00010 00010",
    "5": "11111 10000 11110 00001 00001 10001 01110",
    "6": "00110 01000 10000 11110 10001 10001 01110",
    "7": "11111 00001 00010 00100 01000 01000 01000",
    "8": "01110 10001 10001 01110 10001 10001 01110",
    "9": "01110 10001 10001 01111 00001 00010 01100",
    ":": "00000 00100 00100 00000 00100 00100 00000",
    ".": "00000 00000 00000 00000 00000 01100 01100",
    "-": "00000 00000 00000 11111 00000 00000 00000",
    "+": "00000 00100 00100 11111 00100 00100 00000",
    "s": "00000 00000 01110 10000 01110 00001 11110",
    " ": "00000 00000 00000 00000 00000 00000 00000",
}


class Figures:
    """Writes short texts of figures with dots of ``scale`` pixels into a luma plane of ``stride`` bytes a row."""

    def __init__(self, stride: int, scale: int, ink: int = 225, paper: int = 40) -> None:
        self._stride = stride
        self._scale = scale
        self._glyphs: dict[str, list[bytes]] = {}
        for sign, dots in DOTS.items():
            rows = [row + "0" for row in dots.split()]
            self._glyphs[sign] = [
                b"".join(bytes([ink if dot == "1" else paper]) * scale for dot in row) for row in rows
            ]
        self._blank = bytes([paper])

    @property
    def height(self) -> int:
        return (ROWS + 2) * self._scale

    def width(self, text: str) -> int:
        return ((COLUMNS + 1) * len(text) + 1) * self._scale

    def write(self, picture: bytearray | memoryview, text: str, x: int, y: int) -> None:
        """With its upper left corner at x, y, on a box of its own."""
        scale, width = self._scale, self.width(text)
        edge = self._blank * width
        lead = self._blank * scale
        rows = [edge]
        rows += [lead + b"".join(self._glyphs[sign][row] for sign in text) for row in range(ROWS)]
        rows.append(edge)
        at = y * self._stride + x
        for row in rows:
            for _ in range(scale):
                picture[at : at + width] = row
                at += self._stride


def plain(luma: int) -> bytearray:
    """A grey picture."""
    return bytearray(bytes([luma]) * LUMA + bytes([128]) * (2 * CHROMA))


def fill(picture: bytearray, box: tuple[int, int, int, int], yuv: tuple[int, int, int]) -> None:
    """Paint a box (left, top, right, bottom; even figures) in one colour."""
    left, top, right, bottom = box
    for plane, (start, stride, shrink) in enumerate(
        ((0, WIDTH, 1), (LUMA, WIDTH // 2, 2), (LUMA + CHROMA, WIDTH // 2, 2))
    ):
        row = bytes([yuv[plane]]) * ((right - left) // shrink)
        for y in range(top // shrink, bottom // shrink):
            at = start + y * stride + left // shrink
            picture[at : at + len(row)] = row


def clock(mono: float, wall_offset: float) -> str:
    """Wall time and the monotonic seconds of one instant, e.g. ``14:03:27.40  81234.40 s``."""
    wall = mono + wall_offset
    hours = time.strftime("%H:%M:%S", time.localtime(wall))
    return f"{hours}.{int(wall * 100) % 100:02d}  {mono:.2f} s"
