"""A message torn by the line, or wrapped in noise, must come out whole or not at all."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.link.framing import Counted, Ended, Framing, Whole, checksum

few = settings(max_examples=40)

TERMINATED = [
    Ended(b"\r"),
    Ended(b"\r\n"),
    Ended(b"x"),
    Ended(b"\n", start=b"*S"),
    Ended(b"\r", start=b"\x01", checksum="xor"),
    Ended(b"\xff"),
]


def counted(framing: Counted, body: bytes) -> bytes:
    """The body with its length written where the framing expects it."""
    if framing.length_at is None:
        return body
    at, width = framing.length_at - len(framing.start), max(framing.digits, 1)
    size = len(framing.wrap(body)) - framing.adds
    field = f"{size:0{width}X}".encode() if framing.digits else bytes([size])
    return body[:at] + field + body[at + width :]


COUNTED = [
    Counted(start=b"\xaa", length_at=3, adds=5, checksum="sum"),
    Counted(length_at=0, adds=0, checksum="xor", longest=40),
    Counted(start=b"\x01", length_at=5, digits=2, adds=9, end=b"\r", checksum="xor"),
    Counted(start=b"*S", adds=24, end=b"\n"),
]
splits = st.lists(st.integers(1, 12), max_size=60)


def deliver(framing: Framing, stream: bytes, sizes: Sequence[int]) -> list[bytes]:
    """The bodies that come out of a stream cut into pieces of these sizes."""
    buffer, bodies, at = bytearray(), [], 0
    for size in [*sizes, len(stream)]:
        buffer += stream[at : at + size]
        at += size
        bodies += framing.cut(buffer)
    return bodies


def allowed(framing: Ended, body: bytes) -> bool:
    """A body in which neither the start nor the end can be mistaken."""
    wrapped = framing.wrap(body)
    inner = wrapped[len(framing.start) : -len(framing.end)]
    starts_once = not framing.start or wrapped.rfind(framing.start, 0, len(framing.start) + len(inner)) == 0
    return bool(body) and wrapped.find(framing.end) == len(wrapped) - len(framing.end) and starts_once


def bodies_of(framing: Ended | Counted) -> st.SearchStrategy[bytes]:
    if isinstance(framing, Ended):
        return st.binary(min_size=1, max_size=30).filter(lambda body: allowed(framing, body))
    if framing.length_at is None:
        size = framing.adds - len(framing.start) - len(framing.end)
        return st.binary(min_size=size, max_size=size)
    return st.binary(min_size=9, max_size=24).map(lambda body: counted(framing, body))


ALL = [*TERMINATED, *COUNTED]


@pytest.mark.parametrize("framing", ALL, ids=repr)
@few
@given(data=st.data())
def test_messages_survive_every_way_a_line_may_tear_them(framing: Ended | Counted, data: st.DataObject) -> None:
    sent = data.draw(st.lists(bodies_of(framing), max_size=5))
    stream = b"".join(map(framing.wrap, sent))
    assert deliver(framing, stream, data.draw(splits)) == sent


@pytest.mark.parametrize("framing", [framing for framing in ALL if framing.start], ids=repr)
@few
@given(data=st.data())
def test_noise_between_messages_is_skipped(framing: Ended | Counted, data: st.DataObject) -> None:
    sent = data.draw(st.lists(bodies_of(framing), max_size=4))
    marks = set(framing.start + framing.end)
    noise = st.binary(max_size=20).map(lambda raw: bytes(byte for byte in raw if byte not in marks))
    stream = b"".join(data.draw(noise) + framing.wrap(body) for body in sent)
    assert deliver(framing, stream, data.draw(splits)) == sent


@pytest.mark.parametrize("framing", ALL, ids=repr)
@few
@given(data=st.data())
def test_any_noise_at_all_costs_at_most_what_it_imitates(framing: Ended | Counted, data: st.DataObject) -> None:
    """Nothing with a wrong checksum comes out; and once the line was silent, the next message is heard."""
    noise, body = data.draw(st.binary(max_size=200)), data.draw(bodies_of(framing))
    buffer = bytearray()
    for heard in deliver(framing, noise, data.draw(splits)):
        assert framing.wrap(heard) in noise
    buffer += framing.wrap(body)
    assert framing.cut(buffer) == [body]


@pytest.mark.parametrize("framing", [framing for framing in ALL if framing.checksum != "none"], ids=repr)
@few
@given(data=st.data())
def test_a_flipped_bit_is_never_taken_for_an_answer(framing: Ended | Counted, data: st.DataObject) -> None:
    body = data.draw(bodies_of(framing))
    frame = bytearray(framing.wrap(body))
    at = data.draw(st.integers(len(framing.start), len(frame) - len(framing.end) - 1))
    frame[at] ^= 1 << data.draw(st.integers(0, 7))
    assert body not in framing.cut(bytearray(frame))


@few
@given(noise=st.binary(min_size=3000, max_size=5000))
def test_a_device_that_never_ends_its_message_fills_no_memory(noise: bytes) -> None:
    for framing in ALL:
        buffer = bytearray()
        for at in range(0, len(noise), 100):
            buffer += noise[at : at + 100]
            framing.cut(buffer)
            assert len(buffer) <= framing.longest + 100


def test_a_datagram_is_one_message() -> None:
    assert Whole().cut(bytearray(b"abc")) == [b"abc"]
    assert Whole().cut(bytearray()) == []
    assert Whole().wrap(b"abc") == b"abc"


def test_checksums_are_those_of_the_documents() -> None:
    """Samsung MDC: AA 11 01 01 01 14; Philips SICP: 06 01 00 18 02 1D."""
    assert checksum("sum", bytes.fromhex("11010101")) == b"\x14"
    assert checksum("xor", bytes.fromhex("0601001802")) == b"\x1d"
    assert checksum("none", b"abc") == b""
