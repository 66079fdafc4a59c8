"""What is sent to break the server through the agents' door is refused in a sentence: nothing leaks, nothing grows."""

from __future__ import annotations

import io
import os
import socket
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import psutil
import pytest

from tests.peers.central import Central, order, problem
from tests.peers.program import wait_until

AGENT, PASSWORD = "pearl-a", "a capture agent's password"
MIB = 1024 * 1024
HEAD = b'--b\r\nContent-Disposition: form-data; name="%s"\r\n\r\n'
LAUGHS = (
    '<!DOCTYPE m [<!ENTITY a "hahahahaha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">'
    '<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;">]>'
    '<mediapackage id="1">&d;</mediapackage>'
)
LEAK = '<!DOCTYPE m [<!ENTITY x SYSTEM "file:///etc/passwd">]><mediapackage id="1">&x;</mediapackage>'


@pytest.fixture(scope="module")
def central(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Central]:
    with Central(tmp_path_factory.mktemp("central") / "data") as server:
        made = order(server.data, "agent", "add", AGENT, "--room", "A", "--password-stdin", stdin=PASSWORD)
        assert made.returncode == 0, made.stderr
        yield server


@pytest.fixture(scope="module")
def agent(central: Central) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=central.url, auth=(AGENT, PASSWORD), timeout=60) as client:
        yield client


def memory(central: Central) -> int:
    assert central.process is not None
    return int(psutil.Process(central.process.pid).memory_info().rss)


def staged(central: Central) -> list[str]:
    return sorted(os.listdir(central.data / "packages"))


def form(**fields: str) -> dict[str, tuple[None, str]]:
    return {name: (None, value) for name, value in fields.items()}


@pytest.mark.parametrize(
    "text", [LAUGHS, LEAK, "<a>" * 200_000, "no xml", ""], ids=["laughs", "leak", "deep", "no", "-"]
)
@pytest.mark.parametrize("path", ["/ingest/addTrack", "/ingest/addDCCatalog", "/ingest/ingest"])
def test_xml_bombs(agent: httpx.Client, central: Central, path: str, text: str) -> None:
    before = memory(central)
    files: dict[str, tuple[str | None, str | bytes]] = {**form(mediaPackage=text, flavor="a/b", dublinCore=text)}
    if path == "/ingest/addTrack":
        files["BODY1"] = ("camera.mkv", b"bytes")
    answer = agent.post(path, files=files)
    assert problem(answer)[0] == 400
    assert "root:" not in answer.text
    assert memory(central) - before < 30 * MIB
    assert staged(central) == []


def test_a_catalogue_that_is_a_bomb(agent: httpx.Client, central: Central) -> None:
    package = agent.get("/ingest/createMediaPackage").text
    for text in (LAUGHS, LEAK):
        sent = form(mediaPackage=package, flavor="dublincore/episode", dublinCore=text)
        assert problem(agent.post("/ingest/addDCCatalog", files=sent)) == (400, "bad-xml")
        as_file = {**form(mediaPackage=package, flavor="dublincore/episode"), "BODY": ("episode.xml", text.encode())}
        assert problem(agent.post("/ingest/addCatalog", files=as_file)) == (400, "bad-xml")
    path = f"/capture-admin/agents/{AGENT}/configuration"
    assert problem(agent.post(path, files=form(configuration=LEAK))) == (400, "bad-xml")
    assert staged(central) == []


def test_a_form_field_of_ten_gigabytes(agent: httpx.Client, central: Central) -> None:
    """Refused once it is larger than any field; what follows is not read, and the memory stays as it was."""
    before, sent = memory(central), 0
    piece = bytes(MIB)

    def endless() -> Iterator[bytes]:
        nonlocal sent
        yield HEAD % b"mediaPackage"
        while sent < 10 * 1024 * MIB:
            sent += len(piece)
            yield piece

    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    for path in ("/ingest/addTrack", "/ingest/ingest", "/ingest/addZippedMediaPackage"):
        assert problem(agent.post(path, files=form(mediaPackage="x" * 3 * MIB))) == (413, "too-large")
        # The server hangs up before all of this was sent, and then its answer may be lost on the way.
        with suppress(httpx.TransportError):
            assert problem(agent.post(path, content=endless(), headers=kind)) == (413, "too-large")
        assert sent < 200 * MIB
    assert memory(central) - before < 30 * MIB
    assert staged(central) == []


def test_a_large_track_goes_to_the_disk_and_not_through_the_memory(agent: httpx.Client, central: Central) -> None:
    package = agent.get("/ingest/createMediaPackage").text.encode()
    before, most = memory(central), 0

    def pieces() -> Iterator[bytes]:
        nonlocal most
        yield HEAD % b"mediaPackage" + package + b"\r\n" + HEAD % b"flavor" + b"presenter/source\r\n"
        yield b'--b\r\nContent-Disposition: form-data; name="BODY1"; filename="a.mkv"\r\n\r\n'
        for _ in range(200):
            yield bytes(MIB)
            most = max(most, memory(central))
        yield b"\r\n--b--\r\n"

    answer = agent.post(
        "/ingest/addTrack", content=pieces(), headers={"Content-Type": "multipart/form-data; boundary=b"}
    )
    assert answer.status_code == 200, answer.text
    assert most - before < 40 * MIB
    (name,) = staged(central)
    (central.data / "packages" / name).unlink()


def test_a_connection_that_breaks_in_a_track_leaves_nothing(central: Central) -> None:
    basic = httpx.BasicAuth(AGENT, PASSWORD)._auth_header.encode()
    head = b"POST /ingest/addTrack HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\n"
    with socket.create_connection(("127.0.0.1", int(central.url.rpartition(":")[2])), 10) as wire:
        wire.sendall(head + b"Content-Length: 99999999\r\nAuthorization: " + basic + b"\r\n\r\n")
        wire.sendall(b'--b\r\nContent-Disposition: form-data; name="f"; filename="a"\r\n\r\n' + bytes(3 * MIB))
        wait_until(lambda: staged(central) != [], 30, "the first bytes")
    wait_until(lambda: staged(central) == [], 30, "the end of what was broken off")


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"x", "text/plain", 415),
        (b"x", "multipart/form-data", 415),
        (b"no boundary in it", "multipart/form-data; boundary=b", 400),
        (HEAD % b"mediaPackage" + b"cut off", "multipart/form-data; boundary=b", 400),
        (b"--b\r\n" + b"X-A: b\r\n" * 1000 + b"\r\n", "multipart/form-data; boundary=b", 400),
        (b"".join(HEAD % str(n).encode() + b"v\r\n" for n in range(300)), "multipart/form-data; boundary=b", 413),
        (b"a=" + b"x" * 2 * MIB, "application/x-www-form-urlencoded", 413),
        (b"&".join(b"a%d=1" % n for n in range(1000)), "application/x-www-form-urlencoded", 413),
    ],
    ids=["text", "no boundary", "another boundary", "cut", "headers", "fields", "long", "many"],
)
def test_forms_that_are_none(agent: httpx.Client, central: Central, body: bytes, kind: str, status: int) -> None:
    answer = agent.post("/ingest/ingest", content=body, headers={"Content-Type": kind})
    assert problem(answer)[0] == status
    assert staged(central) == []


def test_a_zip_that_climbs_out(agent: httpx.Client, central: Central, tmp_path: Path) -> None:
    manifest = '<mediapackage id="1"><media><track type="a/b"><url>{}</url></track></media></mediapackage>'
    for name, inside in (("../../evil", manifest.format("../../evil")), ("/tmp/evil", manifest.format("/etc/passwd"))):
        data = io.BytesIO()
        with zipfile.ZipFile(data, "w") as archive:
            archive.writestr("manifest.xml", inside)
            archive.writestr(name, b"evil")
        answer = agent.post("/ingest/addZippedMediaPackage", files={"track": ("p.zip", data.getvalue())})
        assert problem(answer) == (400, "bad-zip")
    assert staged(central) == []
    assert list(central.data.parent.rglob("evil")) == []


def test_a_stranger_sends_no_bytes(central: Central) -> None:
    """Who may not come in is told so before the body is read: curl waits for that."""
    answer = central.http.post(f"{central.url}/ingest/addTrack", files={"f": ("a.mkv", bytes(3 * MIB))})
    assert problem(answer) == (401, "not-signed-in")
    assert staged(central) == []
