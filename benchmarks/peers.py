"""What others bring the same file with: curl to nginx, tus-js-client to ``@tus/server``, rclone to itself (WebDAV), and
curl and tus-js-client to our own server.

Those of the first kind send to a server of their own kind, on the same disk as ours. None of them syncs what it stores
or proves what has arrived, as ours does: they show what the link and the disk give. The others show what our agent adds
to what our server takes.
"""

from __future__ import annotations

import base64
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
from ulid import ULID

from benchmarks import sending
from benchmarks.harness import ending, note, wait_until
from lms_sync import wire
from tests.peers.npm_tus import npm_server, npm_upload_command
from tests.peers.tus_server import free_port
from tests.system.deployment import Server
from tests.system.enrolled import Agent

_PROGRAMS = {"nginx": "usr/sbin/nginx", "rclone": "usr/bin/rclone"}
"""Where each stands in its Debian package."""
_NGINX = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
worker_processes 1;
{user}
events {{}}
http {{
  access_log off;
  sendfile on;
  client_max_body_size 0;
  client_body_temp_path {folder}/temp;
  proxy_temp_path {folder}/temp; fastcgi_temp_path {folder}/temp; uwsgi_temp_path {folder}/temp;
  scgi_temp_path {folder}/temp;
  server {{
    listen {host}:{port};
    root {folder}/files;
    location / {{ dav_methods PUT; }}
  }}
}}
"""


@dataclass(frozen=True, slots=True)
class Peer:
    """command: what sends a file. stored: what its server has got."""

    name: str
    command: Callable[[Path], list[str]]
    stored: Callable[[], list[Path]]

    def rate(self, file: Path, *, within: Sequence[str] = ()) -> float:
        """Bytes a second from the program's start to its end. within: put before the command.

        Raises CalledProcessError, ValueError when not every byte was stored.
        """
        command, size = [*within, *self.command(file)], file.stat().st_size
        began = time.monotonic()
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        seconds = time.monotonic() - began
        if done.returncode:
            note(f"{self.name}: {done.stdout[-300:]}{done.stderr[-300:]}")
            raise subprocess.CalledProcessError(done.returncode, command)
        stored = self.stored()
        if [each.stat().st_size for each in stored] != [size]:
            raise ValueError(f"{self.name} has stored {stored}, not {size} bytes.")
        for each in stored:
            each.unlink()
        return size / seconds


def programs(folder: Path) -> dict[str, str]:
    """nginx and rclone: those of this machine, or of their Debian packages, unpacked in a folder that is made and not
    installed, which would start a web server; what is not to be had is left out. They come by network: ask before one
    of our own is entered."""
    found = {}
    for name, place in _PROGRAMS.items():
        program = shutil.which(name, path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
        if program is None:
            program = _unpacked(name, folder / name, place)
        if program is None:
            note(f"There is no {name} to compare with; to have it: apt-get install {name}")
        else:
            found[name] = program
    return found


def _unpacked(name: str, folder: Path, place: str) -> str | None:
    folder.mkdir(parents=True)
    try:
        subprocess.run(["apt-get", "-q", "download", name], cwd=folder, capture_output=True, check=True)
        (package,) = folder.glob(f"{name}_*.deb")
        subprocess.run(["dpkg", "-x", str(package), str(folder)], capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError, ValueError):
        return None
    return str(folder / place)


@contextmanager
def peers(found: Mapping[str, str], folder: Path, host: str = "127.0.0.1") -> Iterator[list[Peer]]:
    """All that can be had, their servers running in a folder that is made. found: see programs."""
    folder.mkdir(parents=True)
    with ExitStack() as stack:
        theirs = stack.enter_context(npm_server(folder / "tus", host))
        endpoint = f"{theirs.url}/api/v1/uploads"
        there = [Peer("tus-js-client", lambda file: npm_upload_command(endpoint, file), _files(theirs.folder))]
        if "nginx" in found:
            there.append(stack.enter_context(_nginx(found["nginx"], folder / "nginx", host)))
        if "rclone" in found:
            there.append(stack.enter_context(_rclone(found["rclone"], folder / "rclone", host)))
        yield there


@contextmanager
def nginx(program: str, folder: Path, host: str) -> Iterator[tuple[str, Path]]:
    """The address to which a file may be sent, and the folder that it serves."""
    for part in ("files", "temp"):
        (folder / part).mkdir(parents=True)
    port = free_port()
    config, log = folder / "nginx.conf", folder / "log"
    user = "user root;" if folder.owner() == "root" else ""
    config.write_text(_NGINX.format(folder=folder, host=host, port=port, user=user))
    command = [program, "-e", str(log), "-p", str(folder), "-c", str(config)]
    with log.open("ab") as out, ending(subprocess.Popen(command, stdout=out, stderr=out)):
        wait_until((folder / "nginx.pid").exists, 20, f"nginx ({log.read_text(errors='replace')})")
        yield f"http://{host}:{port}/take.mp4", folder / "files"


@contextmanager
def _nginx(program: str, folder: Path, host: str) -> Iterator[Peer]:
    with nginx(program, folder, host) as (url, files):
        yield Peer("curl -T to nginx", lambda file: ["curl", "-sSf", "-T", str(file), url], _files(files))


@contextmanager
def _rclone(program: str, folder: Path, host: str) -> Iterator[Peer]:
    (folder / "files").mkdir(parents=True)
    port, log = free_port(), folder / "log"
    config = ["--config", str(folder / "rclone.conf")]
    (folder / "rclone.conf").touch()
    url = f"http://{host}:{port}"
    serve = [program, "serve", "webdav", *config, "--addr", f"{host}:{port}", str(folder / "files")]

    def send(file: Path) -> list[str]:
        once = ["--no-check-dest", "--retries", "1", "--webdav-url", url]
        return [program, "copyto", *config, *once, str(file), ":webdav:take.mp4"]

    with log.open("ab") as out, ending(subprocess.Popen(serve, stdout=out, stderr=out)):
        wait_until(lambda: _answers(url), 20, f"rclone ({log.read_text(errors='replace')})", pause=0.05)
        yield Peer("rclone to rclone serve webdav", send, _files(folder / "files"))


def to_ours(central: Server, room: Agent) -> list[Peer]:
    """Into the library of a running server, as takes of a room. What is stored there is emptied before and after."""
    endpoint, bearer = central.url + wire.UPLOADS, {"Authorization": f"Bearer {central.token}"}

    def facts() -> dict[str, str]:
        return {"room": room.room, "lesson": str(ULID()), "filename": "take.mp4"}

    def curl(file: Path) -> list[str]:
        metadata = ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in facts().items())
        tus = {"Tus-Resumable": wire.TUS_VERSION}
        wanted = {**bearer, **tus, "Upload-Length": str(file.stat().st_size), "Upload-Metadata": metadata}
        made = httpx.post(endpoint, headers=wanted)
        made.raise_for_status()
        sent = {**bearer, **tus, "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
        said = [word for name, value in sent.items() for word in ("-H", f"{name}: {value}")]
        return ["curl", "-sSf", "-X", "PATCH", *said, "-T", str(file), made.headers["Location"]]

    def client(file: Path) -> list[str]:
        return npm_upload_command(endpoint, file, headers=bearer, metadata=facts())

    stored = partial(sending.stored, central)
    return [Peer("curl -T to our server", curl, stored), Peer("tus-js-client to our server", client, stored)]


def _files(folder: Path) -> Callable[[], list[Path]]:
    return lambda: [each for each in folder.iterdir() if each.suffix != ".json"]


def _answers(url: str) -> bool:
    try:
        return httpx.get(url).status_code > 0
    except httpx.TransportError:
        return False
