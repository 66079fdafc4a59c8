"""What is carried through strange hands arrives to the byte or not at all, and nobody else reads it."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lms_sync import wire
from lms_sync.wire import sealing

KEY = sealing.new_sealing_key()
PUBLIC = sealing.load_sealing_key(KEY.as_dict(private=False))
ASSET = wire.Asset("01JD4R6YJ3M3W9VZB0Q7RZB6C5", "take", "front", "front/take-001.mp4", "master", 10**9, "0" * 64)
ABOUT = sealing.context("01JD4R6YJ3M3W9VZB0Q7RZB6C6", ASSET, 0, 10)


def seal(plain: bytes, about: bytes = ABOUT) -> bytes:
    sealer = sealing.Sealer(PUBLIC, about)
    pieces = [plain[at : at + sealing.FRAME] for at in range(0, len(plain), sealing.FRAME)] or [b""]
    return sealer.head + b"".join(
        sealer.frame(piece, last=number == len(pieces)) for number, piece in enumerate(pieces, start=1)
    )


def unseal(sealed: bytes, length: int, about: bytes = ABOUT) -> bytes:
    return b"".join(sealing.unseal(io.BytesIO(sealed), KEY, about, length))


PLAIN = bytes(range(256)) * 2
SEALED = seal(PLAIN)
LONG = b"".join(bytes([number]) * sealing.FRAME for number in range(3)) + b"end"
SEALED_LONG = seal(LONG)
HEAD = len(SEALED_LONG) - sealing.sealed_frames(len(LONG))
FRAME = sealing.FRAME + sealing.TAG


@pytest.mark.parametrize("length", [0, 1, sealing.FRAME - 1, sealing.FRAME, sealing.FRAME + 1, 3 * sealing.FRAME])
def test_what_was_sealed_is_read_again(length: int) -> None:
    plain = bytes(length)
    sealed = seal(plain)
    assert unseal(sealed, length) == plain
    head = len(sealed) - sealing.sealed_frames(length)
    assert len(sealing.MAGIC) + 2 < head <= len(sealing.MAGIC) + 2 + sealing.LARGEST_WRAP


@given(bit=st.integers(0, 8 * len(SEALED) - 1))
def test_any_changed_bit_is_found(bit: int) -> None:
    damaged = bytearray(SEALED)
    damaged[bit // 8] ^= 1 << bit % 8
    with pytest.raises(sealing.BadSeal):
        unseal(bytes(damaged), len(PLAIN))


@given(end=st.integers(0, len(SEALED) - 1))
def test_any_truncation_is_found(end: int) -> None:
    with pytest.raises(sealing.BadSeal):
        unseal(SEALED[:end], len(PLAIN))


@given(junk=st.binary(min_size=1, max_size=40))
def test_nothing_can_be_put_behind(junk: bytes) -> None:
    with pytest.raises(sealing.BadSeal):
        unseal(SEALED + junk, len(PLAIN))


@settings(max_examples=20)
@given(order=st.lists(st.integers(0, 3), min_size=1, max_size=5).filter(lambda order: order != [0, 1, 2, 3]))
def test_frames_cannot_change_places_nor_be_left_out_or_doubled(order: list[int]) -> None:
    frames = [SEALED_LONG[HEAD + at : HEAD + at + FRAME] for at in range(0, len(SEALED_LONG) - HEAD, FRAME)]
    assert len(frames) == 4
    mixed = SEALED_LONG[:HEAD] + b"".join(frames[number] for number in order)
    for length in (len(LONG), sum(len(frames[number]) - sealing.TAG for number in order)):
        with pytest.raises(sealing.BadSeal):
            unseal(mixed, length)


def test_a_cut_at_a_frame_is_found_though_every_frame_is_whole() -> None:
    with pytest.raises(sealing.BadSeal):
        unseal(SEALED_LONG[: HEAD + 2 * FRAME], 2 * sealing.FRAME)


def test_a_segment_cannot_be_passed_off_as_another_files() -> None:
    """Else a room with a stolen stick could have another room's lesson published as its own."""
    other = sealing.context("01JD4R6YJ3M3W9VZB0Q7RZB6C7", ASSET, 0, 10)
    with pytest.raises(sealing.BadSeal):
        unseal(SEALED, len(PLAIN), other)


def test_what_is_sealed_for_another_server_says_so() -> None:
    with pytest.raises(sealing.OtherKey):
        list(sealing.unseal(io.BytesIO(SEALED), sealing.new_sealing_key(), ABOUT, len(PLAIN)))


def test_the_same_bytes_are_never_sealed_the_same_way() -> None:
    assert seal(PLAIN) != SEALED


def test_a_frame_that_is_short_before_the_end_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="full length"):
        sealing.Sealer(PUBLIC, ABOUT).frame(b"x", last=False)


@pytest.mark.parametrize(
    "key", ["", "{}", "[]", '{"kty": "OKP", "crv": "X25519", "x": 1}', wire.dump_key(wire.new_key(), private=True)]
)
def test_what_is_no_sealing_key_is_not_taken_for_one(key: str) -> None:
    with pytest.raises(wire.BadSignature):
        sealing.load_sealing_key(key)


@pytest.mark.parametrize(
    "beginning",
    [
        lambda: b"DARSBOX2" + SEALED[8:],
        lambda: sealing.MAGIC + b"\xff\xff" + SEALED[10:],
        lambda: sealing.MAGIC + b"\x00\x00" + SEALED[10:],
        lambda: sealing.MAGIC + b"\x00\x04" + b"e30." + SEALED[10:],
        lambda: b"",
    ],
)
def test_anything_else_is_said_to_be_no_segment(beginning: Callable[[], bytes]) -> None:
    with pytest.raises(sealing.BadSeal):
        unseal(beginning(), len(PLAIN))
