"""What a cut leaves between two touches. If these fail, a room does not come back, or forgets that it was recording."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.events import Bus
from appliance.recorder import recovery
from appliance.recorder.plan import RecorderPolicy, RoomIdentity
from appliance.recorder.session import Recorder
from appliance.spool.layout import Spool
from appliance.spool.ledger import Ledger
from media import journal as journals
from media.journal import TakeEntry
from media.lesson import Lesson, Remark, Source, Span

LESSON = "01K0000000000000000000000A"


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    spool = Spool(tmp_path)
    spool.prepare()
    return spool


def take(spool: Spool, number: int, span: int, *, boot: str = "boot-1", mono: float = 50.0) -> None:
    folder = spool.lesson_dir(LESSON) / "front"
    folder.mkdir(parents=True, exist_ok=True)
    entry = TakeEntry(
        lesson=LESSON, source="front", take=number, span=span, init=4, init_sha="", codec="avc1", width=16, height=16,
        sample_rate=0, boot=boot, mono=mono, wall=1000.0 + mono,
    )  # fmt: skip
    (folder / f"take-{number:03d}.mp4").write_bytes(b"head")
    (folder / f"take-{number:03d}.journal").write_bytes(journals.line(entry))


def written(spool: Spool, state: str) -> None:
    spool.lesson_dir(LESSON).mkdir(parents=True, exist_ok=True)
    source = Source("front", "camera", "video")
    span = Span("boot-1", 10.0, 1010.0, "paused" if state == "paused" else None)
    spool.write_lesson(Lesson(LESSON, "Forces", "", "", "en", state, [source], [span]))  # type: ignore[arg-type]  # one of STATES


def test_a_cut_after_a_touch_on_resume_finds_the_new_span_in_the_takes(spool: Spool) -> None:
    written(spool, "paused")
    take(spool, 1, 0)
    take(spool, 2, 1, mono=70.0)
    (lesson,) = recovery.unfinished(spool)
    assert lesson.state == "recording"
    assert lesson.spans[1] == Span("boot-1", 70.0, 1070.0)
    lesson.to_json()


def test_a_pause_stays_a_pause(spool: Spool) -> None:
    written(spool, "paused")
    take(spool, 1, 0)
    (lesson,) = recovery.unfinished(spool)
    assert (lesson.state, len(lesson.spans)) == ("paused", 1)


def test_a_lesson_that_was_being_recorded_when_its_description_was_lost_goes_on(spool: Spool) -> None:
    take(spool, 1, 0)
    (lesson,) = recovery.unfinished(spool)
    assert (lesson.state, lesson.spans[-1].ended) == ("recording", None)


def test_a_lesson_that_had_ended_when_its_description_was_lost_does_not_go_on(spool: Spool) -> None:
    take(spool, 1, 0)
    (spool.lesson_dir(LESSON) / "front" / "take-001.json").write_text("{}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recovery, "closed_take", lambda file: "closed")
        (lesson,) = recovery.unfinished(spool)
    assert lesson.state == "stopping"


def test_a_folder_in_which_nothing_was_recorded_is_no_lesson(spool: Spool) -> None:
    folder = spool.lesson_dir(LESSON)
    (folder / "front").mkdir(parents=True)
    (folder / "front" / "keeper.pid").write_text("12")
    assert recovery.unfinished(spool) == []
    assert not folder.exists()


def test_a_folder_with_anything_else_in_it_stays(spool: Spool) -> None:
    folder = spool.lesson_dir(LESSON)
    folder.mkdir()
    (folder / "lesson.json").write_text("half a less")
    assert recovery.unfinished(spool) == []
    assert folder.exists()


class Alone:
    """A recorder with nobody beside it."""

    freeable = 0

    async def make_way(self) -> None:
        """Nobody holds a device."""

    def go_on(self) -> None:
        """Nobody waits."""

    def report(self, lesson: Lesson) -> list[Remark]:
        return []

    async def make_room(self) -> None:
        """Nothing may go."""

    def short_of_room(self) -> None:
        """Nobody looks."""


@pytest.fixture
def recorder(spool: Spool, tmp_path: Path) -> Iterator[Recorder]:
    with Ledger(spool.ledger_file) as ledger:
        room = RoomIdentity("Amphi A", "Test", "en")
        policy = RecorderPolicy(resume=600.0)
        yield Recorder(
            spool, ledger, [], room, Bus(), household=Alone(), ffmpeg="", runtime=tmp_path, policy=policy, boot="now"
        )


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("ago", "goes_on"),
    [(5.0, True), (599.0, True), (700.0, False), (-3600.0, True), (-20 * 365 * 86400.0, True)],
    ids=["a moment ago", "in time", "too long ago", "clock set back an hour", "clock without a battery"],
)
async def test_a_lesson_goes_on_if_it_was_cut_off_lately_or_nobody_can_tell(
    spool: Spool, recorder: Recorder, ago: float, *, goes_on: bool
) -> None:
    written(spool, "recording")
    lesson = spool.read_lesson(LESSON)
    lesson.spans[0].wall = time.time() - ago
    assert await recorder._resumable(lesson) is goes_on
