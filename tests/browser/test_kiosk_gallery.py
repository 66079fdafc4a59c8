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
OUTSIDE = """() => [...document.querySelectorAll('.component')].flatMap((host) =>
    [...host.shadowRoot.querySelectorAll('button, input, li')]
        .map((e) => [e, e.getBoundingClientRect()])
        .filter(([, { left, right, width }]) => width && (left < 0 || right > innerWidth))
        .map(([e]) => `${host.dataset.component} ${host.dataset.state}: ${e.className} ${e.textContent}`))"""
EMPTY = """() => [...document.querySelectorAll('.component')]
    .filter((host) => !host.shadowRoot.textContent.trim() || host.getBoundingClientRect().height < 20)
    .map((host) => `${host.dataset.component} ${host.dataset.state}`)"""


FIGURES = """async () => {
    const { Words } = await import('/js/words.js');
    const differ = [];
    const rooms = ['en en', 'fr fr', 'ar ar', 'ar ar-EG', 'ur ur', 'zh zh', 'en ar', 'ur ur-IN', 'fr fr-CH'];
    for (const [language, room] of rooms.map((each) => each.split(' '))) {
        const words = new Words(language, {}, room);
        const two = new Intl.NumberFormat(words.tag, { minimumIntegerDigits: 2, useGrouping: false });
        const whole = new Intl.NumberFormat(words.tag, { maximumFractionDigits: 0 });
        for (const n of [0, 7, 41.6, 59, 998, 998.7, 1234, -3])
            if (words.number(n) !== whole.format(n) || (n % 1 === 0 && n >= 0 && words.two(n) !== two.format(n)))
                differ.push(`${language} ${room} ${n}`);
    }
    return differ;
}"""


def test_figures_are_those_of_the_language_though_they_are_written_without_asking(visits: Visits) -> None:
    page = visits.open(f"{URL}?language=en", prepare=hang)
    assert page.evaluate(FIGURES) == []


@pytest.mark.parametrize(("language", "theme"), [("ar", "light"), ("en", "dark"), ("ur", "light")])
def test_every_component_in_every_state(visits: Visits, language: str, theme: str) -> None:
    address = f"{URL}?language={language}&theme={theme}"
    page = visits.open(address, size=(1280, 800), at="2026-11-21T10:02:00Z", prepare=hang)
    page.locator("html[data-made]").wait_for()
    assert page.locator(".component").count() == EVERY
    assert page.evaluate(EMPTY) == []
    assert page.evaluate(CUT) == []
    assert page.evaluate(OUTSIDE) == []
    assert severe(page) == []
