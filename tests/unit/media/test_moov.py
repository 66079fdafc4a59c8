"""The index of a finished film: what players read of it before a single picture."""

from __future__ import annotations

import struct
from itertools import pairwise

import numpy as np
import pytest

from media.moov import _retagged, _runs


def box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind) + body


@pytest.mark.parametrize(
    ("sets", "name"), [((32, 33, 34), b"hvc1"), ((39, 32, 33, 34), b"hvc1"), ((), b"hev1"), ((33, 34), b"hev1")]
)
def test_h265_is_named_as_safari_wants_it_if_its_parameters_stand_apart(sets: tuple[int, ...], name: bytes) -> None:
    arrays = b"".join(struct.pack(">BHH3s", 0x80 | kind, 1, 3, b"abc") for kind in sets)
    hvcc = box(b"hvcC", bytes(22), bytes([len(sets)]), arrays)
    entry = struct.pack(">II", 0, 1) + box(b"hev1", bytes(78), box(b"pasp", bytes(8)), hvcc)
    assert _retagged(entry) == entry.replace(b"hev1", name)


def test_h264_keeps_its_name() -> None:
    entry = struct.pack(">II", 0, 1) + box(b"avc1", bytes(78))
    assert _retagged(entry) == entry


@pytest.mark.parametrize("values", [[1], [5, 5, 5], [0, 0, 7, 0], [3, 2, 1]])
def test_lengths_in_a_row_are_said_once(values: list[int]) -> None:
    counts, each = _runs(np.array(values))
    assert np.repeat(each, counts).tolist() == values
    assert len(each) == 1 + sum(before != after for before, after in pairwise(values))
