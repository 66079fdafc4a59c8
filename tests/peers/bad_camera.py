"""Cameras that misbehave: a listening port with something behind it that is no camera, or is one no more.

``mute`` takes connections and never says a word; ``garbage`` answers everything with noise; ``endless`` speaks RTSP and
never comes to the point.
"""

from __future__ import annotations

import random
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Literal

Manner = Literal["mute", "garbage", "endless"]


class _Answer(socketserver.BaseRequestHandler):
    server: _Server

    def handle(self) -> None:
        with suppress(OSError):
            while self.request.recv(65536):
                self.server.asked += 1
                if self.server.manner == "garbage":
                    self.request.sendall(random.Random(self.server.asked).randbytes(20_000))
                elif self.server.manner == "endless":
                    self.request.sendall(b"RTSP/1.0 200 OK\r\n" + b"X-Noise: still thinking\r\n" * 50)


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, port: int, manner: Manner) -> None:
        super().__init__(("127.0.0.1", port), _Answer)
        self.manner = manner
        self.asked = 0


@contextmanager
def bad_camera(manner: Manner, port: int = 0) -> Iterator[_Server]:
    """``server_address`` says where it is, ``asked`` how often it was spoken to."""
    with _Server(port, manner) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
