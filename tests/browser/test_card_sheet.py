"""A printed sheet of cards: if these fail, an admin has cut out sixty cards that open nothing, or fit no purse."""

from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from lms_server.portal.card_sheet import card_sheet
from lms_sync import wire_cards
from tests.browser.conftest import Visits

NAMES = ["Fatou Ndiaye", "محمد الأمين ولد عبد الله", "Jean-Baptiste de la Tour d’Auvergne-Lauraguais", "x" * 100]
MM = 96 / 25.4
"""CSS pixels of a millimetre."""


def readings(picture: Image.Image) -> set[str]:
    """By both readers of OpenCV and from several distances: neither reads each code from each, as no reader does."""
    near = [np.array(picture.resize((picture.width * times, picture.height * times), 0)) for times in (1, 2, 3)]
    readers = (cv2.QRCodeDetector(), cv2.QRCodeDetectorAruco())
    return {reader.detectAndDecode(each)[0] for reader in readers for each in near}


@pytest.mark.parametrize(("language", "direction"), [("en", "ltr"), ("ar", "rtl")])
def test_every_card_is_read_fits_a_purse_and_ten_fit_a_page(
    visits: Visits, tmp_path: Path, language: str, direction: str
) -> None:
    codes = [wire_cards.new_code() for _ in range(23)]
    file = tmp_path / "cards.html"
    file.write_text(card_sheet(language, "ENS", [(NAMES[at % len(NAMES)], code) for at, code in enumerate(codes)]))
    page = visits.open(file.as_uri())
    assert page.locator("html").get_attribute("dir") == direction
    cards = page.locator(".card")
    boxes = [each.bounding_box() or {} for each in cards.all()]
    assert {(round(box["width"] / MM, 1), round(box["height"] / MM, 1)) for box in boxes} == {(85.6, 54.0)}
    assert page.locator(".card").evaluate_all(
        "all => all.every(card => card.scrollHeight <= card.clientHeight && card.scrollWidth <= card.clientWidth)"
    )
    for card, code in zip(page.locator(".qr").all(), codes, strict=True):
        assert code in readings(Image.open(io.BytesIO(card.screenshot())).convert("L"))
    assert page.pdf(prefer_css_page_size=True).count(b"/Type /Page\n") == 3
