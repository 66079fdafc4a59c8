"""If these fail, an armed room loses the first sentence, holds more than it says, or never forgets."""

from __future__ import annotations

import itertools
import os
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.recorder import preroll
from appliance.recorder.preroll import Held, TooMuch, Window, Words
from appliance.spool.takes import Clock
from media.fragments import Fragment, Header

HEADER = Header(b"head", 1000, 0, "avc1", 16, 16, 0, 0, 0)
LENGTH = 0.5


def fragment(number: int, *, key: bool, size: int = 10) -> Fragment:
    return Fragment(number.to_bytes(4, "big").ljust(size, b"."), number * LENGTH, LENGTH, key)


def at(number: int) -> Clock:
    return Clock(100 + number, 1000 + number)


@given(st.lists(st.booleans(), max_size=60), st.integers(1, 10))
def test_what_is_held_begins_with_a_keyframe_and_is_no_more_than_is_said(keys: list[bool], seconds: int) -> None:
    held = Held(HEADER, seconds)
    for number, key in enumerate(keys):
        held.add(fragment(number, key=key), at(number))
    shown = held.since_keyframe()
    length = held.seconds
    found = held.take_out()
    numbers = [int.from_bytes(each.data[:4], "big") for each, _ in found]
    assert numbers == list(range(len(keys)))[len(keys) - len(numbers) :]
    assert bool(numbers) == any(keys)
    if numbers:
        assert found[0][0].key
        # More is held only where there is no later keyframe to begin with.
        assert length <= seconds or not any(keys[numbers[0] + 1 :])
        assert [clock for _, clock in found] == [at(number) for number in numbers]
        assert shown[0].key
        assert not any(each.key for each in shown[1:])
    assert (held.take_out(), held.seconds) == ([], 0.0)


def test_a_source_that_sends_no_keyframe_cannot_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preroll, "MOST_BYTES", 1000)
    held = Held(HEADER, 60)
    for number in range(20):
        held.add(fragment(number, key=True, size=300), at(number))
    assert len(held.take_out()) == 3
    held.add(fragment(0, key=True, size=300), at(0))
    held.add(fragment(1, key=False, size=300), at(1))
    held.add(fragment(2, key=False, size=300), at(2))
    with pytest.raises(TooMuch):
        held.add(fragment(3, key=False, size=300), at(3))


def test_words_come_whole_however_the_pipe_cuts_them() -> None:
    out, into = os.pipe()
    words = Words(out)
    os.write(into, b"show\nhi")
    assert words.read() == ["show"]
    os.write(into, b"de\nrecord\n")
    assert words.read() == ["hide", "record"]
    os.close(into)
    assert words.read() == []
    os.close(out)


def read_now(descriptor: int) -> bytes:
    """What is in the pipe."""
    os.set_blocking(descriptor, False)
    data = b""
    try:
        while piece := os.read(descriptor, 1 << 20):
            data += piece
    except BlockingIOError:
        pass
    return data


def packets(data: bytes) -> list[bytes]:
    found = []
    while data:
        (length,) = struct.unpack_from(">I", data)
        found.append(data[4 : 4 + length])
        data = data[4 + length :]
    return found


def test_who_looks_sees_from_the_last_keyframe_on_and_nobody_else_sees_anything() -> None:
    out, into = os.pipe()
    window = Window(into)
    held = Held(HEADER, 60)
    pieces = [fragment(number, key=number % 4 == 0) for number in range(8)]
    for number, piece in enumerate(pieces[:6]):
        held.add(piece, at(number))
        window.offer(piece)
    assert read_now(out) == b""
    window.show(held)
    window.offer(pieces[6])
    window.hide()
    window.offer(pieces[7])
    assert packets(read_now(out)) == [b"", b"head", *(piece.data for piece in pieces[4:7])]
    os.close(out)
    os.close(into)


def test_a_viewer_that_is_slow_misses_pictures_and_holds_nobody_up() -> None:
    out, into = os.pipe()
    window = Window(into)
    window.show(Held(HEADER, 60))
    for number in range(40):
        window.offer(fragment(number, key=number % 4 == 0, size=200_000))
    data = read_now(out)
    for number in range(40, 50):
        window.offer(fragment(number, key=number % 4 == 0))
        data += read_now(out)
    _, _, *seen = (int.from_bytes(piece[:4], "big") for piece in packets(data))
    assert seen[-6:] == [44, 45, 46, 47, 48, 49]
    assert len(seen) < 30
    left_out = [after for before, after in itertools.pairwise(seen) if after != before + 1]
    assert all(number % 4 == 0 for number in left_out)  # after a hole it goes on with a keyframe
    os.close(out)
    window.offer(fragment(42, key=False))  # the daemon is gone
    os.close(into)
