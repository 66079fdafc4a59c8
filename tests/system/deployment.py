"""The real processes of a room and a server, as tests start, kill and restart them."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from provisioning.leftovers import keepers
from tests.peers import zygote
from tests.peers.http import HTTP, TRUSTING_NOBODY
from tests.peers.program import wait_until

BIN = Path(sys.executable).parent
ADMIN, PASSWORD = "admin", "a long enough passphrase"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def camera_and_microphone(url: str, device: str) -> str:
    """room.toml's tables of a real RTSP camera ``front`` and a real PortAudio microphone ``lectern``."""
    return f"""
[[camera]]
id = "front"
driver = "rtsp"
url = "{url}"

[[microphone]]
id = "lectern"
driver = "portaudio"
device = "{device}"
"""


def one_camera(recorder: str = "") -> str:
    """room.toml of a small simulated camera that nobody judges, as light as a room can be. recorder: lines more of that
    table."""
    return f"""
[recorder]
renditions = false
height = 240
fps = 5
{recorder}

[[camera]]
id = "front"
driver = "sim"
fps = 5

[judge]
enabled = false
"""


class Service:
    """One program that can be started again after it was killed. Its output goes to a log, appended to."""

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        log: Path,
        env: Mapping[str, str] | None = None,
        within: Sequence[str] = (),
    ) -> None:
        """within: a command that becomes this one."""
        self.name = name
        self._argv = list(argv)
        self._within = list(within)
        self._env = {**os.environ, **(env or {})}
        self.log = log
        self.process: subprocess.Popen[bytes] | zygote.Forked | None = None

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def start(self) -> None:
        if self._argv[0] in zygote.PROGRAMS and not self._within:
            self.process = zygote.Forked(self._argv, [Path(os.devnull), self.log, self.log], self._env)
            return
        command = [*self._within, str(BIN / self._argv[0]), *self._argv[1:]]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=self._env)

    def kill(self) -> None:
        """As the kernel would: no last words."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self, seconds: float = 20.0, *, by: signal.Signals = signal.SIGTERM) -> int:
        """In order; returns the exit status. seconds: many, for what steps back on a busy machine ends last too."""
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(by)
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        return self.process.wait()

    def words(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""


class Room:
    """A room's daemon and its sync agent."""

    def __init__(
        self,
        folder: Path,
        devices: str,
        *,
        env: Mapping[str, str] | None = None,
        spool: Path | None = None,
        renditions: bool = False,
    ) -> None:
        self.folder = folder
        self.spool = spool or folder / "spool"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.config = folder / "room.toml"
        # The small forms cost more CPU than the lesson did; only tests about them let them be made.
        recorder = "" if "[recorder]" in devices else f"[recorder]\nrenditions = {str(renditions).lower()}\n\n"
        self.config.write_text(f'[room]\nname = "Amphi A"\ninstitution = "Test"\n\n{recorder}{devices}')
        argv = ["appliance", "run", "--config", str(self.config), "--spool", str(self.spool), "--port", str(self.port)]
        self.daemon = Service("appliance", argv, folder / "appliance.log", env)
        self.agent = Service("lms-sync", ["lms-sync", "run", "--spool", str(self.spool)], folder / "lms-sync.log")
        self.http = httpx.Client(base_url=f"{self.url}/api/v1", timeout=20.0, verify=TRUSTING_NOBODY)

    def language(self, language: str) -> None:
        """Of the panel; before the daemon is started."""
        self.config.write_text(self.config.read_text().replace("[room]\n", f'[room]\nlanguage = "{language}"\n'))

    def start(self) -> None:
        self.daemon.start()
        wait_until(self.answers, 20, f"the room's daemon ({self.daemon.words()[-2000:]})")

    def answers(self) -> bool:
        try:
            return self.http.get("/status").status_code == 200
        except httpx.TransportError:
            return False

    def status(self) -> dict[str, Any]:
        answer = self.http.get("/status")
        answer.raise_for_status()
        return dict(answer.json())

    def touch(self, verb: str, **body: str) -> dict[str, Any]:
        """start, pause, resume, stop or mark, as the panel does."""
        answer = self.http.post(f"/lesson/{verb}", json=body)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def wait_state(self, state: str, seconds: float = 15) -> None:
        wait_until(lambda: self.status()["state"] == state, seconds, f"the state {state}")

    def wait_recording(self, *sources: str, seconds: float = 20) -> None:
        """Until each of these sources has bytes on the disk."""

        def all_record() -> bool:
            states = {item["id"]: item["state"] for item in self.status()["sources"]}
            return all(states[source] == "recording" for source in sources)

        wait_until(all_record, seconds, f"recording of {', '.join(sources)}")

    def wait_elapsed(self, seconds: float) -> None:
        """Until the lesson holds so many seconds, by evidence."""

        def long_enough() -> bool:
            lesson = self.status()["lesson"]
            return lesson is not None and lesson["elapsed"] >= seconds

        wait_until(long_enough, seconds + 20, f"{seconds} s of lesson")

    def lessons(self) -> list[dict[str, Any]]:
        answer = self.http.get("/lessons")
        answer.raise_for_status()
        return list(answer.json())

    def only_lesson(self) -> dict[str, Any]:
        lessons = self.lessons()
        assert len(lessons) == 1, lessons
        return lessons[0]

    def wait_receipted(self, seconds: float = 40) -> None:
        """Until the server has signed for every asset of every lesson."""

        def signed() -> bool:
            return all(asset["receipted"] for lesson in self.lessons() for asset in lesson["assets"])

        wait_until(lambda: self.lessons() and signed(), seconds, "the server's receipts")

    def programs(self, source: str) -> dict[str, int]:
        """Process ids of what records a source now: ``keeper``, and ``ffmpeg`` once it runs."""
        keeper = int((self._folder_of_running() / source / "keeper.pid").read_text())
        found = {"keeper": keeper}
        for child in _children(keeper):
            words = Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")
            if words[0].endswith(b"ffmpeg") or b"/ffmpeg-" in words[0]:
                found["ffmpeg"] = child
        return found

    def _folder_of_running(self) -> Path:
        lesson = self.status()["lesson"]
        assert lesson is not None
        return self.spool / "lessons" / lesson["id"]

    def close(self) -> None:
        self.agent.stop()
        self.daemon.stop()
        self.http.close()
        for pid in self.left_over():  # a test that failed half-way must not leave keepers at work
            os.kill(pid, signal.SIGKILL)

    def left_over(self) -> list[int]:
        """Keepers of this spool that still live."""
        return keepers(self.spool)


class Server:
    """The central server: web process and worker, with one admin and one token."""

    def __init__(self, folder: Path, port: int = 0, host: str = "127.0.0.1") -> None:
        self.data = folder / "server"
        self.port = port or free_port()
        self.url = f"http://{host}:{self.port}"
        where = ["--data", str(self.data)]
        run = ["lms-server", "run", *where, "--host", host, "--port", str(self.port)]
        self.web = Service("lms-server", run, folder / "lms-server.log")
        self.worker = Service("worker", ["lms-server", "worker", *where], folder / "worker.log")
        command(["lms-server", "migrate", *where])
        add = ["lms-server", "user", "add", ADMIN, *where, "--role", "admin", "--password-stdin"]
        command(add, stdin=PASSWORD)
        self.token = command(["lms-server", "user", "token", ADMIN, *where]).split()[-1]

    def start(self) -> None:
        self.start_web()
        self.worker.start()

    def start_web(self) -> None:
        self.web.start()
        wait_until(self.answers, 20, f"the server ({self.web.words()[-2000:]})")

    def answers(self) -> bool:
        try:
            return HTTP.get(f"{self.url}/healthz").status_code == 200
        except httpx.TransportError:
            return False

    def enrol(self, room: Room, name: str = "Amphi A", url: str = "") -> None:
        """url: where the room finds the server, if that is elsewhere."""
        code = command(["lms-server", "enrol-code", name, "--data", str(self.data)]).split()[-1]
        where = ["--spool", str(room.spool), "--server", url or self.url]
        command(["lms-sync", "enrol", *where, "--code", code, "--room", name, "--institution", "Test"])

    def get(self, path: str) -> Any:
        answer = HTTP.get(f"{self.url}/api/v1{path}", headers={"Authorization": f"Bearer {self.token}"})
        answer.raise_for_status()
        return answer.json()

    def wait_ready(self, lesson: str, seconds: float = 60) -> dict[str, Any]:
        """Until a lesson's files can be pulled."""

        def ready() -> bool:
            return any(item["id"] == lesson and item["state"] == "ready" for item in self.get("/lessons")["items"])

        wait_until(ready, seconds, f"the assembled lesson ({self.worker.words()[-2000:]})")
        return dict(self.get(f"/lessons/{lesson}"))

    def pull(self, out: Path, *more: str) -> dict[str, Path]:
        """lms-pull everything; the files that came, by name."""
        command(["lms-pull", "--server", self.url, "--token", self.token, "--out", str(out), *more])
        return {path.name: path for path in out.rglob("*") if path.is_file()}

    def close(self) -> None:
        self.worker.stop()
        self.web.stop()


def command(argv: Sequence[str], stdin: str = "") -> str:
    """Run one of our commands to its end; its standard output. Fails with what it said."""
    done = zygote.run(argv, stdin=stdin)
    assert done.returncode == 0, f"{' '.join(argv)}: {done.stdout}{done.stderr}"
    return done.stdout


@contextmanager
def closing_all(*parts: Room | Server) -> Iterator[None]:
    try:
        yield
    finally:
        for part in parts:
            part.close()


def wait_gone(pid: int, seconds: float = 10) -> None:
    wait_until(lambda: not Path(f"/proc/{pid}").exists(), seconds, f"the end of process {pid}")


def gaps_of(lesson: Mapping[str, Any], source: str) -> list[dict[str, Any]]:
    return [gap for gap in lesson["gaps"] if gap["source"] == source]


def manifest(room: Room, lesson: str) -> dict[str, Any]:
    return dict(json.loads((room.spool / "lessons" / lesson / "lesson.json").read_text()))


def stable(read: Callable[[], object], seconds: float) -> None:
    """Watch a value for some seconds; it must not change."""
    first, deadline = read(), time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert read() == first
        time.sleep(0.05)


def _children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(word) for word in text.split()]
