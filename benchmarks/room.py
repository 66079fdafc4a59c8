"""A room's daemon under measurement: started as systemd would, touched as the panel does."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from threading import Event, Thread
from typing import Any

import httpx

from benchmarks.harness import Run, ending, wait_until

SIMULATED = '[[camera]]\nid = "front"\ndriver = "sim"\n\n[[microphone]]\nid = "lectern"\ndriver = "sim"\n'

APPLIANCE = (str(Path(sys.executable).parent / "appliance"),)


def rtsp(url: str, cameras: int = 1) -> str:
    """A room.toml's part for so many cameras, all of them the same."""
    return "".join(
        f'[[camera]]\nid = "camera-{number}"\ndriver = "rtsp"\nurl = "{url}"\n\n' for number in range(cameras)
    )


class Room:
    """A running daemon with its own spool."""

    def __init__(self, folder: Path, devices: str) -> None:
        self.run = Run()
        self.spool = folder / "spool"
        self.log = folder / "appliance.log"
        self._config = folder / "room.toml"
        self._config.write_text(f'[room]\nname = "Bench"\n\n{devices}')
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}/"
        self._http = httpx.Client(base_url=self.url, timeout=30.0)

    def command(self, program: Sequence[str] = APPLIANCE) -> list[str]:
        """program: what is started instead of the appliance itself, with the same arguments."""
        where = ["--config", str(self._config), "--spool", str(self.spool), "--port", str(self.port)]
        return [*program, "run", *where]

    def answers(self) -> bool:
        """Does it give its first page?"""
        try:
            return self._http.get("/").status_code == HTTPStatus.OK
        except httpx.TransportError:
            return False

    def status(self) -> dict[str, Any]:
        return dict(self._http.get("/api/v1/status").raise_for_status().json())

    def touch(self, verb: str, **body: str) -> None:
        """start or stop, as the panel does."""
        self._http.post(f"/api/v1/lesson/{verb}", json=body).raise_for_status()

    def wait_ready(self) -> None:
        wait_until(lambda: self.status()["state"] == "ready", 20, "a room ready to record", 0.05)

    def lessons(self) -> set[str]:
        return {lesson.name for lesson in (self.spool / "lessons").glob("*")}

    def journals(self, before: set[str]) -> list[Path]:
        """Of the takes of a lesson that is not one of those before."""
        return [
            journal
            for lesson in self.lessons() - before
            for journal in (self.spool / "lessons" / lesson).glob("*/*.journal")
        ]

    def durable(self, before: set[str]) -> set[str]:
        """Sources of a lesson that is not one of those before, of which a fragment is durable: its line in the journal
        follows the fragment's sync."""
        return {journal.parent.name for journal in self.journals(before) if journal.read_bytes().count(b"\n") > 1}

    def start_lesson(self, sources: int) -> tuple[float, float]:
        """Touch Start; seconds until the first source's first durable byte, and until that of the last of so many."""
        before = self.lessons()
        touched = time.monotonic()
        answer = Thread(target=self.touch, args=("start",), kwargs={"title": "Bench"})
        answer.start()
        first = wait_until(lambda: self.durable(before), 30, "the first durable byte")
        last = wait_until(lambda: len(self.durable(before)) == sources, 30, f"{sources} sources' first durable byte")
        answer.join()
        return first - touched, last - touched

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Somebody looks at every camera's living picture until the block ends."""
        leaving = Event()

        def look(source: str) -> None:
            with self._http.stream("GET", f"/api/v1/sources/{source}/preview.mjpeg", timeout=None) as pictures:
                for _ in pictures.iter_raw():
                    if leaving.is_set():
                        return

        names = [source["id"] for source in self.status()["sources"] if source["kind"] == "camera"]
        viewers = [Thread(target=look, args=(name,)) for name in names]
        for viewer in viewers:
            viewer.start()
        try:
            yield
        finally:
            leaving.set()
            for viewer in viewers:
                viewer.join()

    def stop_lesson(self) -> None:
        self.touch("stop")
        self.wait_ready()


@contextmanager
def running(folder: Path, devices: str, program: Sequence[str] = APPLIANCE) -> Iterator[Room]:
    """A daemon that answers and is ready to record, until the block ends. Raises TimeoutError with its last words.

    program: see Room.command.
    """
    folder.mkdir(parents=True, exist_ok=True)
    room = Room(folder, devices)
    with ending(room.run.start(room.command(program), room.log)):
        try:
            wait_until(room.answers, 20, "the daemon's first page", 0.02)
        except TimeoutError as error:
            raise TimeoutError(f"{error}: {room.log.read_text()[-1000:]}") from error
        room.wait_ready()
        yield room
