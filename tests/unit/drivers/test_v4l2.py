"""A camera that is missing, forbidden or no camera is told apart, and each has its own next step."""

from __future__ import annotations

from pathlib import Path

import pytest

from drivers.camera import v4l2
from drivers.camera.v4l2 import Driver, V4l2Config
from drivers.errors import NotReady, Unsupported


def config(**keys: object) -> V4l2Config:
    return V4l2Config.model_validate({"id": "front", "driver": "v4l2", **keys})


@pytest.mark.parametrize(
    ("keys", "input_format", "copied"),
    [
        ({}, "mjpeg", False),
        ({"size": "640x480"}, "yuyv422", False),
        ({"format": "yuyv"}, "yuyv422", False),
        ({"format": "h264"}, "h264", True),
    ],
)
def test_the_format_is_what_the_bus_can_carry(keys: dict[str, object], input_format: str, copied: bool) -> None:
    capture = Driver(config(**keys)).capture()
    assert capture.input[capture.input.index("-input_format") + 1] == input_format
    assert capture.copy is copied


def test_a_missing_camera_may_come_back(tmp_path: Path) -> None:
    with pytest.raises(NotReady) as caught:
        v4l2.formats(str(tmp_path / "video9"))
    assert caught.value.code == "camera-missing"


@pytest.mark.parametrize("device", ["/dev/null", "file"])
def test_what_is_no_camera_is_called_so(device: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Unsupported) as caught:
        v4l2.formats(str(tmp_path / device))
    assert caught.value.code == "not-a-camera"


@pytest.mark.anyio
async def test_discovery_passes_over_what_cannot_be_opened(tmp_path: Path) -> None:
    node = tmp_path / "sys" / "video0"
    node.mkdir(parents=True)
    (node / "name").write_text("HD Webcam\n")
    assert await v4l2.discover(tmp_path / "sys", tmp_path) == []
    assert await v4l2.discover(tmp_path / "no such folder", tmp_path) == []


@pytest.mark.anyio
async def test_discovery_offers_the_best_format(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    node = tmp_path / "video0"
    node.mkdir()
    (node / "name").write_text("HD Webcam\n")
    monkeypatch.setattr(v4l2, "formats", lambda device: frozenset({b"YUYV", b"MJPG"}))
    (found,) = await v4l2.discover(tmp_path, Path("/dev"))
    assert found.title == "HD Webcam"
    assert dict(found.config) == {"device": "/dev/video0", "format": "mjpeg"}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
