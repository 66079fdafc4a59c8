"""One press is one happening: a bouncing contact must not stop the lesson it has just begun, whatever the kernel's
reads look like."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.input.presses import EV_KEY, EVENT, KEYS, Presses, code_of
from drivers.protocols import Happening

F5, MUTE = KEYS["F5"], KEYS["MUTE"]


def event(at: float, code: int, value: int, kind: int = EV_KEY) -> bytes:
    return EVENT.pack(int(at), round((at % 1) * 1e6), kind, code, value)


def presses() -> Presses:
    return Presses({F5: "toggle", MUTE: "mute"}, {MUTE: "unmute"}, bounce=0.04)


def test_a_press_counts_once_and_letting_go_of_a_button_means_nothing() -> None:
    said = presses().feed(event(10.0, F5, 1) + event(10.3, F5, 2) + event(10.4, F5, 2) + event(11.0, F5, 0))
    assert said == ["toggle"]


def test_a_contact_that_bounces_is_one_press() -> None:
    bounces = b"".join(event(10.0 + at / 1000, F5, value) for at, value in [(0, 1), (3, 0), (5, 1), (9, 0), (14, 1)])
    again = b"".join(event(10.5 + at / 1000, F5, value) for at, value in [(0, 0), (2, 1), (4, 0)])
    assert presses().feed(bounces + again) == ["toggle"]


def test_a_switch_that_stays_down_says_both() -> None:
    both = presses()
    assert both.feed(event(10.0, MUTE, 1)) == ["mute"]
    assert both.feed(event(95.0, MUTE, 0)) == ["unmute"]


def test_a_clock_that_was_set_back_does_not_silence_a_button() -> None:
    button = presses()
    assert button.feed(event(1_800_000_000.0, F5, 1) + event(1_800_000_000.2, F5, 0)) == ["toggle"]
    assert button.feed(event(1_700_000_000.0, F5, 1)) == ["toggle"]


def test_other_keys_and_other_events_are_nobody_s_business() -> None:
    noise = event(1.0, KEYS["A"], 1) + event(1.1, F5, 1, kind=0) + event(1.2, F5, 1, kind=4)
    assert presses().feed(noise) == []


@given(st.lists(st.integers(1, 60), max_size=30))
def test_reads_of_any_size_give_the_same_presses(cuts: list[int]) -> None:
    stream = b"".join(event(float(at), F5 if at % 4 else MUTE, at % 2) for at in range(1, 13))
    whole: list[Happening] = presses().feed(stream)
    torn = presses()
    said: list[Happening] = []
    for cut in cuts:
        piece, stream = stream[:cut], stream[cut:]
        said += torn.feed(piece)
    assert said + torn.feed(stream) == whole


def test_a_mistyped_key_gets_a_hint() -> None:
    assert code_of("key_f5") == code_of("F5") == code_of("#63") == 63
    with pytest.raises(ValueError, match='did you mean "PAGEDOWN"'):
        code_of("PAGEDWN")
