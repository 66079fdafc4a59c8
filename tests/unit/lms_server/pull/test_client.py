"""Every answer of the server, and every silence, is one plain sentence for the person at the terminal."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from lms_server.pull.client import File, Server
from lms_server.pull.errors import Missing, NoSuchLesson, PullError, Refused, Unreachable, WrongToken

LESSON: dict[str, Any] = {
    "id": "01KAF00000000000000000ABCD",
    "title": "Analyse II",
    "room": "Amphi A",
    "state": "ready",
    "started": 1_795_255_320.0,
    "seconds": 5340.0,
    "bytes": 214_000_000,
    "gap_count": 2,
}
FILE: dict[str, Any] = {
    "name": "board.mp4",
    "kind": "programme",
    "source": "board",
    "bytes": 5,
    "sha256": "AB" * 32,
    "url": "/api/v1/lessons/01KAF00000000000000000ABCD/files/board.mp4",
}


def server(handler: Any, url: str = "http://box.test:8500", pauses: list[float] | None = None) -> Server:
    naps = [] if pauses is None else pauses
    return Server(url, "secret", transport=httpx.MockTransport(handler), sleep=naps.append)


def test_every_page_of_the_list_is_read() -> None:
    asked: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url.params))
        last = "page" in request.url.params
        return httpx.Response(200, json={"items": [LESSON], "next": None if last else "2~x"})

    lessons = list(server(handler).lessons({"since": "2026-11-01T00:00:00+01:00", "room": "Amphi A"}))
    assert [lesson.gaps for lesson in lessons] == [2, 2]
    first = "since=2026-11-01T00%3A00%3A00%2B01%3A00&room=Amphi+A"
    assert asked == [first, f"{first}&page=2~x"]


def test_the_token_is_sent_and_a_path_before_the_api_is_kept() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        assert request.headers["Authorization"] == "Bearer secret"
        assert request.url.path == "/box/api/v1/lessons"
        return httpx.Response(200, json={"items": [], "next": None})

    assert list(server(handler, "https://example.test/box/").lessons()) == []


def test_files_are_addressed_on_the_server_itself() -> None:
    lesson = server(lambda _: httpx.Response(200, json={**LESSON, "files": [FILE]})).lesson(LESSON["id"])
    assert lesson.files[0].url == f"http://box.test:8500{FILE['url']}"
    assert lesson.files[0].sha256 == "ab" * 32


@pytest.mark.parametrize(
    "url", ["http://evil.test/x", "//evil.test/x", "http://box.test:1/x", "https://box.test:8500/x"]
)
def test_the_token_goes_to_no_other_address(url: str) -> None:
    body = {**LESSON, "files": [{**FILE, "url": url}]}
    with pytest.raises(Refused, match="the token is not for that address"):
        server(lambda _: httpx.Response(200, json=body)).lesson(LESSON["id"])


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (httpx.Response(401), WrongToken, "does not accept this token"),
        (httpx.Response(403), WrongToken, "may not see that"),
        (httpx.Response(404), NoSuchLesson, "no lesson '01KAF00000000000000000ABCD'"),
        (httpx.Response(302, headers={"Location": "https://x.test"}), Refused, "sends us on to https://x.test"),
        (
            httpx.Response(500, json={"detail": "The server made a mistake."}),
            Refused,
            "500 (The server made a mistake)",
        ),
        (httpx.Response(418, text="<html>"), Refused, "answered 418;"),
        (httpx.Response(200, text="<html>"), Refused, "not one of a Darsbox server"),
        (httpx.Response(200, json={"id": 1}), Refused, "not one of a Darsbox server"),
        (httpx.Response(200, json=[]), Refused, "not one of a Darsbox server"),
    ],
)
def test_a_bad_answer_is_one_sentence(answer: httpx.Response, kind: type[PullError], words: str) -> None:
    with pytest.raises(kind) as caught:
        server(lambda _: answer).lesson(LESSON["id"])
    assert words in str(caught.value)
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)


def test_a_file_the_server_lost_concerns_that_file_only() -> None:
    link = server(lambda request: httpx.Response(404 if "files" in request.url.path else 200, json=LESSON))
    file = File("board.mp4", "programme", "board", 5, "ab" * 32, f"http://box.test:8500{FILE['url']}")
    with pytest.raises(Missing, match=r"no longer has 'board\.mp4'"), link.open(file, 0):
        pass


def test_an_id_that_climbs_is_no_lesson() -> None:
    with pytest.raises(NoSuchLesson):
        server(lambda _: httpx.Response(200, json=LESSON)).lesson("../users")


def test_a_restarting_server_is_waited_for() -> None:
    answers = [httpx.Response(502), httpx.Response(503, headers={"Retry-After": "7"}), httpx.Response(200, json=LESSON)]
    naps: list[float] = []
    assert server(lambda _: answers.pop(0), pauses=naps).lesson(LESSON["id"]).title == "Analyse II"
    assert naps == [0.5, 7.0]


def test_no_server_at_all_is_said_with_its_address() -> None:
    def handler(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    with pytest.raises(Unreachable, match=r"box\.test:8500 does not answer; check address and network"):
        server(handler).lesson(LESSON["id"])


def test_a_wrong_certificate_is_not_called_a_silence() -> None:
    def handler(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed")

    with pytest.raises(Unreachable, match="is not trusted by this computer"):
        server(handler).lesson(LESSON["id"])
