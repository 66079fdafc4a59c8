"""A viewer sees whole pictures only, and of a take being written only what is durable."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from appliance.recorder.pictures import MAX_PICTURE, JpegSplitter, TakeReader, device_command, follow_command
from drivers.protocols import Capture

A, B = b"\xff\xd8aaa\xff\x00a\xff\xd9", b"\xff\xd8b\xff\xd9"


@pytest.mark.parametrize("step", [1, 2, 3, 7, 1000])
def test_pictures_are_whole_however_they_arrive(step: int) -> None:
    splitter, stream = JpegSplitter(), A + B + A + B[:3]
    pieces = [stream[at : at + step] for at in range(0, len(stream), step)]
    assert [picture for piece in pieces for picture in splitter.feed(piece)] == [A, B, A]


def test_a_stream_of_no_pictures_does_not_fill_the_memory() -> None:
    splitter = JpegSplitter()
    with pytest.raises(ValueError, match="no pictures"):
        splitter.feed(b"x" * (MAX_PICTURE + 1))


def test_a_preview_costs_little() -> None:
    capture = Capture("video", ("-f", "v4l2", "-i", "/dev/video0"))
    command = device_command("ffmpeg", capture)
    assert command.index("-threads") < command.index("-i")
    assert "fps=5,scale='min(640,iw)':-2" in " ".join(command)
    assert follow_command("ffmpeg")[-1] == "pipe:1"


class Growing:
    """A take that grows by fragments of four bytes, as its keeper would write it."""

    def __init__(self, folder: Path) -> None:
        self.file, self.journal = folder / "take-001.mp4", folder / "take-001.journal"
        self.count, self.size, self.seconds = 0, 4, 1.0

    def begin(self) -> None:
        self.file.write_bytes(b"init")
        self.journal.write_text(json.dumps({"init": 4}) + "\n")

    def add(self, *, key: bool, durable: bool = True) -> bytes:
        self.count += 1
        data = f"{self.count:04d}".encode()
        with self.file.open("ab") as take:
            take.write(data)
        text = json.dumps({"off": self.size, "len": 4, "t": self.count * self.seconds, "key": key}) + "\n"
        with self.journal.open("a") as journal:
            journal.write(text if durable else text[:-5])
        self.size += 4
        return data


def test_it_gives_the_newest_keyframe_and_each_only_once(tmp_path: Path) -> None:
    take = Growing(tmp_path)
    take.begin()
    for number in range(3000):
        take.add(key=number % 10 == 0)
    reader = TakeReader(take.file, take.journal)
    assert reader.more() == b"init2991"
    assert reader.more() == b""
    take.add(key=True)
    newest = take.add(key=True)
    take.add(key=False)
    assert reader.more() == newest
    assert reader.more() == b""


def test_a_camera_of_keyframes_alone_is_not_all_decoded(tmp_path: Path) -> None:
    take = Growing(tmp_path)
    take.seconds = 0.25
    take.begin()
    reader = TakeReader(take.file, take.journal)
    given = []
    for _ in range(18):
        take.add(key=True)
        given.append(reader.more())
    assert [bool(each) for each in given] == ([True] + 5 * [False]) * 3


def test_what_is_not_durable_is_not_shown(tmp_path: Path) -> None:
    take = Growing(tmp_path)
    take.begin()
    first = take.add(key=True)
    take.add(key=False, durable=False)
    reader = TakeReader(take.file, take.journal)
    assert reader.more() == b"init" + first
    assert reader.more() == b""


def test_a_take_without_a_keyframe_yet_is_waited_for(tmp_path: Path) -> None:
    take = Growing(tmp_path)
    take.begin()
    take.add(key=False)
    reader = TakeReader(take.file, take.journal)
    assert reader.more() == b"init"
    take.add(key=False)
    key = take.add(key=True)
    assert reader.more() == key


def test_a_journal_without_its_first_line_yet_is_waited_for(tmp_path: Path) -> None:
    take = Growing(tmp_path)
    take.file.write_bytes(b"")
    take.journal.write_text('{"ini')
    assert TakeReader(take.file, take.journal).more() == b""
