"""A room's daemon as an update sees it: it answers as the version in use, and may be ill in many ways."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from provisioning import slots


class PowerCut(BaseException):
    """Nothing after it is done."""


@dataclass
class Daemon:
    """What answers in the room: as a version of Darsbox that is well, unless it is said to be ill. Its services are
    itself."""

    root: Path
    version: str = ""
    state: dict[str, Any] = field(default_factory=lambda: {"state": "ready", "lesson": None})
    silent: set[str] = field(default_factory=set)
    """Versions that do not answer."""
    falls: set[str] = field(default_factory=set)
    """Versions that answer a few times, and then no more."""
    crashing: set[str] = field(default_factory=set)
    """Versions that end again and again."""
    cannot: set[str] = field(default_factory=set)
    """Versions that cannot record."""
    lies: str = ""
    without_sync: set[str] = field(default_factory=set)
    cut: str = ""
    """The power fails when this version is started."""
    restarts: int = 0
    answers: int = 0

    def restart(self) -> None:
        self.version = slots.current(self.root) or ""
        self.restarts += 1
        self.answers = 0
        if self.version == self.cut:
            self.cut = ""
            raise PowerCut

    def falling(self) -> str:
        return "darsbox-room.service ended 6 times." if self.version in self.crashing else ""

    def ailing(self) -> str:
        return "darsbox-sync.service ended." if self.version in self.without_sync else ""

    def answer(self, path: str) -> dict[str, Any] | None:
        self.answers += 1
        if self.version in self.silent | self.crashing or (self.version in self.falls and self.answers > 3):
            return None
        if path == "/healthz":
            return {"status": "ok", "version": self.lies or self.version}
        return {**self.state, **({"state": "cannot-record"} if self.version in self.cannot else {})}


@contextmanager
def answering(daemon: Daemon, spool: Path) -> Iterator[None]:
    """It listens, and has left its address in the spool."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            said = daemon.answer(self.path)
            if said is None:
                self.close_connection = True
                return
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(said).encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        spool.mkdir(exist_ok=True)
        (spool / "daemon.json").write_text(json.dumps({"url": f"http://127.0.0.1:{server.server_port}"}))
        try:
            yield
        finally:
            server.shutdown()
            thread.join()
