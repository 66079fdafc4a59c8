"""Network cameras with ONVIF: ipycam, an emulator by others, and one of ours with the habits that ipycam has not.

ipycam wants another build of OpenCV than we have, and lives in ``.venv/peers``. It keeps its
presets in the folder it runs in.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from tests.peers.program import running
from tests.peers.rtsp_camera import make_clip
from tests.peers.tus_server import free_port

PYTHON = Path(sys.prefix) / "peers" / "bin" / "python"
USER, PASSWORD = "room", "s@me:word/1"
PICTURE = b"\xff\xd8 a picture \xff\xd9"


@contextmanager
def ipycam(folder: Path) -> Iterator[int]:
    """The emulator's HTTP port: 640x360 and 320x180 at 15 pictures a second, one user."""
    port, rtsp = free_port(), free_port()
    config = folder / "ipycam.json"
    config.write_text(
        json.dumps(
            {
                "local_ip": "127.0.0.1",
                "onvif_port": port,
                "rtsp_port": rtsp,
                "go2rtc_api_port": free_port(),
                "hw_accel": "cpu",
                "name": "Lecture%20hall",
                "username": USER,
                "password": PASSWORD,
                "main_width": 640,
                "main_height": 360,
                "main_fps": 15,
                "main_bitrate": "1M",
                "sub_width": 320,
                "sub_height": 180,
                "sub_fps": 15,
            }
        )
    )
    clip = make_clip(folder / "clip.mp4", 4, fps=15, gop=15)
    command = [str(PYTHON), "-m", "ipycam", "--config", str(config), "--source", str(clip), "--hw", "cpu"]
    with running(
        ["env", "-C", str(folder), *command], folder / "ipycam.log", ready=lambda text: "Opening camera source" in text
    ):
        yield port


@dataclass
class Picky:
    """A camera that lives in another year, knows logins by that year only, and asks for them as told.

    login: ``token`` (WS-UsernameToken), ``digest`` or ``basic`` (HTTP, the latter for pictures). stream: the address it
    gives. raw: what it answers instead of SOAP. asked: the bodies of what it was asked.
    """

    login: str = "token"
    years: float = -25
    stream: str = "rtsp://192.168.0.10:554/one"
    encoding: str = "H264"
    raw: bytes = b""
    port: int = 0
    asked: list[str] = field(default_factory=list)

    @property
    def clock(self) -> float:
        return time.time() + self.years * 365 * 86400

    def answer(self, body: str, authorization: str) -> tuple[int, bytes]:
        self.asked.append(body)
        if self.raw:
            return 200, self.raw
        if "GetSystemDateAndTime" in body:
            now = datetime.fromtimestamp(self.clock, UTC)
            return 200, _soap(
                f"<R><UTCDateTime><Time><Hour>{now.hour}</Hour><Minute>{now.minute}</Minute>"
                f"<Second>{now.second}</Second></Time><Date><Year>{now.year}</Year><Month>{now.month}</Month>"
                f"<Day>{now.day}</Day></Date></UTCDateTime></R>"
            )
        if self.login == "digest" and not self._digest_is_right(authorization):
            return 401, b""
        if self.login == "token" and not self._token_is_right(body):
            fault = '<Fault><Code><Value>s:Sender</Value><Subcode><Value xmlns:t="t">t:NotAuthorized</Value></Subcode>'
            return 400, _soap(f"{fault}</Code><Reason><Text>No.</Text></Reason></Fault>")
        return 200, _soap(self._said(body))

    def _said(self, body: str) -> str:
        # Everything it says of itself has an address that nobody can reach.
        if "GetCapabilities" in body:
            services = (f"<{n}><XAddr>http://192.168.0.10:{self.port}/onvif/{n}</XAddr></{n}>" for n in ("Media",))
            return f"<R><Capabilities>{''.join(services)}</Capabilities></R>"
        if "GetProfiles" in body:
            size = "<Resolution><Width>1920</Width><Height>1080</Height></Resolution>"
            encoder = f"<VideoEncoderConfiguration><Encoding>{self.encoding}</Encoding>{size}"
            return f'<R><Profiles token="1"><Name>main</Name>{encoder}</VideoEncoderConfiguration></Profiles></R>'
        if "GetSnapshotUri" in body:
            return f"<R><MediaUri><Uri>http://192.168.0.10:{self.port}/picture.jpg</Uri></MediaUri></R>"
        return f"<R><MediaUri><Uri>{self.stream}</Uri></MediaUri></R>"

    def _token_is_right(self, body: str) -> bool:
        found = {name: re.search(f"{name}[^>]*>([^<]*)<", body) for name in ("Password", "Nonce", "Created")}
        password, nonce, created = (match[1] if match else "" for match in found.values())
        mine = hashlib.sha1(
            base64.b64decode(nonce) + created.encode() + PASSWORD.encode(), usedforsecurity=False
        ).digest()
        when = datetime.fromisoformat(created or "1970-01-01T00:00:00Z").timestamp()
        return base64.b64encode(mine).decode() == password and abs(when - self.clock) < 5

    def _digest_is_right(self, authorization: str) -> bool:
        facts = dict(re.findall(r'(\w+)="?([^",]*)"?', authorization))
        mine = _md5(f"{USER}:camera:{PASSWORD}")
        theirs = _md5(f"POST:{facts.get('uri', '')}")
        middle = f"n1:{facts.get('nc', '')}:{facts.get('cnonce', '')}:auth"
        return _md5(f"{mine}:{middle}:{theirs}") == facts.get("response")


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _soap(body: str) -> bytes:
    return (
        f'<E:Envelope xmlns:E="http://www.w3.org/2003/05/soap-envelope"><E:Body>{body}</E:Body></E:Envelope>'.encode()
    )


@contextmanager
def picky(camera: Picky) -> Iterator[Picky]:
    """The camera, at 127.0.0.1 and ``camera.port``."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self._send(*camera.answer(body, self.headers.get("Authorization", "")))

        def do_GET(self) -> None:
            right = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
            self._send(*((200, PICTURE) if self.headers.get("Authorization") == right else (401, b"")))

        def _send(self, status: int, data: bytes) -> None:
            self.send_response(status)
            if status == 401:
                asks = 'Digest realm="camera", nonce="n1", qop="auth"' if self.command == "POST" else 'Basic realm="c"'
                self.send_header("WWW-Authenticate", asks)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *args: object) -> None:
            """Not into the test's output."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        camera.port = server.server_address[1]
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield camera
        finally:
            server.shutdown()
            thread.join()
