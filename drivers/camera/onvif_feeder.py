"""Feeder of an ONVIF camera: asks it for its stream's address, then becomes FFmpeg (``drivers.camera.relay``).

Its configuration is in the environment (DARSBOX_ONVIF, JSON), for a password may not stand in a command line.
"""

from __future__ import annotations

import asyncio
import os
import sys

from drivers import feeding
from drivers.camera import onvif, relay
from drivers.errors import DriverError


def feed() -> None:
    config = onvif.OnvifCameraConfig.model_validate_json(os.environ["DARSBOX_ONVIF"])
    try:
        stream = asyncio.run(onvif.Driver(config).stream())
    except DriverError as error:
        raise feeding.FeederError(error.code, error.detail) from error
    relay.become_ffmpeg(stream)


if __name__ == "__main__":
    sys.exit(feeding.run(feed))
