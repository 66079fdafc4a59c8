"""The ingest service of a stock Opencast, as far as capture agents see it: registry, ingest, and what it can be asked
about a media package. Ours, for want of one of others that runs here; it follows the service's documented behaviour,
checks logins and the order of calls, and fails on order.
"""

from __future__ import annotations

import base64
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from xml.etree import ElementTree

import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from tests.peers.program import wait_until

USER, PASSWORD = "ca-amphi-a", "a capture agent's password"
PACKAGE = '<mediapackage xmlns="http://mediapackage.opencastproject.org" id="{id}">{inside}</mediapackage>'


@dataclass
class Package:
    tracks: dict[str, bytes] = field(default_factory=dict)
    """Bytes by flavor."""
    catalog: str = ""
    workflow: str = ""
    steps: int = 0

    def xml(self, name: str) -> str:
        return PACKAGE.format(id=name, inside=f'<media steps="{self.steps}"/>')


@dataclass
class Opencast:
    """fail: statuses that the next calls of a path's last word get instead of an answer. deaf: the last words of paths
    whose next call is done but whose answer never comes."""

    url: str = ""
    packages: dict[str, Package] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    fail: dict[str, list[int]] = field(default_factory=dict)
    deaf: set[str] = field(default_factory=set)

    @property
    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/services/available.json", self._registry),
                Route("/ingest/createMediaPackageWithID/{id}", self._create, methods=["PUT"]),
                Route("/ingest/{what}", self._add, methods=["POST"]),
                Route("/workflow/mediaPackage/{id}/hasActiveWorkflows", self._active),
                Route("/assets/episode/{id}", self._episode),
            ]
        )

    def _refused(self, request: Request) -> Response | None:
        word = request.url.path.rpartition("/")[2]
        self.calls.append(word)
        if self.fail.get(word):
            return PlainTextResponse("no", self.fail[word].pop(0))
        wanted = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {wanted}":
            return PlainTextResponse("login", 401)
        return None

    async def _registry(self, request: Request) -> Response:
        refused = self._refused(request)
        service = {"type": "org.opencastproject.ingest", "host": self.url, "path": "/ingest", "online": True}
        return refused or JSONResponse({"services": {"service": {**service, "active": True, "maintenance": False}}})

    async def _create(self, request: Request) -> Response:
        name = request.path_params["id"]
        refused = self._refused(request)
        if refused is None:
            self.packages[name] = Package()
        return refused or PlainTextResponse(self.packages[name].xml(name))

    async def _add(self, request: Request) -> Response:
        word = request.path_params["what"]
        async with request.form(max_part_size=8 << 20) as form:
            refused = self._refused(request)
            if refused is not None:
                return refused
            sent = str(form["mediaPackage"])
            name = ElementTree.fromstring(sent).attrib["id"]  # noqa: S314 - ours
            package = self.packages.get(name)
            if package is None or sent != package.xml(name):  # only the last answer, to the letter
                return PlainTextResponse("unknown media package", 400)
            if word == "addDCCatalog":
                package.catalog = str(form["dublinCore"])
            elif word == "addTrack":
                file = next(value for value in form.values() if isinstance(value, UploadFile))
                package.tracks[str(form["flavor"])] = await file.read()
            elif word == "ingest":
                if package.workflow:
                    return PlainTextResponse("it is at work on that already", 409)
                package.workflow = str(form["workflowDefinitionId"])
            package.steps += 1
            if word in self.deaf:
                self.deaf.discard(word)
                return PlainTextResponse("gateway", 504)
            return PlainTextResponse(package.xml(name))

    async def _active(self, request: Request) -> Response:
        package = self.packages.get(request.path_params["id"])
        return PlainTextResponse(str(bool(package and package.workflow)).lower())

    async def _episode(self, request: Request) -> Response:
        return PlainTextResponse("not found", 404)


@contextmanager
def opencast() -> Iterator[Opencast]:
    """It answers on loopback until the block ends."""
    peer = Opencast()
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        peer.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        server = uvicorn.Server(uvicorn.Config(peer.app, log_config=None, ws="none", lifespan="off"))
        thread = threading.Thread(target=server.run, args=([listener],), name="opencast", daemon=True)
        thread.start()
        wait_until(lambda: server.started, 10, "the Opencast")
        try:
            yield peer
        finally:
            server.should_exit = True
            thread.join(10)
            assert not thread.is_alive(), time.monotonic()
