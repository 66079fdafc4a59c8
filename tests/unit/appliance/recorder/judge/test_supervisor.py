"""What the judge knows of a camera must outlive a lesson, and must not be believed of another camera; and who switched
it off must not pay for it."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from appliance.config import parse
from appliance.events import Bus
from appliance.recorder.judge.supervisor import MODULE, Judging
from appliance.recorder.plan import plan_sources
from appliance.recorder.session import LiveTake
from appliance.thresholds import JudgeTable

CAMERA = '[[camera]]\nid = "front"\ndriver = "rtsp"\nurl = "rtsp://{host}/main"\n'


@dataclass
class Recording:
    """A lesson with one take. interrupted: it goes on as soon as nobody judges it any more."""

    folder: Path
    interrupted: bool = False
    owns_devices = True

    @property
    def capturing(self) -> bool:
        return not self.interrupted or not judges()

    def live(self, source: str) -> LiveTake | None:
        return LiveTake(self.folder / source, self.folder / source)

    def glimpse(self, source: str) -> None:
        return None


def judging(folder: Path, host: str) -> Judging:
    sources = plan_sources(parse(CAMERA.format(host=host)))
    return Judging(JudgeTable(), sources, Bus(), sensors=folder / "sensors.json")


def known(judge: Judging, folder: Path) -> bool:
    return bool(judge._takes(Recording(folder))["front"]["known"])


@pytest.mark.anyio
async def test_a_proved_camera_is_known_in_the_next_lesson_and_another_in_its_place_is_not(tmp_path: Path) -> None:
    first = judging(tmp_path, "192.0.2.1")
    assert not known(first, tmp_path)
    await first._remember("front")
    assert known(first, tmp_path)
    assert known(judging(tmp_path, "192.0.2.1"), tmp_path)
    assert not known(judging(tmp_path, "192.0.2.2"), tmp_path)


@pytest.mark.parametrize("damage", [b"", b"\xff", b"7", json.dumps({}).encode()])
def test_a_damaged_memory_is_an_empty_one(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / "sensors.json").write_bytes(damage)
    assert not known(judging(tmp_path, "192.0.2.1"), tmp_path)


class Unseen(Recording):
    def live(self, source: str) -> LiveTake | None:
        raise AssertionError(f"Somebody looks at {source}.")


def judges() -> list[int]:
    return [child.pid for child in psutil.Process().children() if MODULE in child.cmdline()]


@asynccontextmanager
async def at_work(judge: Judging, recording: Recording) -> AsyncIterator[asyncio.Task[None]]:
    working = asyncio.create_task(judge.run(recording))
    await asyncio.sleep(0)
    judge.wake()
    try:
        yield working
    finally:
        working.cancel()
        await asyncio.wait({working})


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while True:
            if condition():
                return
            await asyncio.sleep(0.02)


@pytest.mark.anyio
async def test_a_judge_that_is_switched_off_looks_at_nothing(tmp_path: Path) -> None:
    judge = judging(tmp_path, "192.0.2.1")
    judge.table = JudgeTable(enabled=False)
    async with at_work(judge, Unseen(tmp_path)) as working:
        for _ in range(20):
            await asyncio.sleep(0)
        assert not working.done()


@pytest.mark.anyio
async def test_a_lesson_that_goes_on_at_once_has_another_judge_and_no_complaint(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    recording = Recording(tmp_path)
    async with at_work(judging(tmp_path, "192.0.2.1"), recording):
        await until(lambda: judges() != [])
        (first,) = judges()
        recording.interrupted = True
        await until(lambda: judges() not in ([], [first]))
    assert [each.message for each in caplog.records if each.levelno >= logging.WARNING] == []
