"""Words must be readable in a bright room: the colours of both themes, measured as WCAG measures them."""

from __future__ import annotations

import re

import pytest

from kiosk_ui.compile import HERE

TEXT = (HERE / "static" / "tokens.css").read_text("utf-8")
COLOUR = re.compile(r"--([a-z-]+): (#[0-9a-f]{6});")
PAIRS = [
    *((ink, ground) for ink in ("ink", "ink-soft", "ok", "warning", "error") for ground in ("paper", "surface")),
    *(("on-" + ground, ground) for ground in ("accent", "recording", "paused", "picture")),
    ("on-accent", "accent-pressed"),
    ("ink", "shade"),
    ("paper", "ink"),
]
SHAPES = [("line", "paper"), ("line", "surface"), ("focus", "paper"), ("recording-edge", "paper"), ("accent", "paper")]


def block(head: str) -> dict[str, str]:
    """The colours of the first rule with this selector."""
    return dict(COLOUR.findall(TEXT.split(head, 1)[1].split("}")[0]))


THEMES = {"light": block(":root {"), "dark": block(':root[data-theme="dark"] {')}


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", THEMES)
def test_words_reach_seven_to_one(theme: str) -> None:
    colours = THEMES[theme]
    faint = {pair: contrast(colours[pair[0]], colours[pair[1]]) for pair in PAIRS}
    assert {pair: value for pair, value in faint.items() if value < 7} == {}


@pytest.mark.parametrize("theme", THEMES)
def test_shapes_reach_three_to_one(theme: str) -> None:
    colours = THEMES[theme]
    faint = {pair: contrast(colours[pair[0]], colours[pair[1]]) for pair in SHAPES}
    assert {pair: value for pair, value in faint.items() if value < 3} == {}


def test_the_dark_theme_is_one_whoever_chooses_it() -> None:
    assert block(":root:not([data-theme]) {") == THEMES["dark"]
    assert set(THEMES["light"]) == set(THEMES["dark"])
