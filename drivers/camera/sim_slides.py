"""The simulated room's slides: numbered, in three languages, each growing bullet by bullet."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image, ImageDraw

from drivers.camera.sim_frame import HEIGHT, WIDTH
from drivers.camera.sim_paint import (
    ARABIC,
    ARABIC_BOLD,
    LATIN,
    LATIN_BOLD,
    Colour,
    Planes,
    font,
    writable,
    writes_arabic,
)

PAPER, INK, SOFT = (250, 249, 245), (32, 38, 52), (110, 116, 130)
MARGIN, HEADER = 88, 132


@dataclass(frozen=True, slots=True)
class Slide:
    title: str
    points: tuple[str, ...]
    accent: Colour
    figure: str = ""
    rtl: bool = False


SLIDES = (
    Slide(
        "Newton's second law",
        ("A force changes the motion of a body", "Force equals mass times acceleration", "Units: 1 N = 1 kg · m/s²"),
        (28, 84, 140),
        "slope",
    ),
    Slide(
        "La deuxième loi de Newton",
        ("Une force modifie le mouvement d'un corps", "Force = masse × accélération", "Unité : 1 N = 1 kg · m/s²"),
        (140, 62, 40),
        "slope",
    ),
    Slide(
        "قانون نيوتن الثاني",
        ("القوة تغيّر حركة الجسم", "القوة تساوي الكتلة مضروبة في التسارع", "الوحدة: نيوتن"),
        (22, 104, 88),
        "slope",
        rtl=True,
    ),
    Slide(
        "Quadratic equations",
        ("ax² + bx + c = 0", "Discriminant: b² – 4ac", "Positive: the curve crosses the axis twice"),
        (96, 58, 132),
        "parabola",
    ),
    Slide(
        "Où vit l'eau de la Terre ?",
        ("Océans : 97,5 %", "Glaciers : 1,7 %", "Eau douce disponible : 0,8 %"),
        (18, 100, 130),
        "bars",
    ),
    Slide(
        "Before next week",
        ("Read chapter 4, pages 52 to 61", "Exercises 3, 5 and 8", "Bring one question of your own"),
        (150, 96, 20),
    ),
)


class Slides:
    """See ``drivers.camera.sim_feeder.Scene``. One picture is kept and sent again until something appears on it."""

    each = False

    def __init__(self, fps: int, slide_seconds: float) -> None:
        self._fps = fps
        self._seconds = slide_seconds
        self._slides = [slide for slide in SLIDES if not slide.rtl or writes_arabic()]
        self._planes = Planes()
        self._shown: tuple[int, int] | None = None
        self.picture(0)

    def picture(self, number: int) -> bytearray:
        count, since = divmod(number / self._fps, self._seconds)
        slide = self._slides[int(count) % len(self._slides)]
        # The title alone first, then a point at a time; all have been there for a while before the next slide.
        points = min(len(slide.points), int(since / self._seconds * (len(slide.points) + 2)))
        if self._shown != (int(count), points):
            self._shown = (int(count), points)
            self._planes.paint(draw(slide, int(count) + 1, points))
        return self._planes.data


def draw(slide: Slide, number: int, points: int) -> Image.Image:
    """One slide with its first points."""
    image = Image.new("RGB", (WIDTH, HEIGHT), PAPER)
    pen = ImageDraw.Draw(image)
    bold, regular = (ARABIC_BOLD, ARABIC) if slide.rtl else (LATIN_BOLD, LATIN)
    direction = "rtl" if slide.rtl else None
    start, anchor = (WIDTH - MARGIN, "rm") if slide.rtl else (MARGIN, "lm")
    pen.rectangle((0, 0, WIDTH, HEADER), fill=slide.accent)
    pen.text(
        (start, HEADER / 2), writable(slide.title), font=font(52, bold), fill=PAPER, anchor=anchor, direction=direction
    )
    for row, point in enumerate(slide.points[:points]):
        y = HEADER + 96 + row * 104
        dot = start - 14 if slide.rtl else start + 14
        pen.ellipse((dot - 9, y - 9, dot + 9, y + 9), fill=slide.accent)
        text = start - 48 if slide.rtl else start + 48
        pen.text((text, y), writable(point), font=font(36, regular), fill=INK, anchor=anchor, direction=direction)
    if points:
        _figure(pen, slide)
    pen.line((MARGIN, HEIGHT - 76, WIDTH - MARGIN, HEIGHT - 76), fill=(216, 214, 206), width=2)
    pen.text((MARGIN, HEIGHT - 40), writable("Darsbox · simulated slides"), font=font(22), fill=SOFT, anchor="lm")
    pen.text((WIDTH / 2, HEIGHT - 40), f"{number}", font=font(26, LATIN_BOLD), fill=slide.accent, anchor="mm")
    return image


def _figure(pen: ImageDraw.ImageDraw, slide: Slide) -> None:
    """A small drawing in the free corner below the points."""
    x, y = (MARGIN if slide.rtl else WIDTH - MARGIN - 300), HEIGHT - 100
    if slide.figure == "slope":
        pen.polygon(((x, y), (x + 300, y), (x + 300, y - 140)), fill=(232, 228, 216), outline=slide.accent, width=4)
        pen.polygon(((x + 120, y - 60), (x + 180, y - 88), (x + 156, y - 140), (x + 96, y - 112)), fill=slide.accent)
        pen.line((x + 138, y - 100, x + 138, y - 14), fill=INK, width=5)
        pen.polygon(((x + 128, y - 24), (x + 148, y - 24), (x + 138, y - 4)), fill=INK)
    elif slide.figure == "parabola":
        pen.line((x, y - 50, x + 300, y - 50), fill=SOFT, width=3)
        pen.line((x + 150, y, x + 150, y - 170), fill=SOFT, width=3)
        places = [(x + 150 + n, y - 10 - n * n * 0.0105) for n in range(-120, 121, 4)]
        pen.line(places, fill=slide.accent, width=5, joint="curve")
    elif slide.figure == "bars":
        for row, share in enumerate((1.0, 0.12, 0.06)):
            pen.rounded_rectangle((x, y - 150 + row * 50, x + 300 * share, y - 118 + row * 50), 8, fill=slide.accent)
