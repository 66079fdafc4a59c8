"""Every component of the panel in each of its states on one page: ``python -m tests.browser.gallery.serve [PORT]``.

Then http://127.0.0.1:8600/?language=ar&theme=dark. The panel's own modules make it of the states in ``states``; tests
look at it, and ``tests.browser.pictures`` takes its picture for docs/panel.md.
"""

from __future__ import annotations

import json
import mimetypes
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Page, Route

from kiosk_ui.page import STATIC
from tests.browser.gallery.states import STATES, WAY
from tests.browser.room_peer import FRAMES, STARTED
from tests.browser.setup_peer import CANDIDATES

HERE = Path(__file__).parent
URL = "http://gallery.invalid/"
PORT = 8600


def answer(path: str) -> tuple[str, bytes] | None:
    """What lies at a path, and its media type; None for nothing."""
    if path == "/states.json":
        body = json.dumps({"states": STATES, "now": STARTED * 1000, "deliveries": WAY, "candidates": CANDIDATES})
        return "application/json", body.encode()
    if path.endswith(("/place.jpg", "/snapshot.jpg")):
        return "image/jpeg", FRAMES[0][5]
    name = path.removeprefix("/") or "index.html"
    for folder in (HERE, STATIC):
        file = (folder / name).resolve()
        if file.is_file() and folder in file.parents and file.suffix != ".py":
            return mimetypes.guess_type(name)[0] or "application/octet-stream", file.read_bytes()
    return None


def hang(page: Page) -> None:
    """Have a page find the gallery at ``URL``, without a server."""

    def fulfil(route: Route) -> None:
        found = answer(urlsplit(route.request.url).path)
        if found is None:
            route.fulfill(status=204)  # living pictures: there are none, and that is no fault
        else:
            route.fulfill(content_type=found[0], body=found[1])

    page.route(f"{URL}**", fulfil)


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        kind, body = answer(urlsplit(self.path).path) or ("text/plain", b"")
        self.send_response(200 if body else 204)
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(body)


def main(port: int) -> None:
    with ThreadingHTTPServer(("127.0.0.1", port), _Handler) as server:
        sys.stdout.write(f"http://127.0.0.1:{port}/?language=ar&theme=dark\n")
        server.serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else PORT)
