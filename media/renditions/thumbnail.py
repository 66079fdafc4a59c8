"""The poster once more, small enough that a page shows fifty of them over a poor link."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, UnidentifiedImageError

from media.renditions.layout import CannotRender

BOX = 320, 180
"""Pixels; it fits in, and keeps its shape."""
QUALITY = 60
LARGEST = 40_000_000
"""Pixels of a picture that is opened at all."""


def make_thumbnail(poster: Path, part: Path) -> None:
    """Write a JPEG of a few KB; the caller puts it in place. Raises CannotRender, OSError."""
    try:
        with Image.open(poster, formats=("JPEG",)) as image:
            if image.width * image.height > LARGEST:
                raise CannotRender(f"The poster has {image.width} × {image.height} pixels; that is too large for one.")
            image.draft("RGB", BOX)
            small = image.convert("RGB")
    except (UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise CannotRender("The poster is no JPEG of a size that one is.") from error
    small.thumbnail(BOX)
    small.save(part, "JPEG", quality=QUALITY, optimize=True)
