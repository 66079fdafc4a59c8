"""From Pillow's pictures to the simulated camera's planes, and the fonts to write with.

Colours: sRGB in, BT.709 limited range out.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFont, features

from drivers.camera.sim_frame import CHROMA, HEIGHT, LUMA, WIDTH

Bytes = npt.NDArray[np.uint8]
Words = npt.NDArray[np.uint16]
Colour = tuple[int, int, int]
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

FOLDERS = (
    "/usr/share/fonts/truetype/noto",
    "/usr/share/fonts/truetype/dejavu",
    "/usr/share/fonts/noto",
    "/usr/share/fonts/TTF",
)
LATIN = ("NotoSans-Regular.ttf", "DejaVuSans.ttf")
LATIN_BOLD = ("NotoSans-Bold.ttf", "DejaVuSans-Bold.ttf")
ARABIC = ("NotoNaskhArabic-Regular.ttf", "NotoSansArabic-Regular.ttf", "DejaVuSans.ttf")
ARABIC_BOLD = ("NotoNaskhArabic-Bold.ttf", "NotoSansArabic-Bold.ttf", "DejaVuSans-Bold.ttf")


PLAIN_SIGNS = str.maketrans({"–": "-", "×": "x", "·": ".", "Δ": "D", "\u00a0": " "})


@cache
def _file(names: tuple[str, ...]) -> str | None:
    return next((str(file) for name in names for folder in FOLDERS if (file := Path(folder, name)).is_file()), None)


def font(size: int, names: tuple[str, ...] = LATIN) -> Font:
    """The first of these fonts that the machine has, else Pillow's own."""
    file = _file(names)
    return ImageFont.truetype(file, size) if file else ImageFont.load_default(size)


def writable(text: str) -> str:
    """The text, or what Pillow's own font has of it when the machine has no other."""
    if _file(LATIN):
        return text
    simple = unicodedata.normalize("NFKD", text.translate(PLAIN_SIGNS))
    return simple.encode("ascii", "ignore").decode()


def writes_arabic() -> bool:
    """Whether Arabic can be written as it should be: a font, and the shaping of letters."""
    return _file(ARABIC) is not None and bool(features.check("raqm"))


def quarter(plane: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The mean of each square of four pixels."""
    rows = plane[::2] + plane[1::2]
    return (rows[:, ::2] + rows[:, 1::2]) * np.float32(0.25)


def yuv(rgb: npt.NDArray[np.uint8]) -> tuple[Bytes, Bytes, Bytes]:
    """(height, width, 3) of even sizes to Y (height, width), U and V (half of each)."""
    colour = rgb.astype(np.float32)
    red, green, blue = colour[..., 0], colour[..., 1], colour[..., 2]
    luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue

    u = quarter(blue - luma) / np.float32(1.8556)
    v = quarter(red - luma) / np.float32(1.5748)
    return (
        np.rint(16 + luma * (219 / 255)).astype(np.uint8),
        np.rint(128 + u * (224 / 255)).astype(np.uint8),
        np.rint(128 + v * (224 / 255)).astype(np.uint8),
    )


class Planes:
    """One picture: ``data`` and its three planes, which share its memory."""

    def __init__(self) -> None:
        self.data = bytearray(LUMA + 2 * CHROMA)
        whole = np.frombuffer(self.data, np.uint8)
        self.y = whole[:LUMA].reshape(HEIGHT, WIDTH)
        self.u = whole[LUMA : LUMA + CHROMA].reshape(HEIGHT // 2, WIDTH // 2)
        self.v = whole[LUMA + CHROMA :].reshape(HEIGHT // 2, WIDTH // 2)

    def paint(self, image: Image.Image) -> None:
        """The whole picture from an image of its size."""
        self.y[:], self.u[:], self.v[:] = yuv(np.asarray(image.convert("RGB")))

    def copy(self, other: Planes, box: tuple[int, int, int, int]) -> None:
        """A box (left, top, right, bottom; even) from another picture."""
        left, top, right, bottom = box
        self.y[top:bottom, left:right] = other.y[top:bottom, left:right]
        left, top, right, bottom = left // 2, top // 2, right // 2, bottom // 2
        self.u[top:bottom, left:right] = other.u[top:bottom, left:right]
        self.v[top:bottom, left:right] = other.v[top:bottom, left:right]


class Sprite:
    """A cut-out that can be laid over a picture. x and y: where its corner lies from its owner's origin."""

    def __init__(self, image: Image.Image, x: int, y: int) -> None:
        self.x, self.y = x, y
        self.width, self.height = image.size
        pixels = np.asarray(image.convert("RGBA"))
        alpha = pixels[..., 3].astype(np.uint16)
        alpha += alpha >> 7  # 0…256, so that a shift divides
        small = quarter(alpha.astype(np.float32)).astype(np.uint16)
        self._layers = [
            (256 - share, plane.astype(np.uint16) * share)
            for plane, share in zip(yuv(pixels[..., :3]), (alpha, small, small), strict=True)
        ]

    def draw(self, planes: Planes, origin_x: int, origin_y: int) -> None:
        """Over the picture, clipped to it; even origins keep the colours in place."""
        left, top = origin_x + self.x, origin_y + self.y
        for plane, (rest, share), shrink in zip((planes.y, planes.u, planes.v), self._layers, (1, 2, 2), strict=True):
            height, width = plane.shape
            x0, y0 = left // shrink, top // shrink
            from_x, from_y = max(0, -x0), max(0, -y0)
            to_x, to_y = min(rest.shape[1], width - x0), min(rest.shape[0], height - y0)
            if from_x >= to_x or from_y >= to_y:
                continue
            part = (slice(from_y, to_y), slice(from_x, to_x))
            target = plane[y0 + from_y : y0 + to_y, x0 + from_x : x0 + to_x]
            mixed = rest[part] * target
            mixed += share[part]
            mixed >>= 8
            target[:] = mixed
