"""The central server as its own process, and a room that speaks to it by the wire's rules and nothing else of ours."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx

from lms_server.places import open_places
from lms_server.settings import Settings
from lms_sync import wire
from tests.peers import zygote
from tests.peers.http import TRUSTING_NOBODY
from tests.peers.program import stop, wait_until

LMS_SERVER = str(Path(sys.executable).with_name("lms-server"))
OFFSET_TYPE = "application/offset+octet-stream"
PASSWORD = "correct horse battery"


def order(
    data: Path, *words: str, stdin: str = "", env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """One `lms-server` command on this data folder. env: beside what stands in the environment."""
    argv = ["lms-server", *words, "--data", str(data)]
    return zygote.run(argv, stdin=stdin, timeout=60, env={**os.environ, **(env or {})})


class Central:
    """`lms-server run` on a free port. It may be killed and started again; it keeps its port, as a server does."""

    def __init__(
        self,
        data: Path,
        *,
        shell_limits: str = "",
        options: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
        name: str = "",
    ) -> None:
        """shell_limits: a `ulimit …` under which the server runs. env: beside what stands in the environment. name: of
        one of several on the same folder."""
        self.data = data
        self._limits = shell_limits
        self._options = list(options)
        self._env = dict(env or {})
        self._log = data.parent / f"{name or data.name}.log"
        self._port = 0
        self.http = httpx.Client(timeout=30, verify=TRUSTING_NOBODY)
        self.process: subprocess.Popen[bytes] | zygote.Forked | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> Central:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()
        if self.process is not None:
            stop(self.process, 10)

    def start(self, *, shell_limits: str | None = None) -> None:
        """shell_limits: others than before."""
        self._limits = self._limits if shell_limits is None else shell_limits
        words = ["run", "--data", str(self.data), "--port", str(self._port), *self._options]
        self._log.unlink(missing_ok=True)
        if self._limits:
            command = ["sh", "-c", f'{self._limits}; exec "$0" "$@"', LMS_SERVER, *words]
            with self._log.open("wb") as log:
                self.process = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, **self._env})
        else:
            files = [Path(os.devnull), self._log, self._log]
            self.process = zygote.Forked(["lms-server", *words], files, {**os.environ, **self._env})
        wait_until(self._said_where, 60, f"the server's address ({self.words()[-2000:]})")

    def _said_where(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise RuntimeError(self.words()[-2000:])
        found = re.search(r"^Darsbox server on http://127\.0\.0\.1:(\d+)$", self.words(), re.MULTILINE)
        if found:
            self._port = int(found[1])
        return found is not None

    def words(self) -> str:
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def kept(self, sha256: str) -> list[bytes]:
        """What the store has under this name, as often as it has it."""
        if not self._env.get("DARSBOX_STORE"):
            return [file.read_bytes() for file in (self.data / "store").rglob(sha256)]
        aside = Settings(data=self.data / "aside", store_address=self._env["DARSBOX_STORE"])
        store = open_places(aside, lambda _: None).store
        return [] if store.size(sha256) is None else [b"".join(store.read(sha256))]

    def kill(self) -> None:
        """As a power cut would: no last words."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()

    # -- people and rooms
    # -------------------------------------------------------------------------------------------------

    def token(self, name: str, role: str) -> dict[str, str]:
        """The header of a program with this role."""
        order(self.data, "user", "add", name, "--role", role, "--password-stdin", stdin=PASSWORD, env=self._env)
        made = order(self.data, "user", "token", name, env=self._env)
        assert made.returncode == 0, made.stderr
        return {"Authorization": f"Bearer {made.stdout.strip()}"}

    def code(self, room: str) -> str:
        made = order(self.data, "enrol-code", room, env=self._env)
        assert made.returncode == 0, made.stderr
        return made.stdout.strip()

    def room(self, name: str) -> SigningRoom:
        """A room freshly enrolled."""
        room = SigningRoom(self, name)
        answer = room.enrol(self.code(name))
        assert answer.status_code == 201, answer.text
        return room


class SigningRoom:
    """A room's key and its requests; ``skew`` seconds is how wrong its clock is."""

    def __init__(self, central: Central, name: str) -> None:
        self.central = central
        self.name = name
        self.key = wire.new_key()
        self.id = ""
        self.server_key = wire.new_key()
        self.skew = 0.0
        self.http = central.http

    def enrol(self, code: str) -> httpx.Response:
        body = {
            "code": code,
            "room": self.name,
            "institution": "Lycée de Nouakchott",
            "public_key": wire.load_key(wire.dump_key(self.key, private=False)).as_dict(private=False),
        }
        answer = self.http.post(self.central.url + wire.ENROLMENTS, json=body)
        if answer.status_code == 201:
            self.id = answer.json()["room_id"]
            self.server_key = wire.load_key(answer.json()["server_key"])
        return answer

    def ask(
        self, method: str, path: str, *, body: bytes = b"", signed: bytes | None = None, **headers: str
    ) -> httpx.Response:
        """A signed request. signed: the body the proof speaks of, when it is another. Header names with underscores."""
        url = httpx.URL(self.central.url).join(path)
        sent = {"Tus-Resumable": "1.0.0", **{name.replace("_", "-"): value for name, value in headers.items()}}
        sent["Authorization"] = wire.prove(
            self.key,
            self.id,
            method=method,
            path=url.raw_path.decode(),
            body_sha256=hashlib.sha256(body if signed is None else signed).hexdigest(),
            now=self.central_time() + self.skew,
        )
        return self.http.request(method, url, headers=sent, content=body)

    def central_time(self) -> float:
        return float(self.http.get(f"{self.central.url}/healthz").headers[wire.TIME_HEADER])

    def create(self, asset: wire.Asset, **headers: str) -> httpx.Response:
        given = {"Upload_Length": str(asset.bytes), "Upload_Metadata": metadata(asset.metadata())}
        return self.ask("POST", wire.UPLOADS, **{**given, **headers})

    def patch(self, location: str, offset: int, body: bytes, **headers: str) -> httpx.Response:
        given = {"Upload_Offset": str(offset), "Content_Type": OFFSET_TYPE}
        return self.ask("PATCH", location, body=body, **{**given, **headers})

    def offset(self, location: str) -> int:
        answer = self.ask("HEAD", location)
        assert answer.status_code == 200, answer.status_code
        return int(answer.headers["Upload-Offset"])

    def upload(self, asset: wire.Asset, content: bytes) -> str:
        """The whole file at once; its receipt."""
        made = self.create(asset)
        assert made.status_code == 201, made.text
        if content and int(made.headers["Upload-Offset"]) < len(content):
            sent = self.patch(made.headers["Location"], 0, content)
            assert sent.status_code == 204, sent.text
        return self.receipt(made.headers["Location"])

    def receipt(self, location: str) -> str:
        answer = self.ask("GET", f"{location}/receipt")
        assert answer.status_code == 200, answer.text
        return str(answer.json()["receipt"])


def metadata(pairs: dict[str, str]) -> str:
    return ",".join(f"{key} {base64.b64encode(value.encode()).decode()}".strip() for key, value in pairs.items())


def asset(lesson: str, content: bytes, path: str = "front/take-001.mp4", **facts: str) -> wire.Asset:
    given = {
        "kind": "take",
        "source": "front",
        "tier": "master",
        "sha256": hashlib.sha256(content).hexdigest(),
        **facts,
    }
    return wire.Asset(lesson=lesson, path=path, bytes=len(content), **given)


def problem(answer: httpx.Response) -> tuple[int, str]:
    """Status and code of a refusal, which must be problem JSON (RFC 9457) with a sentence."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    body = answer.json()
    assert body["type"] == f"urn:darsbox:problem:{body['code']}"
    assert body["detail"].endswith((".", "?"))
    assert body["status"] == answer.status_code
    return answer.status_code, str(body["code"])
