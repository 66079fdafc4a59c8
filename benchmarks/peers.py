"""What others bring the same file with: curl to nginx, tus-js-client to ``@tus/server``, rclone to itself (WebDAV).

Each sends to a server of its own kind, on the same disk as ours. None of them syncs what it stores or proves what has
arrived, as ours does: they show what the link and the disk give.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from benchmarks.harness import ending, note, wait_until
from tests.peers.npm_tus import npm_server, npm_upload_command
from tests.peers.tus_server import free_port

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
    """command: what sends a file. stored: where its server puts what it gets."""

    name: str
    command: Callable[[Path], list[str]]
    stored: Path

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
        stored = [each for each in self.stored.iterdir() if each.suffix != ".json"]
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
        there = [Peer("tus-js-client", lambda file: npm_upload_command(endpoint, file), theirs.folder)]
        if "nginx" in found:
            there.append(stack.enter_context(_nginx(found["nginx"], folder / "nginx", host)))
        if "rclone" in found:
            there.append(stack.enter_context(_rclone(found["rclone"], folder / "rclone", host)))
        yield there


@contextmanager
def _nginx(program: str, folder: Path, host: str) -> Iterator[Peer]:
    for part in ("files", "temp"):
        (folder / part).mkdir(parents=True)
    port = free_port()
    config, log = folder / "nginx.conf", folder / "log"
    user = "user root;" if folder.owner() == "root" else ""
    config.write_text(_NGINX.format(folder=folder, host=host, port=port, user=user))
    command = [program, "-e", str(log), "-p", str(folder), "-c", str(config)]
    with log.open("ab") as out, ending(subprocess.Popen(command, stdout=out, stderr=out)):
        wait_until((folder / "nginx.pid").exists, 20, f"nginx ({log.read_text(errors='replace')})")
        url = f"http://{host}:{port}/take.mp4"
        yield Peer("curl -T to nginx", lambda file: ["curl", "-sSf", "-T", str(file), url], folder / "files")


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
        yield Peer("rclone to rclone serve webdav", send, folder / "files")


def _answers(url: str) -> bool:
    try:
        return httpx.get(url).status_code > 0
    except httpx.TransportError:
        return False
