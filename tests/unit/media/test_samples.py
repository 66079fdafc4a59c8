"""What is read from a take's fragments, whatever way its samples were put into them."""

from __future__ import annotations

import struct
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from media.fragments import parse_header
from media.probe import Unreadable
from media.samples import entry_of, samples_of

SYNC, NOT_SYNC = 0x02000000, 0x01010000


class Sample(NamedTuple):
    size: int
    lasts: int
    late: int
    key: bool


class Fragment(NamedTuple):
    """Which of duration, size and flags each sample says itself; where not, all are as the first one is."""

    samples: list[Sample]
    durations: bool
    sizes: bool
    flags: bool


@pytest.fixture(scope="module")
def header(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """ftyp and moov of a take of pictures."""
    file = tmp_path_factory.mktemp("header") / "take-001.mp4"
    with av.open(str(file), "w", options={"movflags": "+empty_moov+default_base_moof+delay_moov"}) as out:
        video = out.add_stream("libx264", rate=25, options={"tune": "zerolatency"})
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        out.mux(video.encode(av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), "rgb24")))
        out.mux(video.encode(None))
    whole = file.read_bytes()
    return whole[: whole.index(b"moof") - 4]


def box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def written(fragment: Fragment, time: int) -> bytes:
    """A moof and its mdat, as FFmpeg writes them."""
    first = fragment.samples[0]
    fields = 0x100 * fragment.durations | 0x200 * fragment.sizes | 0x400 * fragment.flags | 0x800
    rows = b"".join(
        struct.pack(">I", value)
        for sample in fragment.samples
        for value, given in (
            (sample.lasts, fragment.durations),
            (sample.size, fragment.sizes),
            (SYNC if sample.key else NOT_SYNC, fragment.flags),
            (sample.late, True),
        )
        if given
    )
    opening = b"" if fragment.flags else struct.pack(">I", SYNC if first.key else NOT_SYNC)
    run = struct.pack(">II", fields | 0x1 | 0x4 * (not fragment.flags), len(fragment.samples))
    tfhd = struct.pack(">IIIII", 0x020038, 1, first.lasts, first.size, NOT_SYNC)

    def moof(offset: int) -> bytes:
        trun = box(b"trun", run, struct.pack(">i", offset), opening, rows)
        traf = box(b"traf", box(b"tfhd", tfhd), box(b"tfdt", struct.pack(">IQ", 1 << 24, time)), trun)
        return box(b"moof", box(b"mfhd", bytes(8)), traf)

    data = b"".join(bytes([number % 256]) * sample.size for number, sample in enumerate(fragment.samples))
    return moof(len(moof(0)) + 8) + box(b"mdat", data)


def split(samples: list[Sample], cuts: list[int], says: list[tuple[bool, bool, bool]]) -> list[Fragment]:
    """The samples in fragments, each with as short a table as asked for and possible."""
    made = []
    begins = [0, *sorted({cut for cut in cuts if 0 < cut < len(samples)})]
    for number, (begin, end) in enumerate(zip(begins, [*begins[1:], len(samples)], strict=True)):
        part = samples[begin:end]
        durations, sizes, flags = says[number % len(says)]
        made.append(
            Fragment(
                part,
                durations or len({sample.lasts for sample in part}) > 1,
                sizes or len({sample.size for sample in part}) > 1,
                flags or any(sample.key for sample in part[1:]),
            )
        )
    return made


a_sample = st.builds(
    Sample, st.integers(1, 2000), st.integers(1, 5000), st.sampled_from([0, 0, 512, 1024]), st.booleans()
)


@given(
    samples=st.lists(a_sample, min_size=1, max_size=400),
    cuts=st.lists(st.integers(0, 400)),
    says=st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans()), min_size=1, max_size=4),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
def test_however_a_take_is_cut_into_fragments_its_samples_are_the_same(
    header: bytes,
    tmp_path: Path,
    samples: list[Sample],
    cuts: list[int],
    says: list[tuple[bool, bool, bool]],
) -> None:
    data, time, places = header, 0, []
    for fragment in split(samples, cuts, says):
        data += written(fragment, time)
        sizes = [sample.size for sample in fragment.samples]
        places += [len(data) - sum(sizes) + before for before in accumulate(sizes[:-1], initial=0)]
        time += sum(sample.lasts for sample in fragment.samples)
    file = tmp_path / "take-001.mp4"
    file.write_bytes(data)
    read = samples_of(file)
    decoded = list(accumulate((sample.lasts for sample in samples[:-1]), initial=-parse_header(header).start))
    assert read.size.tolist() == [sample.size for sample in samples]
    assert read.lasts.tolist() == [sample.lasts for sample in samples]
    assert read.key.tolist() == [sample.key for sample in samples]
    assert read.decoded.tolist() == decoded
    assert read.shown.tolist() == [at + sample.late for at, sample in zip(decoded, samples, strict=True)]
    assert read.position.tolist() == places
    assert not read.broken


THREE = [Sample(size, 512, 0, size == 300) for size in (300, 20, 30)]


@pytest.mark.parametrize(("cut", "whole"), [(1, 5), (31, 4), (100, 3), (360, 3), (450, 3), (480, 3)])
def test_a_take_that_is_cut_off_keeps_every_whole_sample(header: bytes, tmp_path: Path, cut: int, whole: int) -> None:
    fragments = [written(Fragment(THREE, False, True, False), time) for time in (0, 1536)]
    file = tmp_path / "take-001.mp4"
    file.write_bytes((header + b"".join(fragments))[:-cut])
    read = samples_of(file)
    assert len(read.size) == whole
    assert read.broken


def damaged(fragment: bytes, kind: bytes, at: int, value: int) -> bytes:
    """With a 32-bit number changed so many bytes behind a box's name."""
    place = fragment.index(kind) + 4 + at
    return fragment[:place] + struct.pack(">I", value) + fragment[place + 4 :]


@pytest.mark.parametrize(
    ("kind", "at", "value"),
    [
        (b"trun", 16, 301),  # a sample is larger than it was
        (b"trun", 4, 2),  # one sample fewer than there is data for
        (b"trun", 4, 2**31),
        (b"trun", 8, 12),  # the data begin elsewhere
        (b"tfhd", 0, 1),  # counts from another place
        (b"mdat", -8, 2**31),
        (b"traf", -8, 0xFFFFFFFF),
        (b"moof", -4, 0),
        (b"tfdt", -4, 0),
    ],
)
def test_damage_costs_what_comes_after_it_and_gives_nothing_wrong(
    header: bytes, tmp_path: Path, kind: bytes, at: int, value: int
) -> None:
    first, second, third = (written(Fragment(THREE, False, True, False), time) for time in (0, 1536, 3072))
    file = tmp_path / "take-001.mp4"
    file.write_bytes(header + first + damaged(second, kind, at, value) + third)
    read = samples_of(file)
    assert read.size.tolist() == [300, 20, 30]
    assert read.broken


def test_what_follows_the_fragments_is_no_damage(header: bytes, tmp_path: Path) -> None:
    file = tmp_path / "take-001.mp4"
    file.write_bytes(header + written(Fragment(THREE, False, True, False), 0) + box(b"mfra", bytes(20)))
    assert not samples_of(file).broken


def test_a_film_that_this_program_did_not_record_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "take-001.mp4"
    file.write_bytes(box(b"ftyp", b"isom") + box(b"moov", b""))
    with pytest.raises(Unreadable, match=r"take-001\.mp4 is not a recording of this program"):
        samples_of(file)


# -- how it is coded


def test_a_take_says_how_it_is_coded(header: bytes, tmp_path: Path) -> None:
    file = tmp_path / "take-001.mp4"
    file.write_bytes(header)
    assert entry_of(file)[12:16] == b"avc1"
