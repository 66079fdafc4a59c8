"""A camera that sends H.265 is recorded as it comes. If this fails, newer cameras are shut out, or their lessons arrive
broken."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import subprocess
from pathlib import Path

import av

from appliance.recorder.pipeline import capture_command
from appliance.recorder.plan import Encode
from drivers.camera.rtsp import Driver, RtspConfig
from media.fragments import Fragment, Header, read_stream
from media.lesson import Take, take_file
from tests.measure import decode_errors, pictures
from tests.measure.room import FRONT, Room
from tests.peers.rtsp_camera import make_clip, rtsp_camera

ENCODE = Encode(height=720, fps=25, crf=23, video_rate=2_500_000, audio_rate=96_000)
SECONDS = 3


def test_its_stream_is_copied_cut_assembled_and_decodes(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", SECONDS, codec="libx265")
    with rtsp_camera(tmp_path, clip=clip, codec="h265") as camera:
        table = {"id": "front", "driver": "rtsp", "url": camera.url}
        driver = Driver(RtspConfig.model_validate_json(json.dumps(table), strict=True))
        asyncio.run(driver.check())
        command = capture_command(driver.capture(), ENCODE, "ffmpeg", 0.25)
        data = subprocess.run(command.ffmpeg, capture_output=True, check=True, timeout=30).stdout
    parts = list(read_stream(io.BytesIO(data).read))
    header, fragments = parts[0], [part for part in parts if isinstance(part, Fragment)]
    assert isinstance(header, Header)
    assert header.codec.startswith("hev1.1.6.L")
    assert (header.width, header.height) == (640, 360)
    assert fragments[0].key
    assert len({fragment.form for fragment in fragments if fragment.key} - {frozenset()}) == 1, "one form of picture"

    room = Room(tmp_path, FRONT)
    take = Take("front", 1, 0, take_file("front", 1), len(data), hashlib.sha256(data).hexdigest(), 0.0, 0.0, "stopped")
    take.seconds = max(fragment.time + fragment.seconds for fragment in fragments)
    file = room.folder / take.file
    file.parent.mkdir(parents=True)
    file.write_bytes(data)
    room.lesson.takes.append(take)
    (output,) = room.assemble().values()
    made = room.out / output.name
    with av.open(str(made)) as container:
        assert container.streams.video[0].codec_context.name == "hevc"
    assert decode_errors(made) == ""
    assert pictures(made) == pictures(clip)
