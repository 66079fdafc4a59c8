"""A list shows what a stranger's poster shows, small, or nothing; a picture that is a trap harms no worker."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from media.renditions.layout import CannotRender
from media.renditions.thumbnail import BOX, make_thumbnail


@pytest.mark.parametrize(("size", "small"), [((960, 540), BOX), ((960, 720), (240, 180)), ((64, 36), (64, 36))])
def test_it_fits_into_its_box_and_keeps_its_shape(
    tmp_path: Path, size: tuple[int, int], small: tuple[int, int]
) -> None:
    poster, part = tmp_path / "poster.jpg", tmp_path / "thumbnail.jpg"
    Image.effect_noise(size, 90).convert("RGB").save(poster)
    make_thumbnail(poster, part)
    with Image.open(part) as image:
        assert (image.format, image.size) == ("JPEG", small)
    assert part.stat().st_size < 20_000


@pytest.mark.parametrize("body", [b"", b"no picture", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_jpeg_is_said_and_not_tried_again(tmp_path: Path, body: bytes) -> None:
    poster = tmp_path / "poster.jpg"
    poster.write_bytes(body)
    with pytest.raises(CannotRender):
        make_thumbnail(poster, tmp_path / "thumbnail.jpg")


def test_a_picture_of_a_billion_pixels_is_not_opened(tmp_path: Path) -> None:
    poster = tmp_path / "poster.jpg"
    Image.new("L", (8, 8)).save(poster)
    body = bytearray(poster.read_bytes())
    frame = body.index(b"\xff\xc0") + 5  # its height and width
    body[frame : frame + 4] = b"\x80\x00\x80\x00"
    poster.write_bytes(bytes(body))
    with pytest.raises(CannotRender):
        make_thumbnail(poster, tmp_path / "thumbnail.jpg")
