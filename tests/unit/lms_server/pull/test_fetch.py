"""One file from server to disk, over every kind of bad link."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from lms_server.pull import fetch as fetching
from lms_server.pull.client import File, Server
from lms_server.pull.errors import CannotWrite, Damaged, DiskFull, Unreachable
from lms_server.pull.fetch import fetch

BODY = bytes(range(256)) * 40_000
"""About 10 MB: several blocks."""
SHA = hashlib.sha256(BODY).hexdigest()
FILE = File("board.mp4", "programme", "board", len(BODY), SHA, "http://box.test/api/v1/lessons/L/files/board.mp4")
Handler = Callable[[httpx.Request], httpx.Response]


class Watch:
    def __init__(self) -> None:
        self.seen: list[int] = []

    def at(self, done: int) -> None:
        self.seen.append(done)


class Breaking(httpx.SyncByteStream):
    """Gives so much, then the cable comes out."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def __iter__(self) -> Iterator[bytes]:
        yield self._body
        raise httpx.ReadError("connection reset")


def server(handler: Handler) -> Server:
    return Server("http://box.test", "token", transport=httpx.MockTransport(handler), sleep=lambda _: None)


def ranged(request: httpx.Request, body: bytes = BODY, sha: str = SHA) -> httpx.Response:
    """What a server that knows ranges and If-Range answers."""
    wish = request.headers.get("Range")
    if wish is None or request.headers.get("If-Range") != f'"{sha}"':
        return httpx.Response(200, content=body)
    start = int(wish.removeprefix("bytes=").rstrip("-"))
    if start >= len(body):
        return httpx.Response(416)
    head = {"Content-Range": f"bytes {start}-{len(body) - 1}/{len(body)}"}
    return httpx.Response(206, content=body[start:], headers=head)


def parts(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.part"))


def get(handler: Handler, target: Path, watch: Watch | None = None) -> None:
    fetch(server(handler), FILE, target, watch or Watch(), sleep=lambda _: None)


def test_a_file_arrives_whole_and_under_its_name_only(tmp_path: Path) -> None:
    watch = Watch()
    get(ranged, tmp_path / "board.mp4", watch)
    assert (tmp_path / "board.mp4").read_bytes() == BODY
    assert parts(tmp_path) == []
    assert watch.seen[0] == 0
    assert watch.seen[-1] == len(BODY)


def test_what_came_before_is_not_fetched_again(tmp_path: Path) -> None:
    asked: list[str | None] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers.get("Range"))
        return ranged(request)

    (tmp_path / f"board.mp4.{SHA[:8]}.part").write_bytes(BODY[:4_000_000])
    get(handler, tmp_path / "board.mp4")
    assert asked == ["bytes=4000000-"]
    assert (tmp_path / "board.mp4").read_bytes() == BODY


def test_a_broken_link_is_taken_up_where_it_broke(tmp_path: Path) -> None:
    asked: list[int] = []

    def handler(request: httpx.Request) -> httpx.Response:
        start = int(request.headers.get("Range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
        asked.append(start)
        whole = ranged(request)
        if len(asked) > 8:
            return whole
        return httpx.Response(
            whole.status_code, headers=whole.headers, stream=Breaking(BODY[start : start + 1_048_576])
        )

    get(handler, tmp_path / "board.mp4")
    assert asked == [1_048_576 * number for number in range(9)]
    assert (tmp_path / "board.mp4").read_bytes() == BODY


def test_an_answer_that_ends_early_is_not_taken_for_the_end(tmp_path: Path) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        whole = ranged(request)
        if "Range" in request.headers:
            return whole
        return httpx.Response(200, content=BODY[:3_000_000])

    get(handler, tmp_path / "board.mp4")
    assert (tmp_path / "board.mp4").read_bytes() == BODY


def test_a_file_that_changed_on_the_server_is_begun_anew(tmp_path: Path) -> None:
    (tmp_path / "board.mp4.00000000.part").write_bytes(b"of an older form")
    (tmp_path / f"board.mp4.{SHA[:8]}.part").write_bytes(BODY[:1000])
    get(lambda request: httpx.Response(200, content=BODY), tmp_path / "board.mp4")
    assert (tmp_path / "board.mp4").read_bytes() == BODY
    assert parts(tmp_path) == []


def test_a_half_file_with_a_wrong_byte_is_thrown_away_once_and_heals(tmp_path: Path) -> None:
    (tmp_path / f"board.mp4.{SHA[:8]}.part").write_bytes(b"x" + BODY[1:5000])
    get(ranged, tmp_path / "board.mp4")
    assert (tmp_path / "board.mp4").read_bytes() == BODY


def test_a_half_file_that_is_longer_than_the_whole_is_begun_anew(tmp_path: Path) -> None:
    (tmp_path / f"board.mp4.{SHA[:8]}.part").write_bytes(BODY + b"more")
    get(ranged, tmp_path / "board.mp4")
    assert (tmp_path / "board.mp4").read_bytes() == BODY


@pytest.mark.parametrize("body", [b"y" * len(BODY), BODY + b"more"])
def test_twice_wrong_leaves_nothing_under_the_name(tmp_path: Path, body: bytes) -> None:
    asked: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, content=body)

    with pytest.raises(Damaged, match=r"board\.mp4 arrived twice with a wrong SHA-256"):
        get(handler, tmp_path / "board.mp4")
    assert len(asked) == 2
    assert list(tmp_path.iterdir()) == []


def test_an_answer_from_elsewhere_in_the_file_is_never_appended(tmp_path: Path) -> None:
    (tmp_path / f"board.mp4.{SHA[:8]}.part").write_bytes(BODY[:1000])

    def handler(request: httpx.Request) -> httpx.Response:
        if "Range" in request.headers:
            return httpx.Response(206, content=BODY[2000:], headers={"Content-Range": f"bytes 2000-9/{len(BODY)}"})
        return httpx.Response(200, content=BODY)

    get(handler, tmp_path / "board.mp4")
    assert (tmp_path / "board.mp4").read_bytes() == BODY


def test_a_dead_link_keeps_what_came_for_the_next_time(tmp_path: Path) -> None:
    first = [True]

    def handler(request: httpx.Request) -> httpx.Response:
        if first.pop() if first else False:
            return httpx.Response(200, stream=Breaking(BODY[:2_097_152]))
        raise httpx.ConnectError("refused")

    with pytest.raises(Unreachable, match="run the same command again"):
        get(handler, tmp_path / "board.mp4")
    assert [part.stat().st_size for part in parts(tmp_path)] == [2_097_152]


def test_a_full_disk_is_said_before_it_is_filled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching.shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    with pytest.raises(DiskFull, match=r"has no room for board\.mp4 \(10 MB\); make room and run the same command"):
        get(ranged, tmp_path / "board.mp4")


@pytest.mark.parametrize(
    ("number", "kind"), [(errno.ENOSPC, DiskFull), (errno.EDQUOT, DiskFull), (errno.EACCES, CannotWrite)]
)
def test_what_the_disk_says_becomes_a_sentence(number: int, kind: type[Exception]) -> None:
    error: Any = fetching.of_disk(OSError(number, os.strerror(number)), Path("Lessons/board.mp4"), 5_000_000)
    assert isinstance(error, kind)
    assert str(error).endswith(".")


def test_two_that_write_into_one_half_file_never_pass_for_right(tmp_path: Path) -> None:
    part = tmp_path / f"board.mp4.{SHA[:8]}.part"

    def handler(request: httpx.Request) -> httpx.Response:
        with part.open("ab") as other:
            other.write(b"from another lms-pull")
        return ranged(request)

    with pytest.raises(Damaged):
        get(handler, tmp_path / "board.mp4")
    assert list(tmp_path.iterdir()) == []


def test_an_empty_file_needs_no_request(tmp_path: Path) -> None:
    empty = File("a.json", "manifest", "", 0, hashlib.sha256(b"").hexdigest(), "http://box.test/x")
    fetch(server(lambda _: httpx.Response(500)), empty, tmp_path / "a.json", Watch())
    assert (tmp_path / "a.json").read_bytes() == b""
