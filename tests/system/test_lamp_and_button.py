"""A room with a button and a lamp, as a real daemon: a lesson without a touch on the panel, and a lamp that tells the
truth or is said not to."""

from __future__ import annotations

import json
import os
import select
import threading
import time
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest

from drivers.indicator.sim import Relay
from drivers.input.presses import EV_KEY, EVENT, code_of
from tests.peers.program import wait_until
from tests.system.test_room_api import ROOM, room

DEVICES = """
[[indicator]]
id = "lamp"
label = "Door lamp"
driver = "serial-relay"
port = "{port}"

[[input]]
id = "button"
driver = "sim"
pipe = "{pipe}"
keys = {{F5 = "toggle", B = "mark", MUTE = "mute"}}
released = {{MUTE = "unmute"}}
bounce_ms = 0

[[input]]
id = "clicker"
driver = "evdev"
device = "/dev/input/by-id/usb-nobody-has-this-event-kbd"
keys = {{PAGEDOWN = "mark"}}
"""


class Lamp:
    """A serial relay on a pseudo terminal, with a lasting name as udev gives one. on: what it was told by the bytes
    that came."""

    def __init__(self, port: Path) -> None:
        self._relay = Relay()
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.port = port
        port.symlink_to(os.ttyname(self._slave))
        self._gone = threading.Event()
        self._reading = threading.Thread(target=self._read)
        self._reading.start()

    @property
    def on(self) -> bool:
        return self._relay.on

    def unplug(self) -> None:
        if not self._gone.is_set():
            self._gone.set()
            self.port.unlink()
            self._reading.join()
            os.close(self._slave)
            os.close(self._master)

    def _read(self) -> None:
        while not self._gone.is_set():
            if select.select([self._master], [], [], 0.02)[0]:
                self._relay.answer(os.read(self._master, 64))


class Button:
    """A pipe into which the kernel's own events are written."""

    def __init__(self, pipe: Path) -> None:
        self._pipe = pipe

    def send(self, key: str, value: int) -> None:
        now = time.time()
        file = os.open(self._pipe, os.O_WRONLY | os.O_NONBLOCK)
        os.write(file, EVENT.pack(int(now), int(now % 1 * 1e6), EV_KEY, code_of(key), value))
        os.close(file)

    def press(self, key: str) -> None:
        self.send(key, 1)
        self.send(key, 0)


@pytest.fixture
def lamp(tmp_path: Path) -> Iterator[Lamp]:
    made = Lamp(tmp_path / "lamp")
    yield made
    made.unplug()


def test_a_lesson_without_a_touch_on_the_panel(tmp_path: Path, lamp: Lamp) -> None:
    pipe, file = tmp_path / "button", tmp_path / "lamp.toml"
    file.write_text(ROOM + DEVICES.format(port=lamp.port, pipe=pipe))
    with room(tmp_path, "--config", str(file)) as daemon:
        button = Button(pipe)

        def shown() -> str:
            return str(daemon.status()["lamps"][0]["shown"])

        wait_until(pipe.exists, 10, "somebody who listens to the button")
        wait_until(lambda: shown() == "off", 10, "a lamp that was told")
        assert not lamp.on
        button.press("F5")
        wait_until(lambda: lamp.on, 10, "the lamp")
        wait_until(daemon.recording, 20, "bytes of every source")
        button.press("B")
        wait_until(lambda: daemon.status()["lesson"]["marks"] == 1, 10, "the mark")

        button.send("MUTE", 1)
        wait_until(lambda: daemon.status()["state"] == "paused", 10, "the mute")
        wait_until(lambda: not lamp.on, 10, "a dark lamp: nobody is heard")
        assert (daemon.status()["muted"], daemon.status()["health"]["code"]) == (True, "muted")
        button.send("MUTE", 0)
        wait_until(lambda: daemon.status()["state"] == "recording" and lamp.on, 20, "the lesson and its lamp again")

        lamp.unplug()
        wait_until(lambda: daemon.status()["health"]["code"] == "lamp-lost", 20, "a word about the lamp")
        listed = {device["id"]: device for device in json.loads(daemon.command("devices", "--json").stdout)}
        assert listed["lamp"]["problem"]["code"] in {"device-lost", "port-missing"}
        assert listed["button"]["healthy"]
        assert listed["clicker"]["problem"]["code"] == "input-missing"
        wait_until(daemon.recording, 10, "a recording that does not care")

        time.sleep(1.6)  # a person who has changed his mind, not one who is impatient
        button.press("F5")
        wait_until(lambda: daemon.status()["state"] == "ready", 20, "the end of the lesson")
        (lesson,) = daemon.get("/api/v1/lessons")
        assert lesson["state"] == "kept"
    log = daemon.log.read_text()
    assert log.count("usb-nobody-has-this") == 1, "what is missing is said once"


def test_the_lamp_goes_dark_when_the_daemon_has_ended(tmp_path: Path, lamp: Lamp) -> None:
    file = tmp_path / "lamp.toml"
    file.write_text(ROOM + DEVICES.format(port=lamp.port, pipe=tmp_path / "button"))
    with room(tmp_path, "--config", str(file)) as daemon:
        daemon.order("start")
        wait_until(lambda: lamp.on, 10, "the lamp")
    wait_until(lambda: not lamp.on, 5, "the lamp's end")
