"""Devices that are plugged in, by real events of this kernel. If these fail, a camera waits for its next turn."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.recorder.crew import KeeperHandle
from appliance.recorder.hotplug import Plug, watch_devices
from appliance.recorder.keeper import Order
from appliance.recorder.nursery import Newborn
from tests.unit.appliance.recorder.test_hotplug import udev

NETLINK_KOBJECT_UEVENT = 15


async def heard_after(cause: Callable[[], object], subsystem: str, device: str) -> Plug:
    """The first event of a device after the cause, which is repeated until somebody listens."""
    heard: asyncio.Queue[Plug] = asyncio.Queue()
    watching = asyncio.create_task(watch_devices(heard.put_nowait, {subsystem: "video"}))
    try:
        async with asyncio.timeout(10):
            while True:
                cause()
                await asyncio.sleep(0.05)
                while not heard.empty():
                    plug = heard.get_nowait()
                    if plug.device == device:
                        return plug
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


@pytest.mark.anyio
async def test_the_kernels_own_event_is_heard() -> None:
    """There is no camera here; /dev/null has the same events."""
    plug = await heard_after(lambda: Path("/sys/class/mem/null/uevent").write_text("change"), "mem", "null")
    assert (plug.action, plug.there) == ("change", True)


@pytest.mark.anyio
async def test_udevs_event_is_heard() -> None:
    said = udev(b"ACTION=add\0SUBSYSTEM=darsbox-test\0DEVNAME=/dev/video7\0")
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_KOBJECT_UEVENT) as daemon:
        plug = await heard_after(lambda: daemon.sendto(said, (0, 2)), "darsbox-test", "/dev/video7")
    assert plug.there


PATIENT = "import sys; from appliance.recorder import keeper; keeper.BACKOFF = (0.0, 3600.0); keeper.main()"
"""A keeper that would come back only after an hour."""


def started(order: Order) -> subprocess.Popen[bytes]:
    child = subprocess.Popen([sys.executable, "-c", PATIENT], stdin=subprocess.PIPE)
    assert child.stdin is not None
    with child.stdin:
        child.stdin.write(order.to_json().encode())
    return child


@pytest.mark.anyio
async def test_a_keeper_that_waits_for_its_device_is_woken_and_records(tmp_path: Path) -> None:
    socket_file = tmp_path / "daemon.sock"
    device = tmp_path / "device"
    picture = "-re -f lavfi -i testsrc2=size=160x120:rate=25 -c:v libx264 -preset ultrafast -tune zerolatency -g 25"
    form = "-movflags +empty_moov+default_base_moof+delay_moov+frag_keyframe -frag_duration 250000 -f mp4 pipe:1"
    order = Order(
        lesson="L",
        folder=str(tmp_path / "lesson"),
        source="front",
        span=0,
        boot="b",
        ffmpeg=["sh", "-c", f"test -e {device} || exit 1; exec ffmpeg -v error -nostdin {picture} {form}"],
        feeder=None,
        socket=str(socket_file),
        reserve=0,
        longest=3600.0,
        stall=5.0,
    )
    (tmp_path / "lesson").mkdir()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(socket_file))
        ear.settimeout(20)
        child = started(order)
        handle = KeeperHandle("front", Newborn(child.pid, os.pidfd_open(child.pid), None, None))
        try:
            for _ in range(2):
                assert json.loads(ear.recv(65536))["event"] == "lost"
            device.touch()
            handle.wake()
            said = await asyncio.to_thread(lambda: json.loads(ear.recv(65536)))
            assert said["event"] == "fragment"
        finally:
            handle.stop()
            await asyncio.wait_for(handle.ended.wait(), 10)
    assert child.wait() == 0
