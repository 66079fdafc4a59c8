"""Every component in each of its states: nobody is shut out, and nothing is torn or cut off."""

from __future__ import annotations

import pytest

from tests.browser.conftest import Visits
from tests.browser.gallery.serve import URL, hang
from tests.browser.gallery.states import STATES
from tests.browser.test_kiosk_fit import severe

EVERY = sum(map(len, STATES.values()))
CUT = """() => [...document.querySelectorAll('.component')].flatMap((host) =>
    [...host.shadowRoot.querySelectorAll('p, button, span, label, h2, h3, li')]
        .filter((e) => e.checkVisibility({ visibilityProperty: true }) && e.clientWidth)
        .filter((e) => e.scrollWidth > e.clientWidth + 1)
        .map((e) => `${host.dataset.component} ${host.dataset.state}: ${e.className} ${e.textContent}`))"""
EMPTY = """() => [...document.querySelectorAll('.component')]
    .filter((host) => !host.shadowRoot.textContent.trim() || host.getBoundingClientRect().height < 20)
    .map((host) => `${host.dataset.component} ${host.dataset.state}`)"""


@pytest.mark.parametrize(("language", "theme"), [("ar", "light"), ("en", "dark"), ("ur", "light")])
def test_every_component_in_every_state(visits: Visits, language: str, theme: str) -> None:
    page = visits.open(f"{URL}?language={language}&theme={theme}", at="2026-11-21T10:02:00Z", prepare=hang)
    page.locator("html[data-made]").wait_for()
    assert page.locator(".component").count() == EVERY
    assert page.evaluate(EMPTY) == []
    assert page.evaluate(CUT) == []
    assert severe(page) == []
