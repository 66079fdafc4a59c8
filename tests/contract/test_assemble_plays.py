"""A lesson with a gap plays and seeks in the browser people have."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Page

from media.assemble import assemble_lesson
from media.lesson import Source
from tests.measure.takes import add_audio, add_video, lesson_of
from tests.peers.chromium import chromium

GAP = (6.0, 26.0)
END = 32.0


@contextmanager
def served(file: Path) -> Iterator[str]:
    """The file by range requests, beside a page that shows it."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if not self.path.endswith(".mp4"):
                return self.answer(HTTPStatus.OK, b"<video src=/lesson.mp4 preload=auto muted></video>", "text/html")
            data, asked = file.read_bytes(), self.headers.get("Range")
            if asked is None:
                return self.answer(HTTPStatus.OK, data, "video/mp4")
            first, _, last = asked.removeprefix("bytes=").partition("-")
            start, stop = int(first), int(last or len(data) - 1) + 1
            return self.answer(
                HTTPStatus.PARTIAL_CONTENT, data[start:stop], "video/mp4", f"bytes {start}-{stop - 1}/{len(data)}"
            )

        def answer(self, status: HTTPStatus, body: bytes, kind: str, content_range: str = "") -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Accept-Ranges", "bytes")
            if content_range:
                self.send_header("Content-Range", content_range)
            self.end_headers()
            try:
                self.wfile.write(body)
            except ConnectionError:
                self.close_connection = True  # the browser has what it wanted

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    folder = tmp_path_factory.mktemp("plays")
    lesson = lesson_of([Source("front", "camera", "video"), Source("lectern", "microphone", "audio")])
    add_video(lesson, folder, "front", 0.0, GAP[0], ended="lost")
    add_video(lesson, folder, "front", GAP[1], END - GAP[1])
    add_audio(lesson, folder, "lectern", 0.0, 9.0, ended="lost")
    add_audio(lesson, folder, "lectern", 14.0, END - 14.0)
    made = assemble_lesson(lesson, lambda take: folder / take.file, folder)
    with served(made[0].path) as address, chromium() as browser:
        page = browser.new_page()
        page.goto(address)
        page.wait_for_function("document.querySelector('video').readyState >= 3")
        yield page


def seek(page: Page, at: float) -> dict[str, float]:
    """Where the player is after it sought, and the time of the picture it shows."""
    found: dict[str, float] = page.evaluate(
        """at => new Promise((done, failed) => {
            const video = document.querySelector('video');
            video.onerror = () => failed(video.error.message);
            video.requestVideoFrameCallback((_, frame) => done({at: video.currentTime, shown: frame.mediaTime}));
            video.currentTime = at;
        })""",
        at,
    )
    return found


def play(page: Page, at: float, seconds: float) -> float:
    """Play from an instant until so much has passed on the file's clock; the wall time it took, in seconds."""
    taken: float = page.evaluate(
        """([at, seconds]) => new Promise((done, failed) => {
            const video = document.querySelector('video');
            video.onerror = () => failed(video.error.message);
            video.onseeked = async () => {
                const began = performance.now();
                video.ontimeupdate = () => {
                    if (video.currentTime >= at + seconds || video.ended) {
                        video.ontimeupdate = video.onseeked = null;
                        video.pause();
                        done((performance.now() - began) / 1000);
                    }
                };
                await video.play();
            };
            video.currentTime = at;
        })""",
        [at, seconds],
    )
    return taken


def test_the_player_knows_its_length(page: Page) -> None:
    assert page.evaluate("document.querySelector('video').duration") == pytest.approx(END, abs=0.05)


def test_a_teacher_can_be_found_again_at_any_moment(page: Page) -> None:
    assert seek(page, 4.01)["shown"] == pytest.approx(4.0, abs=0.034)
    assert seek(page, 28.51)["shown"] == pytest.approx(28.5, abs=0.034)


def test_seeking_into_a_gap_shows_the_picture_before_it(page: Page) -> None:
    found = seek(page, 16.0)
    assert found["at"] == pytest.approx(16.0, abs=0.01)
    assert found["shown"] == pytest.approx(GAP[0] - 1 / 30, abs=0.001)


@pytest.mark.parametrize("at", [0.0, GAP[0] - 1, 15.0, GAP[1] - 1, END - 2.5])
def test_it_plays_in_time_there_into_the_gap_and_out_of_it(page: Page, at: float) -> None:
    assert 1.5 <= play(page, at, 2.0) <= 6.0  # a busy machine may stutter; a player that waits for a picture never ends
