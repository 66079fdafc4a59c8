"""A list of lessons is taken from a stick only when the room signed every bit of it, and when it makes sense."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lms_sync import wire
from lms_sync.wire import bundle, sealing
from lms_sync.wire.bundle import BadBundle, Entry, Manifest, Segment

KEY = wire.new_key()
ROOM, BUNDLE, LESSON = "01JD4R6YJ3M3W9VZB0Q7RZB6C6", "01JD4R6YJ3M3W9VZB0Q7RZB6C7", "01JD4R6YJ3M3W9VZB0Q7RZB6C5"
SHA = hashlib.sha256(b"x").hexdigest()


def segment(number: int = 1, offset: int = 0, length: int = 100, **other: Any) -> Segment:
    size = 10 + 389 + sealing.sealed_frames(length)
    return Segment.model_construct(
        **{
            "file": bundle.segment_name(number),
            "offset": offset,
            "length": length,
            "bytes": size,
            "sha256": SHA,
            **other,
        }
    )


def entry(*segments: Segment, **other: Any) -> Entry:
    asset = wire.Asset(LESSON, "take", "front", "front/take-001.mp4", "master", 1000, SHA)
    facts = {**asset.metadata(), "bytes": asset.bytes, "segments": segments or (segment(),)}
    return Entry.model_construct(**{**facts, **other})


def manifest(*entries: Entry) -> Manifest:
    return Manifest(BUNDLE, ROOM, "server", "sealing", 3, 1.8e9, entries)


GOOD = manifest(entry(segment(1, 0, 100), segment(2, 400, 600)), entry(bytes=0, segments=(), path="front/empty.mp4"))
SIGNED = GOOD.sign(KEY)


def test_what_a_room_signed_is_read_as_it_was_meant() -> None:
    assert bundle.verify(SIGNED, KEY) == GOOD
    head = bundle.claimed(SIGNED)
    assert (head.room, head.bundle, head.server, head.sealed_for, head.number) == (ROOM, BUNDLE, "server", "sealing", 3)
    assert [found.here for found in GOOD.entries] == [700, 0]


@given(bit=st.integers(0, 8 * len(SIGNED) - 1))
def test_any_changed_bit_is_refused(bit: int) -> None:
    damaged = bytearray(SIGNED)
    damaged[bit // 8] ^= 1 << bit % 8
    with pytest.raises(BadBundle):
        bundle.verify(bytes(damaged), KEY)


def test_every_bit_of_the_signature_itself_counts() -> None:
    """Base64 has bits that a decoder overlooks."""
    end = SIGNED.index(b"\n")
    for place in range(end - 90, end + 1):
        for bit in range(8):
            damaged = bytearray(SIGNED)
            damaged[place] ^= 1 << bit
            with pytest.raises(BadBundle):
                bundle.verify(bytes(damaged), KEY)


@given(end=st.integers(0, len(SIGNED) - 1))
def test_any_truncation_is_refused(end: int) -> None:
    with pytest.raises(BadBundle):
        bundle.verify(SIGNED[:end], KEY)


@given(junk=st.binary(max_size=300))
def test_anything_else_is_refused_in_a_sentence(junk: bytes) -> None:
    for data in (junk, SIGNED + (junk or b"x"), junk + b"\n" + junk):
        with pytest.raises(BadBundle, match=r"\.$"):
            bundle.verify(data, KEY)
        if not data.startswith(SIGNED):
            with pytest.raises(BadBundle):
                bundle.claimed(data)


def test_another_rooms_signature_and_a_receipt_are_no_manifest() -> None:
    with pytest.raises(BadBundle, match="not of this room's key"):
        bundle.verify(SIGNED, wire.new_key())
    asset = GOOD.entries[0].asset
    receipt = wire.sign_receipt(KEY, server="s", room=ROOM, asset=asset, now=1.0).encode()
    with pytest.raises(BadBundle):
        bundle.verify(receipt + b"\n[]", KEY)
    with pytest.raises(wire.BadSignature):
        wire.check_receipt(SIGNED.partition(b"\n")[0].decode(), KEY, room=ROOM, asset=asset)


@pytest.mark.parametrize(
    "bad",
    [
        entry(path="../../etc/passwd"),
        entry(path="/etc/passwd"),
        entry(path="front/../../x"),
        entry(path=".hidden"),
        entry(lesson="../01JD4R6YJ3M3W9VZB0Q7"),
        entry(tier="gold"),
        entry(sha256="0"),
        entry(bytes=-1),
        entry(bytes=2**70),
        entry(bytes=True),
        entry(bytes=0),
        entry(segments=()),
        entry(path="a" * 5000),
        entry(segment(file="../00000001.seg")),
        entry(segment(file="/00000001.seg")),
        entry(segment(file="00000001.exe")),
        entry(segment(offset=950)),
        entry(segment(offset=-100)),
        entry(segment(length=0)),
        entry(segment(length=2**40), bytes=2**41),
        entry(segment(bytes=100)),
        entry(segment(bytes=10**6)),
        entry(segment(1, 0), segment(2, 50)),
        entry(segment(1, 500), segment(2, 0)),
        entry(segment(1, 0), segment(1, 100)),
    ],
)
def test_a_list_that_cannot_be_meant_so_is_refused_though_it_is_signed(bad: Entry) -> None:
    """A room whose key was stolen, or whose program errs, must not climb out of a folder or fill the disk."""
    with pytest.raises(BadBundle):
        bundle.verify(_signed_anyhow(bad), KEY)


def test_the_same_file_or_segment_twice_is_refused() -> None:
    other = entry(segment(2), path="front/take-002.mp4")
    with pytest.raises(BadBundle, match="a file twice"):
        bundle.verify(_signed_anyhow(entry(), entry(segment(2))), KEY)
    with pytest.raises(BadBundle, match="a segment twice"):
        bundle.verify(_signed_anyhow(entry(segment(2)), other), KEY)


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")
def _signed_anyhow(*entries: Entry) -> bytes:
    """As a room would sign it whose program checks nothing."""
    return manifest(*entries).sign(KEY)


def test_a_head_that_promises_too_much_is_refused_before_anything_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "LARGEST_MANIFEST", 100)
    long = b"x" * 5000 + b"." + SIGNED
    with pytest.raises(BadBundle):
        bundle.claimed(long)


def test_numbers_and_names() -> None:
    assert bundle.number_of(bundle.manifest_name(12), "jws") == 12
    assert bundle.number_of(bundle.segment_name(12), "seg") == 12
    for name in ("00000012.seg", "0000012.jws", "00000012.jws.new", "../00000012.jws", "٠٠٠٠٠٠١٢.jws", ""):
        assert bundle.number_of(name, "jws") is None


def test_every_asset_has_a_receipt_name_of_its_own() -> None:
    asset = GOOD.entries[0].asset
    others = [
        dataclasses.replace(asset, **change)
        for change in ({"lesson": ROOM}, {"path": "x"}, {"sha256": "1" * 64}, {"bytes": 1})
    ]
    assert len({bundle.receipt_name(each) for each in (asset, *others)}) == 5
