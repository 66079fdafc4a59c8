"""If these fail, bytes nobody proved are kept, or proven ones are thrown away."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lms_server.ingest.sieve import Sieve
from lms_sync import wire

SIZE = wire.SMALLEST_PIECE
BODY = bytes(range(256)) * 300  # four pieces and a half


def pour(sieve: Sieve, body: bytes, cuts: list[int]) -> bytes:
    at, proven = 0, b""
    for cut in [*sorted(cuts), len(body)]:
        proven += b"".join(sieve.take(body[at:cut]))
        at = cut
    return proven


CUTS = st.lists(st.integers(0, len(BODY)), max_size=8)


@given(CUTS)
def test_however_a_body_comes_all_of_it_passes_in_order(cuts: list[int]) -> None:
    sieve = Sieve(wire.Pieces.of(BODY))
    assert pour(sieve, BODY, cuts) + b"".join(sieve.end()) == BODY
    assert not sieve.damaged


@given(CUTS, st.integers(0, len(BODY) - 1))
def test_nothing_passes_from_a_damaged_piece_on(cuts: list[int], where: int) -> None:
    damaged = bytearray(BODY)
    damaged[where] ^= 1
    sieve = Sieve(wire.Pieces.of(BODY))
    assert pour(sieve, bytes(damaged), cuts) + b"".join(sieve.end()) == BODY[: where // SIZE * SIZE]
    assert sieve.damaged


@given(CUTS, st.integers(0, len(BODY) - 1))
def test_of_a_body_that_was_cut_whole_pieces_have_passed(cuts: list[int], length: int) -> None:
    sieve = Sieve(wire.Pieces.of(BODY))
    cut = BODY[:length]
    assert pour(sieve, cut, [min(at, length) for at in cuts]) == BODY[: length // SIZE * SIZE]
    assert not sieve.damaged


@given(st.binary(min_size=1, max_size=300_000))
def test_the_header_says_what_was_said(body: bytes) -> None:
    pieces = wire.Pieces.of(body)
    assert wire.Pieces.parse(pieces.header) == pieces
    assert len(pieces.digests) <= wire.MOST_PIECES
