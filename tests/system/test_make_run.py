"""``make run`` as a newcomer uses it: real processes, from the first start to a clean table."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.peers.http import HTTP

PROJECT = Path(__file__).resolve().parents[2]
FIRST_START = 90.0
STOPPING = 60.0


class Launcher:
    """The launcher, or make around it, and what it printed."""

    def __init__(self, command: list[str], out: Path) -> None:
        self.out = out
        with out.open("wb") as words:
            self.process = subprocess.Popen(
                command, cwd=PROJECT, stdin=subprocess.DEVNULL, stdout=words, stderr=words, start_new_session=True
            )

    @property
    def said(self) -> str:
        return self.out.read_text(errors="replace")

    def until(self, condition: Callable[[], bool], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert self.process.poll() is None, f"the launcher ended:\n{self.said}"
            assert time.monotonic() < deadline, f"not within {seconds:.0f} s:\n{self.said}"
            time.sleep(0.05)

    def until_ready(self, seconds: float = FIRST_START) -> None:
        self.until(lambda: "Ready after" in self.said, seconds)

    def interrupt(self, *, terminal: bool = False) -> int:
        """terminal: as Ctrl-C does it, to make and launcher at once."""
        if terminal:
            os.killpg(self.process.pid, signal.SIGINT)
        else:
            self.process.send_signal(signal.SIGINT)
        return self.process.wait(STOPPING)


class Installation:
    """A folder of state and two free ports."""

    def __init__(self, folder: Path) -> None:
        self.var = folder / "var"
        self.folder = folder
        self.room_port, self.server_port = free_port(), free_port()
        self.launchers: list[Launcher] = []

    def launch(self, *more: str) -> Launcher:
        ports = ["--room-port", str(self.room_port), "--server-port", str(self.server_port)]
        command = [sys.executable, "-m", "provisioning.demo", "--var", str(self.var), *ports, *more]
        return self._begin(command)

    def make(self) -> Launcher:
        ports = [f"ROOM_PORT={self.room_port}", f"SERVER_PORT={self.server_port}"]
        return self._begin(["make", "run", f"VAR={self.var}", *ports])

    def _begin(self, command: list[str]) -> Launcher:
        launcher = Launcher(command, self.folder / f"said-{len(self.launchers)}.txt")
        self.launchers.append(launcher)
        return launcher

    @property
    def demo(self) -> dict[str, str]:
        demo: dict[str, str] = json.loads((self.var / "demo.json").read_text())
        return demo

    def room(self, method: str, path: str, **body: Any) -> Any:
        answer = HTTP.request(method, f"{self.demo['room_url']}/api/v1{path}", json=body or None, timeout=20)
        answer.raise_for_status()
        return answer.json()

    def processes(self) -> list[psutil.Process]:
        """Every living process that has this folder in its command: services, keepers, their captures."""
        mine = []
        for process in psutil.process_iter():
            try:
                if str(self.var) in " ".join(process.cmdline()) and process.status() != psutil.STATUS_ZOMBIE:
                    mine.append(process)
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
        return mine

    def service(self, *words: str) -> psutil.Process:
        found = [process for process in self.processes() if set(words) <= set(" ".join(process.cmdline()).split())]
        assert len(found) == 1, (words, [process.cmdline() for process in found])
        return found[0]

    def lesson_states(self) -> list[str]:
        manifests = sorted((self.var / "room" / "spool" / "lessons").glob("*/lesson.json"))
        return [json.loads(manifest.read_text())["state"] for manifest in manifests]

    def clean(self) -> None:
        for launcher in self.launchers:
            if launcher.process.poll() is None:
                os.killpg(launcher.process.pid, signal.SIGKILL)
                launcher.process.wait()
        for process in self.processes():
            process.kill()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    installation = Installation(tmp_path)
    try:
        yield installation
    finally:
        installation.clean()


def healthy(url: str) -> bool:
    try:
        return HTTP.get(f"{url}/healthz", timeout=2).status_code == 200
    except httpx.HTTPError:
        return False


@pytest.mark.timeout(300)
def test_from_the_first_start_to_an_empty_table(installation: Installation) -> None:
    first = installation.launch()
    first.until_ready()
    demo = installation.demo
    assert stat.S_IMODE((installation.var / "demo.json").stat().st_mode) == 0o600
    assert set(demo) == {"room_url", "server_url", "admin_user", "admin_password", "pull_token"}
    assert demo["admin_password"] in first.said
    assert healthy(demo["room_url"])
    assert healthy(demo["server_url"])
    lessons = HTTP.get(
        f"{demo['server_url']}/api/v1/lessons", headers={"Authorization": f"Bearer {demo['pull_token']}"}, timeout=20
    )
    assert (lessons.status_code, lessons.json()["items"]) == (200, [])

    # A lesson that is running when somebody presses Ctrl-C is closed and kept.
    installation.room("POST", "/lesson/start", title="Ctrl-C")
    first.until(lambda: installation.room("GET", "/status")["lesson"]["elapsed"] > 1.0, 30)
    assert first.interrupt() == 0, first.said
    assert installation.processes() == []
    assert installation.lesson_states() == ["kept"]

    # The second start makes nothing anew, is quick, and delivers what the first one recorded.
    second = installation.launch()
    second.until_ready()
    assert installation.demo == demo
    assert "First start" not in second.said
    second.until(lambda: installation.room("GET", "/lessons")[0]["state"] == "kept", 10)
    second.until(lambda: all(asset["receipted"] for asset in installation.room("GET", "/lessons")[0]["assets"]), 60)
    assert second.interrupt() == 0


@pytest.mark.timeout(300)
def test_each_of_the_four_comes_back_when_it_is_killed(installation: Installation) -> None:
    launcher = installation.launch()
    launcher.until_ready()
    commands = (("appliance", "run"), ("lms-sync", "run"), ("lms-server", "run"), ("lms-server", "worker"))
    for program, verb in commands:
        words = (str(Path(sys.executable).parent / program), verb)
        launcher.until(lambda: any(_is(process, words) for process in installation.processes()), 30)  # noqa: B023  called at once
        victim = installation.service(*words)
        victim.kill()
        launcher.until(lambda: any(_is(other, words) and other != victim for other in installation.processes()), 10)  # noqa: B023
    launcher.until(lambda: healthy(installation.demo["room_url"]) and healthy(installation.demo["server_url"]), 30)
    assert launcher.interrupt() == 0
    assert installation.processes() == []


def _is(process: psutil.Process, words: tuple[str, str]) -> bool:
    try:
        return set(words) <= set(process.cmdline())
    except psutil.NoSuchProcess:
        return False


@pytest.mark.timeout(300)
def test_no_camera_records_on_unseen_when_the_room_cannot_come_back(installation: Installation) -> None:
    launcher = installation.launch()
    launcher.until_ready()
    installation.room("POST", "/lesson/start", title="Unseen")
    launcher.until(lambda: installation.room("GET", "/status")["lesson"]["elapsed"] > 1.0, 30)
    room = (str(Path(sys.executable).parent / "appliance"), "run")
    installation.service(*room).kill()
    launcher.until(lambda: "room: was killed" in launcher.said, 10)
    victim = next((process for process in installation.processes() if _is(process, room)), None)
    if victim is not None:  # the next one, which has not found its keepers yet
        victim.kill()
    assert launcher.interrupt() == 0, launcher.said
    assert installation.processes() == []


@pytest.mark.timeout(300)
def test_an_interrupted_make_leaves_nothing_running(installation: Installation) -> None:
    """An editor's stop button reaches make alone, which does not pass an interrupt on."""
    launcher = installation.make()
    launcher.until_ready()
    assert launcher.interrupt() in {0, -signal.SIGINT}
    assert installation.processes() == []
    assert "Stopped." in launcher.said

    # Ctrl-C on a terminal reaches make and the launcher: still one wish, and no hurry.
    again = installation.make()
    again.until_ready()
    installation.room("POST", "/lesson/start", title="Ctrl-C")
    again.until(lambda: installation.room("GET", "/status")["lesson"]["elapsed"] > 1.0, 30)
    again.interrupt(terminal=True)
    assert installation.processes() == []
    assert "killed" not in again.said
    assert installation.lesson_states() == ["kept"]


@pytest.mark.parametrize("taken", ["room", "server"])
def test_a_port_in_use_is_named_and_nothing_is_started(installation: Installation, taken: str) -> None:
    port = installation.room_port if taken == "room" else installation.server_port
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        launcher = installation.launch()
        assert launcher.process.wait(30) == 1
    assert launcher.said.strip().splitlines()[-1].startswith(f"Port {port} is in use")
    assert installation.processes() == []


def test_a_mistake_in_room_toml_is_said_and_nothing_is_left_running(installation: Installation, tmp_path: Path) -> None:
    room = tmp_path / "room.toml"
    room.write_text('[room]\nnane = "Amphi A"\n')
    launcher = installation.launch("--room", str(room))
    assert launcher.process.wait(30) == 1
    assert launcher.said.strip() == '[room]: unknown key "nane" (did you mean "name"?).'
    assert installation.processes() == []


def test_two_cannot_share_a_folder(installation: Installation) -> None:
    installation.launch().until((installation.var / "run.lock").exists, 30)
    installation.room_port, installation.server_port = free_port(), free_port()
    second = installation.launch()
    assert second.process.wait(30) == 1
    assert "runs already" in second.said
