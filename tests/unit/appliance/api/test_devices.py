"""If these fail, a camera that is plugged in goes on being called missing."""

from __future__ import annotations

import asyncio

import pytest

from appliance.api.devices import Devices
from appliance.config import parse
from appliance.recorder.status import RecorderStatus

IDLE = RecorderStatus("ready", None, (), disk_free=1, disk_total=1, hours_left=1.0)


class Nobody:
    """Looks at no device."""

    def watching(self, source: str) -> bool:
        return False


@pytest.mark.anyio
async def test_after_a_device_was_plugged_in_what_was_seen_before_counts_no_longer() -> None:
    config = parse('[[camera]]\nid = "front"\ndriver = "v4l2"\ndevice = "/dev/nothing"\n')
    devices = Devices(config, lambda: IDLE, Nobody())

    async def looked() -> bool:
        """Whether a panel that looks on has the camera tried; and it was."""
        devices.look_sometimes()
        checking = devices._checking
        if checking is None or checking.done():
            return False
        await checking
        return True

    assert await looked()
    assert devices.problems["front"].code == "camera-missing"
    assert not await looked()
    devices.plugged()
    assert devices.problems["front"].code == "camera-missing"  # until the next look
    assert await looked()
    await asyncio.wait_for(devices.close(), 5)
