"""Many teachers' cards as one page to print: A4, ten to a sheet, each as large as a bank card."""

from __future__ import annotations

from collections.abc import Sequence

import segno
from markupsafe import Markup

from lms_server.portal.language import Tongues


def pictured(code: str) -> Markup:
    """A card's code as a QR code that fills what it stands in."""
    drawn = segno.make(code, micro=False, error="m").svg_inline(border=4, omitsize=True)
    return Markup(drawn)  # noqa: S704  of figures


def card_sheet(language: str, institution: str, cards: Sequence[tuple[str, str]]) -> str:
    """HTML that needs nothing besides. language: one of ours. cards: (name, code) each."""
    tongues = Tongues()
    shown = [(name, pictured(code)) for name, code in cards]
    return tongues.render(tongues.named(language), "card_sheet.html", institution=institution, cards=shown)
