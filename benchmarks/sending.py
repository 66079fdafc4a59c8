"""A room and a server joined for a benchmark of the delivery, and a plain server of others to hold it against."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from appliance.spool import renditions
from appliance.spool.ledger import AssetRow, assets_of
from benchmarks.harness import ending, note, wait_until
from tests.peers.spool import lesson_id
from tests.peers.toxic import Toxic, toxic
from tests.peers.tus_server import free_port
from tests.system.deployment import Server
from tests.system.enrolled import Agent

LONGEST = 3600.0
"""Seconds after which a delivery counts as stuck."""
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


@contextmanager
def server(folder: Path, host: str = "127.0.0.1") -> Iterator[Server]:
    """The central server, web process only, in a folder that is made."""
    folder.mkdir(parents=True, exist_ok=True)
    found = Server(folder, host=host)
    try:
        found.start_web()
        yield found
    finally:
        found.close()


@contextmanager
def poor_link(folder: Path, rate: float) -> Iterator[tuple[Agent, Toxic]]:
    """An enrolled room behind a link of so many bytes a second; its agent does not run yet."""
    with server(folder) as central, toxic(central.port) as link:
        room = Agent(folder, central, link.url)
        link.rate = rate
        try:
            yield room, link
        finally:
            link.rate = 0
            room.service.stop()


def wait_while_cutting(room: Agent, link: Toxic, path: str, every: float) -> tuple[float, int]:
    """Until the asset of this path, or all with "", has its receipt, the link cut every so many seconds. Returns the
    monotonic instant and the number of cuts."""

    def there() -> bool:
        return all(row.state == "receipted" for row in room.rows() if path in {"", row.path})

    cuts, due, end = 0, time.monotonic() + every, time.monotonic() + LONGEST
    while not there():
        now = time.monotonic()
        if now > end:
            raise TimeoutError(f"the receipt did not come within {LONGEST:g} s")
        if now >= due:
            link.cut()
            cuts, due = cuts + 1, due + every
        time.sleep(0.1)
    return time.monotonic(), cuts


def add_renditions(room: Agent, number: int, sizes: dict[str, int], seed: bytes = b"rendition") -> None:
    """What the worker of the room makes of a kept lesson, of these bytes by kind, entered in the ledger."""
    identity = lesson_id(100 * room.number + number)
    place = renditions.folder(room.spool, identity)
    for kind, size in sizes.items():
        part = place / f"{kind}.part"
        part.write_bytes(hashlib.shake_128(seed + kind.encode()).digest(size))
        renditions.settle(room.spool, identity, kind, part)
    with room.ledger() as ledger:
        ledger.add_assets(assets_of(room.spool, room.spool.read_lesson(identity)))


def seconds_to_receipt(room: Agent, number: int, size: int) -> float:
    """A new lesson of one take of so many bytes, by an agent that runs: from the moment it takes the take up to the
    receipt."""
    room.keep(number, size)
    path = "front/take-001.mp4"
    lesson = lesson_id(100 * room.number + number)

    def take() -> AssetRow:
        return next(row for row in room.rows() if row.lesson == lesson and row.path == path)

    began = wait_until(lambda: take().state != "waiting", 60, "the agent's first chunk", pause=0.01)
    return wait_until(lambda: take().state == "receipted", LONGEST, "the receipt", pause=0.02) - began


def take_file(room: Agent, number: int) -> Path:
    """The file of that take."""
    return room.spool.lesson_dir(lesson_id(100 * room.number + number)) / "front" / "take-001.mp4"


@contextmanager
def nginx(program: str, folder: Path, host: str = "127.0.0.1") -> Iterator[str]:
    """nginx taking PUT in a folder that is made; its URL."""
    for part in ("files", "temp"):
        (folder / part).mkdir(parents=True)
    port = free_port()
    config, log = folder / "nginx.conf", folder / "log"
    user = "user root;" if Path(folder).owner() == "root" else ""
    config.write_text(_NGINX.format(folder=folder, host=host, port=port, user=user))
    command = [program, "-e", str(log), "-p", str(folder), "-c", str(config)]
    with log.open("ab") as out, ending(subprocess.Popen(command, stdout=out, stderr=out)):
        wait_until((folder / "nginx.pid").exists, 20, f"nginx ({log.read_text(errors='replace')})")
        yield f"http://{host}:{port}"


def nginx_program(folder: Path) -> str:
    """That of this machine, or of its Debian package, unpacked in a folder that is made and not installed, which would
    start a web server; "" when there is none to be had. It comes by network: ask before one of our own is entered."""
    found = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    if found:
        return found
    folder.mkdir(parents=True)
    try:
        subprocess.run(["apt-get", "-q", "download", "nginx"], cwd=folder, capture_output=True, check=True)
        (package,) = folder.glob("nginx_*.deb")
        subprocess.run(["dpkg", "-x", str(package), str(folder)], capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError, ValueError):
        note("There is no nginx to compare with; to have it: apt-get install nginx-light")
        return ""
    return str(folder / "usr" / "sbin" / "nginx")


def timed(command: Sequence[str]) -> float:
    """Seconds of a program from start to end. Raises CalledProcessError."""
    began = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        note(f"{command[0]}: {done.stdout[-300:]}{done.stderr[-300:]}")
        raise subprocess.CalledProcessError(done.returncode, command)
    return time.monotonic() - began
