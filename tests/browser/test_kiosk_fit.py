"""The panel fits every screen, hand, language and reader."""

from __future__ import annotations

import json
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from kiosk_ui.page import STATIC
from tests.browser.conftest import NO_ANSWER, Visits
from tests.browser.room_peer import STARTED, RoomPeer, Status, furnished, kept, paused, planned, ready, recording
from tests.browser.test_kiosk_states import mode, settled, stop_button

SIZES = [(1920, 1080), (1280, 800), (3840, 2160), (390, 844)]
PHONE = 899


def troubled() -> Status:
    status = furnished(recording())
    status["sources"][0] |= {"state": "lost", "problem": {"code": "camera-unreachable", "detail": "", "facts": {}}}
    facts = {"source": "front", "kind": "camera", "problem": "camera-unreachable"}
    status["health"] = {"code": "source-lost", "level": "warning", "facts": facts}
    status["sync"]["problem"] = "unreachable"
    status["lesson"]["gaps"] = 1
    return status


def unable() -> Status:
    return ready() | {
        "state": "cannot-record",
        "sources": [],
        "health": {"code": "no-sources", "level": "error", "facts": {}},
    }


STATES: dict[str, Status] = {
    "ready": ready() | {"last": kept()["last"]},
    "starting": recording(0.0) | {"state": "starting"},
    "recording": recording(),
    "recording with trouble": troubled(),
    "ready before a planned lesson": planned(ready()),
    "ending soon": planned(recording(), lesson=recording()["lesson"]["id"], ends=STARTED + 600),
    "paused": paused(),
    "stopping": recording() | {"state": "stopping"},
    "ended": paused() | {"state": "stopping", "undo_seconds": 28},
    "cannot-record": unable(),
}


def speak(page: Page, room: RoomPeer, state: str, language: str) -> None:
    status = STATES[state]
    room.show(status | {"room": status["room"] | {"language": language}})
    if page.locator("html").get_attribute("lang") != language:
        page.reload()
    mode(page, "ended" if state == "ended" else status["state"])
    expect(page.locator("html")).to_have_attribute("lang", language)


def severe(page: Page) -> list[str]:
    violations: list[dict[str, Any]] = Axe().run(page).response["violations"]
    return [
        f"{v['id']}: {node['html'][:200]}"
        for v in violations
        if v["impact"] in ("serious", "critical")
        for node in v["nodes"]
    ]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("language", ["en", "ar"])
def test_nobody_is_shut_out(room: RoomPeer, visits: Visits, language: str, theme: str) -> None:
    visits.expected.append(NO_ANSWER)
    page = visits.open(room.url, theme=theme, at="2026-11-21T10:02:00Z")
    for state in STATES:
        speak(page, room, state, language)
        expect(page.locator("html")).to_have_attribute("data-theme", theme)
        assert severe(page) == [], state
    room.show(recording())
    mode(page, "recording")
    room.show(kept())
    mode(page, "kept")
    assert severe(page) == []
    room.show(recording())
    mode(page, "recording")
    room.stop()
    mode(page, "lost")
    assert severe(page) == []


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_every_target_is_large_and_stands_apart(room: RoomPeer, visits: Visits, size: tuple[int, int]) -> None:
    page = visits.open(room.url, size=size)
    for state in STATES:
        speak(page, room, state, "en")
        boxes = page.evaluate(
            """() => [...document.querySelectorAll('button, input')]
                .filter((e) => e.checkVisibility({ visibilityProperty: true }))
                .map((e) => [e.textContent || e.id, e.getBoundingClientRect()])
                .map(([name, { x, y, width, height }]) => ({ name, x, y, width, height }))"""
        )
        assert boxes
        for box in boxes:
            assert box["width"] >= 64, box
            assert box["height"] >= 64, box
        for one in boxes:
            for other in boxes:
                across = max(one["x"], other["x"]) - min(one["x"] + one["width"], other["x"] + other["width"])
                down = max(one["y"], other["y"]) - min(one["y"] + one["height"], other["y"] + other["height"])
                assert one is other or max(across, down) >= 15.9, (state, one, other)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("language", ["fr", "ar", "ur", "zh"])
def test_nothing_is_cut_off_when_words_are_a_third_longer(
    room: RoomPeer, visits: Visits, language: str, size: tuple[int, int]
) -> None:
    written = json.loads((STATIC / "locale" / f"{language}.json").read_text("utf-8"))
    longer = json.dumps({key: stretch(value) for key, value in written.items()})
    given = """(parse) => { JSON.parse = (text) => {
        const said = parse(text);
        return said.messages ? { ...said, messages: %s } : said;
    }; }"""
    page = visits.open(
        room.url, size=size, prepare=lambda page: page.add_init_script(f"({given % longer})(JSON.parse)")
    )
    for state in STATES:
        speak(page, room, state, language)
        wide, tall, cut = page.evaluate(
            """() => {
                const root = document.documentElement;
                const cut = [...document.querySelectorAll('p, button, span, label')]
                    .filter((e) => e.checkVisibility({ visibilityProperty: true }) && !e.closest('.unseen'))
                    .filter((e) => e.clientWidth && (e.scrollWidth > e.clientWidth + 1
                                                     || e.getBoundingClientRect().right > innerWidth + 1
                                                     || e.getBoundingClientRect().left < -1))
                    .map((e) => e.className + ' ' + e.textContent);
                return [root.scrollWidth - innerWidth, root.scrollHeight - innerHeight, cut];
            }"""
        )
        assert cut == [], state
        assert wide <= 0, state
        assert tall <= 0 or size[0] <= PHONE or state == "recording with trouble", state


@pytest.mark.parametrize("size", [*SIZES, (1080, 1920)], ids=lambda size: f"{size[0]}x{size[1]}")
def test_pictures_keep_their_shape(room: RoomPeer, visits: Visits, size: tuple[int, int]) -> None:
    room.show(recording())
    page = visits.open(room.url, size=size)
    expect(page.locator("source-picture[data-live]")).to_have_count(2)
    for picture in page.locator("source-picture").all():
        box = picture.bounding_box()
        assert box is not None
        assert box["width"] >= 160
        assert box["width"] / box["height"] == pytest.approx(16 / 9, rel=0.02)


def stretch(value: str | dict[str, str]) -> str | dict[str, str]:
    if isinstance(value, dict):
        return {form: longer_by_a_third(text) for form, text in value.items()}
    return longer_by_a_third(value)


def longer_by_a_third(text: str) -> str:
    """Words as long as the words there are."""
    words = [word for word in text.split() if "{" not in word]
    extra, number = "", 0
    while words and len(extra) < 0.3 * len(text) - 1:
        extra += " " + words[number % len(words)]
        number += 1
    return text + (extra if len(words) > 1 else extra.strip()[: max(1, round(0.3 * len(text)))])


def test_nothing_moves_while_values_change(room: RoomPeer, visits: Visits) -> None:
    room.show(recording(elapsed=3599.0))
    page = visits.open(room.url, size=(1280, 800))
    mode(page, "recording")
    settled(page)
    where = (
        "() => [...document.querySelectorAll('.controls button, .tile')].map((e) => e.getBoundingClientRect().toJSON())"
    )
    before = page.evaluate(where)
    changed = recording(elapsed=36001.0)
    changed["disk"]["hours_left"] = 0.5
    changed["sync"] |= {"lessons_waiting": 0}
    changed["lesson"] |= {"marks": 12, "gaps": 3}
    changed["health"] = {"code": "microphone-silent", "level": "warning", "facts": {"source": "lectern"}}
    room.show(planned(changed, lesson=changed["lesson"]["id"], ends=STARTED + 600))
    expect(page.locator(".headline")).to_have_text("10:00:01")
    expect(page.locator(".more")).to_be_visible()
    assert page.evaluate(where) == before
    page.locator(".mark").click()
    expect(page.locator(".mark")).to_have_attribute("data-done", "")
    page.mouse.move(5, 5)
    assert page.evaluate(where) == before


def test_the_ring_fills_while_stop_is_held(room: RoomPeer, visits: Visits) -> None:
    room.show(recording())
    page = visits.open(room.url)
    mode(page, "recording")
    settled(page)
    offset = "parseFloat(getComputedStyle(document.querySelector('.ring-fill')).strokeDashoffset)"
    assert page.evaluate(offset) == 1
    stop_button(page).hover()
    page.mouse.down()
    page.wait_for_function(f"() => {offset} < 0.6")
    page.mouse.move(5, 5)
    page.mouse.up()
    page.wait_for_function(f"() => {offset} === 1")


def test_motion_is_left_out_for_who_asks_for_that(room: RoomPeer, visits: Visits) -> None:
    room.show(recording())
    page = visits.open(room.url, reduced_motion="reduce")
    mode(page, "recording")
    moving = "document.getAnimations().filter((a) => a.playState === 'running').length"
    assert page.evaluate(moving) == 0


def test_focus_is_seen(room: RoomPeer, visits: Visits) -> None:
    page = visits.open(room.url)
    mode(page, "ready")
    seen = 0
    page.keyboard.press("Tab")
    while page.evaluate("document.activeElement !== document.body"):
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        page.keyboard.press("Tab")
        seen += 1
    assert seen >= 4


def test_no_script_or_style_but_the_panels_own_may_run(room: RoomPeer, visits: Visits) -> None:
    visits.expected.append("Content Security Policy|TrustedHTML|requires 'Trusted")
    page = visits.open(room.url)
    mode(page, "ready")
    ran = page.evaluate(
        """() => {
            const script = document.createElement('script');
            try { script.text = 'window.ran = true'; document.head.append(script); } catch { /* refused earlier */ }
            try { document.body.insertAdjacentHTML('beforeend', '<img src=x onerror="window.ran = true">'); } catch { }
            return window.ran ?? false;
        }"""
    )
    assert ran is False
