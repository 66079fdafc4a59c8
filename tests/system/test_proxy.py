"""The proxy of docs/nginx.conf in front of a real server: rooms deliver through it, people watch through it, and what
the audit log says of them is true."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from ulid import ULID

from lms_sync import wire, wire_control
from tests.peers.central import OFFSET_TYPE, PASSWORD, Central, SigningRoom, asset, metadata
from tests.peers.nginx import Proxy, nginx
from tests.peers.program import wait_until
from tests.peers.tus_server import free_port
from tests.system.enrolled import Agent

EXAMPLE = Path(__file__).parents[2] / "docs" / "nginx.conf"
SENT = 12 * 1024 * 1024
"""Bytes: more than nginx takes by itself, and than it keeps in memory."""


@dataclass
class Fronted:
    """As a room sees a server behind the proxy."""

    central: Central
    proxy: Proxy
    http: httpx.Client

    @property
    def url(self) -> str:
        return self.proxy.url

    @property
    def data(self) -> Path:
        return self.central.data


@pytest.fixture(scope="module")
def fronted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fronted]:
    folder, port = tmp_path_factory.mktemp("fronted"), free_port()
    with Central(folder / "data", options=["--public-url", f"https://localhost:{port}"]) as central:
        site = EXAMPLE.read_text().replace("lessons.example.org", "localhost")
        assert "server 127.0.0.1:8500;" in site
        site = site.replace("127.0.0.1:8500", central.url.removeprefix("http://"))
        with nginx(site, folder / "nginx", port) as proxy, httpx.Client(verify=proxy.trusting(), timeout=30) as http:
            yield Fronted(central, proxy, http)


@pytest.fixture(scope="module")
def admin(fronted: Fronted) -> dict[str, str]:
    return fronted.central.token("admin", "admin")


@pytest.fixture(scope="module")
def amphi(fronted: Fronted) -> SigningRoom:
    room = SigningRoom(fronted, "Amphi A")  # type: ignore[arg-type]  # it asks for an address and a client alone
    assert room.enrol(fronted.central.code("Amphi A")).status_code == 201
    return room


def test_our_agent_delivers_through_it_and_a_student_s_player_gets_its_ranges(
    fronted: Fronted, admin: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(fronted.proxy.authority))
    agent = Agent(tmp_path, fronted, fronted.url)  # type: ignore[arg-type]  # it needs its folder alone
    lesson = agent.keep(1, SENT)
    agent.service.start()
    try:
        agent.wait_delivered()
    finally:
        agent.service.stop()
    agent.check_arrived()
    take = next(row for row in agent.rows() if row.kind == "take")
    content = (agent.spool.lesson_dir(lesson) / take.path).read_bytes()
    url = f"{fronted.url}/api/v1/lessons/{lesson}/files/{take.path}"
    part = fronted.http.get(url, headers={**admin, "Range": "bytes=1000000-1999999"})
    assert (part.status_code, part.headers["content-range"]) == (206, f"bytes 1000000-1999999/{SENT}")
    assert part.content == content[1_000_000:2_000_000]
    again = fronted.http.get(url, headers={**admin, "If-None-Match": part.headers["etag"]})
    assert again.status_code == 304
    assert fronted.http.get(url, headers=admin).content == content


def test_an_upload_reaches_the_server_as_it_comes(fronted: Fronted, amphi: SigningRoom, admin: dict[str, str]) -> None:
    """With a proxy that gathers a body first, a link that is cut every minute would never bring anything."""
    content = os.urandom(SENT)
    facts = metadata({**asset(str(ULID()), content).metadata(), "room": amphi.id})
    tus = {**admin, "Tus-Resumable": "1.0.0"}
    create = {**tus, "Upload-Length": str(SENT), "Upload-Metadata": facts}
    made = fronted.http.post(fronted.url + wire.UPLOADS, headers=create)
    assert made.status_code == 201, made.text
    upload = httpx.URL(made.headers["Location"])
    assert upload.scheme == "https"
    head = [f"PATCH {upload.raw_path.decode()} HTTP/1.1", "Host: localhost", f"Content-Length: {SENT}"]
    head += [f"{name}: {text}" for name, text in tus.items()]
    head += [f"Content-Type: {OFFSET_TYPE}", "Upload-Offset: 0", "", ""]
    plain = socket.create_connection(("127.0.0.1", fronted.proxy.port), 20)
    with fronted.proxy.trusting().wrap_socket(plain, server_hostname="localhost") as link:
        link.sendall("\r\n".join(head).encode() + content[: SENT // 2])
        folder = fronted.data / "uploads"
        wait_until(lambda: _largest(folder) >= SENT // 3, 20, "the first half on the server")
    offset = int(fronted.http.head(upload, headers=tus).headers["Upload-Offset"])
    assert offset >= SENT // 3
    rest = {**tus, "Content-Type": OFFSET_TYPE, "Upload-Offset": str(offset)}
    assert fronted.http.patch(upload, headers=rest, content=content[offset:]).status_code == 204


def _largest(folder: Path) -> int:
    return max((file.stat().st_size for file in folder.rglob("*") if file.is_file()), default=0)


def test_a_room_that_waits_hears_an_order_at_once(fronted: Fronted, amphi: SigningRoom, admin: dict[str, str]) -> None:
    heard: list[httpx.Response] = []
    thread = threading.Thread(target=lambda: heard.append(amphi.ask("GET", f"{wire_control.COMMANDS}?wait=25")))
    began = time.monotonic()
    thread.start()
    url = f"{fronted.url}/api/v1/rooms/{amphi.id}/commands"
    ordered = fronted.http.post(url, headers=admin, json={"verb": "stop"})
    assert ordered.is_success, ordered.text
    thread.join(20)
    assert [command["verb"] for command in heard[0].json()["commands"]] == ["stop"]
    assert time.monotonic() - began < 15


def test_people_log_in_over_tls_and_the_audit_log_believes_nobody(fronted: Fronted, admin: dict[str, str]) -> None:
    forged = {"X-Forwarded-For": "203.0.113.9", "X-Real-IP": "203.0.113.9", "Origin": fronted.url}
    answer = fronted.http.post(f"{fronted.url}/login", data={"name": "admin", "password": PASSWORD}, headers=forged)
    assert (answer.status_code, answer.headers["location"]) == (303, "/lessons")
    assert "secure" in answer.headers["set-cookie"].lower()
    assert "Amphi" in fronted.http.get(f"{fronted.url}/rooms").text
    entries = fronted.http.get(f"{fronted.url}/api/v1/audit?action=signed-in", headers=admin).json()["items"]
    assert [entry["address"] for entry in entries] == ["127.0.0.1"]
    foreign = {"Origin": "https://evil.example"}
    assert fronted.http.post(f"{fronted.url}/logout", headers=foreign).status_code == 403


def test_what_is_not_for_the_world_stays_inside(fronted: Fronted, admin: dict[str, str]) -> None:
    assert fronted.http.get(f"{fronted.url}/metrics", headers=admin).status_code == 404
    sent = fronted.http.get(f"{fronted.proxy.plain}/lessons?q=x", headers={"Host": "localhost"})
    assert (sent.status_code, sent.headers["location"]) == (301, "https://localhost/lessons?q=x")
    answer = fronted.http.get(f"{fronted.url}/healthz")
    assert answer.headers["strict-transport-security"]
    assert len(answer.headers.get_list("x-request-id")) == 1
