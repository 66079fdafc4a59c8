"""The panel in the language of who stands before it, written and counted as it is there."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visits
from tests.browser.room_peer import RoomPeer, ready
from tests.browser.test_kiosk_states import START


def test_the_language_is_the_rooms_until_someone_chooses(room: RoomPeer, visits: Visits) -> None:
    room.show(ready("ar"))
    page = visits.open(room.url)
    expect(page.locator(".start")).to_have_text(START["ar"])
    page.locator("#title").fill("رياضيات")
    page.get_by_role("button", name="العربية").click()
    expect(page.locator(".languages button")).to_have_text(["English", "Français", "العربية", "اردو", "中文"])
    page.get_by_role("button", name="Français").click()
    expect(page.locator(".start")).to_have_text("Démarrer")
    expect(page.locator("#title")).to_have_value("رياضيات")
    expect(page.get_by_role("button", name="Français")).to_be_focused()
    page.reload()
    expect(page.locator(".start")).to_have_text("Démarrer")
    expect(page.locator("html")).to_have_attribute("lang", "fr")


@pytest.mark.parametrize(
    ("language", "direction", "day"), [("ur", "rtl", "ہفتہ، 21 نومبر کو 10:02"), ("zh", "ltr", "11月21日星期六 10:02")]
)
def test_urdu_and_chinese_are_written_their_own_way(
    room: RoomPeer, visits: Visits, language: str, direction: str, day: str
) -> None:
    """Their script's direction and their order of a date."""
    room.show(ready(language))
    page = visits.open(room.url, at="2026-11-21T10:02:00Z")
    expect(page.locator("html")).to_have_attribute("dir", direction)
    expect(page.locator("#title")).to_have_value(day)


@pytest.mark.parametrize(
    ("hours", "sentence"),
    [
        (41.6, "المساحة تكفي لـ 41 ساعة أخرى"),
        (5.2, "المساحة تكفي لـ 5 ساعات أخرى"),
        (101.0, "المساحة تكفي لـ 101 ساعة أخرى"),
        (2 / 60 + 0.001, "المساحة تكفي لدقيقتين أخريين"),
        (1 / 60 + 0.001, "المساحة تكفي لدقيقة أخرى"),
        (0.0, "لم تبقَ مساحة لدقيقة أخرى"),
    ],
)
def test_arabic_counts_as_arabic_does(room: RoomPeer, visits: Visits, hours: float, sentence: str) -> None:
    status = ready("ar")
    status["disk"]["hours_left"] = hours
    room.show(status)
    page = visits.open(room.url)
    expect(page.locator(".facts")).to_contain_text(sentence)
