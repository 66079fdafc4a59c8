"""Feeder of a USB camera or grabber that must be set before each take: sets it, then becomes FFmpeg.

    python -m drivers.camera.v4l2_feeder '{"id": "front", "driver": "v4l2", "power_line_hz": 50}'

A setting that the camera does not have is told on standard error and left out: ``check`` says so too, and no lesson is
lost for it.
"""

from __future__ import annotations

import os
import sys

from drivers import feeding
from drivers.camera import relay, v4l2
from drivers.errors import DriverError


def feed(table: str) -> None:
    driver = v4l2.Driver(v4l2.V4l2Config.model_validate_json(table))
    try:
        missing, received = driver.prepare()
    except DriverError as error:
        raise feeding.FeederError(error.code, error.detail) from error
    for sentence in missing:
        os.write(2, f"{sentence}\n".encode())
    relay.become_ffmpeg(driver.device_input(received))


if __name__ == "__main__":
    sys.exit(feeding.run(lambda: feed(sys.argv[1])))
