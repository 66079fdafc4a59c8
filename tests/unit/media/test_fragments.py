"""If these fail, a recording is cut in the wrong place, or garbage of a camera stops the room."""

from __future__ import annotations

import contextlib
import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.fragments import BadStream, Fragment, Header, decode_time, earlier, first_sample, read_stream
from tests import mp4


def parts(data: bytes) -> list[Header | Fragment]:
    return list(read_stream(io.BytesIO(data).read))


def test_header_and_fragments_come_whole_and_in_order() -> None:
    pieces = [mp4.header(), mp4.fragment(0, key=True), mp4.fragment(4096), mp4.fragment(8192)]
    found = parts(b"".join(pieces))
    assert [part.data for part in found] == pieces
    head, first, second, _ = found
    assert isinstance(head, Header)
    assert (head.codec, head.width, head.height, head.timescale) == ("avc1.64001e", 640, 360, 15360)
    assert isinstance(first, Fragment)
    assert isinstance(second, Fragment)
    assert (first.time, round(first.seconds, 4), first.key) == (0.0, 0.2667, True)
    assert (round(second.time, 4), second.key) == (0.2667, False)


def unit(kind: int, body: bytes = b"x") -> bytes:
    data = bytes([0x60 | kind]) + body
    return len(data).to_bytes(4, "big") + data


def test_a_keyframe_tells_the_form_of_its_picture() -> None:
    """Without it, a camera that changes its size in mid-stream spoils the rest of the take."""
    picture = unit(9) + unit(7, b"size") + unit(8, b"more") + unit(5, bytes(50)) + unit(7, b"not before a slice")
    _, first, second = parts(mp4.header() + mp4.fragment(0, key=True, payload=picture) + mp4.fragment(4096))
    assert isinstance(first, Fragment)
    assert isinstance(second, Fragment)
    assert first.form == {b"\x67size"}
    assert second.form == frozenset()


def test_h265_too_tells_the_form_of_its_picture() -> None:
    picture = b"".join(
        len(body).to_bytes(4, "big") + body for body in (b"\x40\x01vps", b"\x42\x01size", b"\x26\x01slice")
    )
    head, first = parts(mp4.header(h265=True) + mp4.fragment(0, key=True, payload=picture))
    assert isinstance(head, Header)
    assert isinstance(first, Fragment)
    assert head.codec == "hev1.1.6.L93"
    assert first.form == {b"\x42\x01size"}


def sized(flags: int, fields: bytes, tfhd: bytes) -> Fragment:
    """A fragment of one track whose samples are b"picture" and more."""
    head = mp4.box(b"tfhd", tfhd)
    length = 8 + 8 + len(head) + 20 + 8 + 12 + len(fields)
    trun = mp4.box(b"trun", struct.pack(">IIi", flags, 2, length + 8) + fields)
    tfdt = mp4.box(b"tfdt", struct.pack(">IQ", 0x01000000, 0))
    moof = mp4.box(b"moof", mp4.box(b"traf", head, tfdt, trun))
    return Fragment(moof + mp4.box(b"mdat", b"pictureandmore"), 0.0, 1.0, True)


def test_the_first_picture_is_found_however_its_size_is_told() -> None:
    """Else the judge takes two pictures for one, or decodes all to find the first."""
    plain, fixed = struct.pack(">II", 0x020000, 1), struct.pack(">IIII", 0x020018, 1, 512, 7)
    assert first_sample(sized(0x001, b"", fixed)) == b"picture"
    each = struct.pack(">IIIIII", 0, 512, 7, 512, 7, 0)
    assert first_sample(sized(0x305, each[:20], plain)) == b"picture"
    with pytest.raises(BadStream, match="how large"):
        first_sample(sized(0x001, b"", plain))


@given(st.binary(max_size=60))
def test_no_keyframe_however_damaged_stops_the_stream(payload: bytes) -> None:
    assert len(parts(mp4.header() + mp4.fragment(0, key=True, payload=payload or b"x"))) == 2


def test_priming_of_sound_lies_before_zero() -> None:
    found = parts(mp4.header(timescale=48000, start=1024, sound=True) + mp4.fragment(0, samples=12, duration=1024))
    head, first = found
    assert isinstance(head, Header)
    assert isinstance(first, Fragment)
    assert (head.codec, head.sample_rate) == ("mp4a.40.2", 48000)
    assert first.time == pytest.approx(-1024 / 48000)
    assert first.time + first.seconds == pytest.approx(11 * 1024 / 48000)


def test_a_fragment_cut_off_by_the_end_is_not_given() -> None:
    data = mp4.header() + mp4.fragment(0, key=True) + mp4.fragment(4096)
    for cut in range(1, len(mp4.fragment(4096))):
        assert len(parts(data[:-cut])) == 2


def test_other_boxes_between_fragments_are_passed_over() -> None:
    data = mp4.header() + mp4.box(b"free", b"xx") + mp4.fragment(0, key=True) + mp4.box(b"mfra", b"yy")
    assert len(parts(data)) == 2


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"HTTP/1.1 404 Not Found\r\n\r\n" * 8, "not an MP4"),
        (mp4.header(tracks=2), "2 tracks"),
        (mp4.header(timescale=0), "no clock"),
        (mp4.box(b"free", bytes(600_000)) * 3, "does not begin like an MP4"),
        (mp4.header() + mp4.box(b"moof", b"") + mp4.box(b"mdat", b""), "damaged"),
    ],
)
def test_what_is_no_take_is_refused_in_a_sentence(data: bytes, sentence: str) -> None:
    with pytest.raises(BadStream, match=sentence):
        parts(data)


@given(st.binary(max_size=400), st.integers(0, 500))
def test_garbage_inside_a_stream_is_refused_and_nothing_else(noise: bytes, at: int) -> None:
    good = mp4.header() + mp4.fragment(0, key=True)
    data = good[:at] + noise + good[at + len(noise) :]
    with contextlib.suppress(BadStream):
        parts(data)


@given(st.integers(0, 2**40), st.integers(1, 2**20))
def test_a_take_that_begins_in_the_midst_of_a_stream_begins_at_zero(begin: int, length: int) -> None:
    """Otherwise what an armed room held for hours would put hours of nothing before the lesson."""
    head, first, second = parts(mp4.header() + mp4.fragment(begin, key=True) + mp4.fragment(begin + length))
    assert isinstance(head, Header)
    assert isinstance(first, Fragment)
    assert isinstance(second, Fragment)
    assert decode_time(head, first) == begin
    moved = [earlier(head, fragment, begin) for fragment in (first, second)]
    again = parts(head.data + b"".join(fragment.data for fragment in moved))
    assert again[1:] == parts(head.data + mp4.fragment(0, key=True) + mp4.fragment(length))[1:]
    assert [round(fragment.time * head.timescale) for fragment in moved] == [0, length]
