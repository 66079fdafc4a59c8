"""What the judge knows of a camera must outlive a lesson, and must not be believed of another camera."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from appliance.config import parse
from appliance.events import Bus
from appliance.recorder.judge.supervisor import Judging
from appliance.recorder.plan import plan_sources
from appliance.recorder.session import LiveTake
from appliance.thresholds import JudgeTable

CAMERA = '[[camera]]\nid = "front"\ndriver = "rtsp"\nurl = "rtsp://{host}/main"\n'


@dataclass
class Recording:
    """A lesson with one take."""

    folder: Path
    owns_devices = capturing = True

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
