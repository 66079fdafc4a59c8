"""If these fail, a power cut costs more than the last fragment, or salvage calls something whole that is not."""

from __future__ import annotations

import hashlib
import io
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.spool.takes import (
    Clock,
    TakeWriter,
    Unsalvageable,
    closed_take,
    salvage,
    salvage_folder,
    seal,
    take_numbers,
)
from media.fragments import Fragment, Header, read_stream
from media.journal import TakeEntry
from tests import mp4


def stream(fragments: int) -> tuple[Header, list[Fragment]]:
    data = mp4.header() + b"".join(
        mp4.fragment(4096 * n, key=n == 0, payload=bytes([n % 251]) * 97) for n in range(fragments)
    )
    head, *rest = read_stream(io.BytesIO(data).read)
    assert isinstance(head, Header)
    return head, [part for part in rest if isinstance(part, Fragment)]


def begun(folder: Path, head: Header, number: int, epoch: float | None = 100.0) -> TakeWriter:
    entry = TakeEntry.of(
        head, lesson="L", source=folder.name, take=number, span=0, boot="b", mono=100.2, wall=1e9, epoch=epoch
    )
    return TakeWriter(folder, head, entry)


def record(folder: Path, fragments: int, *, number: int = 1, epoch: float | None = 100.0) -> TakeWriter:
    head, parts = stream(fragments)
    writer = begun(folder, head, number, epoch)
    for n, part in enumerate(parts):
        writer.append(part, Clock(100.3 + part.time + part.seconds, 1e9 + n))
    return writer


def test_a_closed_take_has_its_facts_and_they_are_right(tmp_path: Path) -> None:
    writer = record(tmp_path / "front", 5)
    take = writer.close("stopped")
    assert take is not None
    data = writer.file.read_bytes()
    assert (take.bytes, take.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    assert take.seconds == pytest.approx(5 * 4096 / 15360, abs=1e-5)
    assert (take.epoch, take.file, take.ended, take.codec) == (100.0, "front/take-001.mp4", "stopped", "avc1.64001e")
    assert closed_take(writer.file) == take == salvage(writer.file)


def test_without_a_told_epoch_the_arrivals_tell_it(tmp_path: Path) -> None:
    take = record(tmp_path / "front", 5, epoch=None).close("stopped")
    assert take is not None
    assert take.epoch == pytest.approx(100.3, abs=1e-5)


def test_a_take_without_a_fragment_leaves_nothing_behind(tmp_path: Path) -> None:
    assert record(tmp_path / "front", 0).close("stopped") is None
    assert list((tmp_path / "front").iterdir()) == []


def test_a_take_is_never_written_over(tmp_path: Path) -> None:
    record(tmp_path / "front", 1).close("stopped")
    with pytest.raises(FileExistsError):
        record(tmp_path / "front", 1)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_salvage_keeps_every_proven_fragment_whatever_the_cut_left(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """The disk may hold any prefix of either file, with garbage where the rest should be."""
    folder = tmp_path_factory.mktemp("spool") / "front"
    writer = record(folder, 6)
    media, lines = writer.file.read_bytes(), writer.journal_file.read_bytes()
    kept = data.draw(st.integers(0, len(media)), label="media bytes")
    said = data.draw(st.integers(0, len(lines)), label="journal bytes")
    writer.file.write_bytes(media[:kept] + data.draw(st.binary(max_size=300), label="torn"))
    writer.journal_file.write_bytes(lines[:said])
    whole = [n for n in range(1, 7) if _end(writer, n) <= kept and lines[:said].count(b"\n") > n]
    if not whole:
        with pytest.raises(Unsalvageable):
            salvage(writer.file)
        return
    take = salvage(writer.file)
    end = _end(writer, max(whole))
    assert writer.file.read_bytes() == media[:end]
    assert (take.bytes, take.sha256, take.ended) == (end, "", "cut")
    assert salvage(writer.file) == take
    sealed = seal(writer.file, threading.Event(), gently=False)
    assert sealed is not None
    assert sealed.sha256 == hashlib.sha256(media[:end]).hexdigest()
    assert salvage(writer.file) == sealed


def _end(writer: TakeWriter, fragment: int) -> int:
    head, parts = stream(6)
    return len(head.data) + sum(len(part.data) for part in parts[:fragment])


def test_one_changed_bit_in_the_tail_ends_the_take_before_it(tmp_path: Path) -> None:
    writer = record(tmp_path / "front", 6)
    data = bytearray(writer.file.read_bytes())
    data[_end(writer, 4) + 20] ^= 1
    writer.file.write_bytes(data)
    assert salvage(writer.file).bytes == _end(writer, 4)


def test_a_folder_is_salvaged_take_by_take_and_the_hopeless_are_set_aside(tmp_path: Path) -> None:
    folder = tmp_path / "front"
    record(folder, 3).close("lost")
    record(folder, 4, number=2)
    record(folder, 2, number=3).journal_file.write_bytes(b"")
    takes, lost = salvage_folder(folder)
    assert [(take.number, take.ended) for take in takes] == [(1, "lost"), (2, "cut")]
    assert len(lost) == 1
    assert (folder / "empty-take-003.mp4").exists()
    assert take_numbers(folder) == [1, 2]


def test_what_a_cut_left_of_a_take_does_not_stand_in_the_way_of_the_next(tmp_path: Path) -> None:
    folder = tmp_path / "front"
    record(folder, 3)
    record(folder, 3, number=2).file.unlink()
    assert take_numbers(folder) == [1, 2]
    assert [take.number for take in salvage_folder(folder)[0]] == [1]
    record(folder, 3, number=2).file.unlink()
    assert [take.number for take in salvage_folder(folder)[0]] == [1]
    assert sorted(path.name for path in folder.glob("empty-*")) == [
        "empty-take-002-2.journal",
        "empty-take-002.journal",
    ]


def test_a_take_whose_hash_was_given_up_has_none_until_it_is_sealed(tmp_path: Path) -> None:
    file = record(tmp_path / "front", 3).file
    salvage(file)
    given_up = threading.Event()
    given_up.set()
    assert seal(file, given_up, gently=True) is None
    assert salvage(file).sha256 == ""
    assert seal(file, threading.Event(), gently=True) == salvage(file)
    assert salvage(file).sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
