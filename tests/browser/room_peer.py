"""A stand-in for the room's daemon: it replays the statuses that a test gives it, over the panel's HTTP API.

For the states of the page only. The story with the real daemon is told by another test; nothing of the appliance is
imported here. One instance serves on one port of 127.0.0.1 and can die and come back on it, as a daemon does.
"""

from __future__ import annotations

import asyncio
import copy
import io
import math
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, WebSocket, WebSocketDisconnect
from fastapi.responses import JSONResponse, Response, StreamingResponse
from PIL import Image, ImageDraw

from kiosk_ui.page import PanelPage
from tests.browser.desk_peer import doors, screen
from tests.browser.setup_peer import STATE, setting_up

BOUNDARY = "frame"
STARTED = 1_795_255_320.0
Status = dict[str, Any]


def source(name: str, kind: str, label: str, **more: Any) -> Status:
    """One entry of ``sources``."""
    entry: Status = {
        "id": name,
        "kind": kind,
        "media": "audio" if kind == "microphone" else "video",
        "label": label,
        "driver": "sim",
        "state": "idle",
        "bytes": 0,
        "last_byte_age": None,
        "rms_db": None,
        "peak_db": None,
        "problem": None,
        "heard": False,
        "late_fragments": 0,
    }
    return entry | more


def ready(language: str = "en") -> Status:
    """A healthy room that waits for its teacher."""
    return {
        "room": {
            "name": "Amphi A",
            "institution": "Université de Nouakchott",
            "language": language,
            "languages": ["en", "fr", "ar", "ur", "zh"],
        },
        "version": "0.1.0",
        "now": STARTED,
        "state": "ready",
        "lesson": None,
        "sources": [
            source("front", "camera", "Front camera"),
            source("slides", "camera", "Slides"),
            source("lectern", "microphone", "Lectern microphone"),
        ],
        "held_seconds": 0,
        "undo_seconds": 0,
        "disk": {"free_bytes": 310_000_000_000, "total_bytes": 480_000_000_000, "hours_left": 41.6},
        "sync": {
            "server": "https://lessons.example.org",
            "last_contact": STARTED - 40,
            "problem": "",
            "lessons_waiting": 1,
            "lessons_total": 4,
            "bytes_total": 4_200_000_000,
            "bytes_sent": 1_764_000_000,
        },
        "health": {"code": "all-well", "level": "ok", "facts": {}},
        "last": None,
        "making": None,
        "selftest": None,
        "testing": False,
        "fixtures": [],
        "scenes": [],
        "lamps": [],
        "muted": False,
        "occupied": None,
        "remote": None,
        "timetable": None,
        "first_boot": False,
    }


def recording(elapsed: float = 2537.0, title: str = "Analyse II — Dr Sidi", **more: Any) -> Status:
    """The same room in mid-lesson."""
    status = ready()
    status["state"] = "recording"
    status["lesson"] = {
        "id": "01KAK5W5T3Z1N7J7G3V0ZK4B2Q",
        "title": title,
        "started": STARTED,
        "elapsed": elapsed,
        "marks": 2,
        "gaps": 0,
    }
    for entry in status["sources"]:
        entry |= {"state": "recording", "bytes": 91_000_000, "last_byte_age": 0.2}
    return status | more


def furnished(status: Status) -> Status:
    """The same room with a panel that is on, one that does not answer, a camera that turns, and two scenes."""
    silent = {"code": "device-silent", "detail": "", "facts": {}}
    camera = {"presets": ["board", "lectern", "class"], "pictures": {"board": "a1", "lectern": "b2"}}
    display = {"can": ["power", "input", "volume", "mute", "blank"], "inputs": ["hdmi1", "hdmi2", "usbc"]}
    return status | {
        "fixtures": [
            fixture(
                "display", "panel", "Interactive panel", **display, input="hdmi1", volume=40, mute=False, blank=False
            ),
            fixture("projector", "panel", "Projector", can=["power"], power=None, problem=silent),
            fixture("turning", "ptz", "Turning camera", can=["preset"], **camera),
        ],
        "scenes": [
            {"name": name, "playing": False, "done": False, "untold": []} for name in ("slides", "film", "discussion")
        ],
    }


def fixture(name: str, kind: str, label: str, **more: Any) -> Status:
    """One entry of ``fixtures``: on, and nothing else known."""
    silent = dict.fromkeys(("input", "volume", "mute", "freeze", "blank", "problem", "untold"))
    entry: Status = {"id": name, "kind": kind, "label": label, "can": [], "power": "on", "inputs": []}
    return entry | {"presets": [], "pictures": {}, "telling": False, **silent} | more


def planned(status: Status, *, lesson: str | None = None, ends: float | None = None, **problem: Any) -> Status:
    """The same room with a timetable: algebra at 10:15, after the lesson that it began, if it did."""
    algebra = {"title": "Algebra II", "begin": STARTED + 780, "end": STARTED + 6180}
    plan = {"follows": True, "now": None, "next": algebra, "lesson": lesson, "ends": ends, "problem": None}
    return status | {"timetable": plan | problem}


def paused(status: Status | None = None) -> Status:
    """The same lesson in a pause: nothing is captured."""
    status = copy.deepcopy(status or recording()) | {"state": "paused"}
    for entry in status["sources"]:
        entry |= {"state": "idle", "last_byte_age": None}
    return status


def kept(**more: Any) -> Status:
    """The same room after Stop."""
    return ready() | {
        "last": {
            "id": "01KAK5W5T3Z1N7J7G3V0ZK4B2Q",
            "title": "Analyse II — Dr Sidi",
            "seconds": 2881.0,
            "state": "kept",
            "bytes": 910_000_000,
            "sent": 0,
            "receipted": False,
        }
        | more
    }


def delivery(title: str, *tiers: dict[str, Any]) -> dict[str, Any]:
    """A lesson on its way. tiers: what differs from one that waits."""
    waits = {"sent": 0, "receipted": False, "refused": False, "done_by": None, "waiting_for": None}
    sizes = {"card": 60_000, "slidecast": 20_300_000, "proxy": 42_700_000, "master": 2_800_000_000}
    found = [
        {"tier": tier, "bytes": size, **waits, **more} for (tier, size), more in zip(sizes.items(), tiers, strict=True)
    ]
    return {"id": title, "title": title, "started": STARTED, "seconds": 5400.0, "tiers": found, "kept_here": False}


class RoomPeer:
    """RoomPeer(status): serves until ``stop``. Everything a test changes may be changed from any thread."""

    def __init__(self, status: Status) -> None:
        self.status = status
        self.commands: list[tuple[str, dict[str, Any]]] = []
        self.answer: Callable[[str, dict[str, Any]], Response | None] = lambda _action, _body: None
        """What the room does when asked; None: ``obey`` and answer with the status."""
        self.delay = 0.0
        """Seconds that a command takes."""
        self.mute = False
        """The socket stays open but nothing comes, and GET status never answers: a daemon that hangs."""
        self.levels: dict[str, list[float]] | None = {}
        """Given to listeners ten times a second; empty: a voice; None: none at all."""
        self.deliveries: dict[str, Any] = {"done_by": None, "lessons": [], "older": 0}
        self.screen = screen()
        """What the IT screen shows beside the status."""
        self.setup = copy.deepcopy(STATE)
        """What was chosen of a room that is being set up."""
        self.undo_seconds = 0
        """For so long a stop can be undone, by the test's clock: until it says otherwise."""
        self.faster = 1
        """Times that it speaks more often than a room does."""
        self.pictures = True
        self.streams_opened = 0
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/"
        self._changed = 0
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    # -- what a test does with it

    def show(self, status: Status) -> None:
        """From now on this is the room's status; everyone who listens is told."""
        self.status = status
        self._changed += 1

    def change(self, **parts: Any) -> None:
        self.show({**self.status, **parts})

    def obey(self, action: str, body: dict[str, Any]) -> None:
        """What a healthy room does with a command."""
        now = copy.deepcopy(self.status)
        match action:
            case "start":
                now = recording(0.0, body["title"]) | {"room": now["room"]}
                now["lesson"]["marks"] = 0
            case "pause":
                now = paused(now)
            case "resume":
                now = recording(now["lesson"]["elapsed"], now["lesson"]["title"]) | {"room": now["room"]}
            case "extend":
                now["timetable"]["ends"] += 60 * body["minutes"]
            case "mark":
                now["lesson"]["marks"] += 1
            case "stop" if body.get("undo") and self.undo_seconds:
                now |= {"state": "stopping", "undo_seconds": self.undo_seconds}
            case "undo":
                now |= {"state": "recording", "undo_seconds": 0}
            case "selftest":
                now["testing"] = True
            case "stop":
                lesson = now["lesson"]
                now = kept(id=lesson["id"], title=lesson["title"], seconds=lesson["elapsed"]) | {"room": now["room"]}
        self.show(now)

    def start(self) -> None:
        config = uvicorn.Config(
            self._app(), host="127.0.0.1", port=self.port, log_level="critical", ws="websockets-sansio", lifespan="off"
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, name="room-peer")
        self._thread.start()
        until(lambda: self._server is not None and self._server.started)

    def stop(self) -> None:
        """Dies like a killed daemon: every connection is cut."""
        if self._server and self._thread:
            self._server.force_exit = True
            self._server.should_exit = True
            self._thread.join(10)
            self._server = self._thread = None

    # -- the API

    def _app(self) -> FastAPI:
        app = FastAPI()

        def gone() -> bool:
            return self._server is None or self._server.should_exit

        @app.get("/api/v1/status")
        async def status() -> Status:
            while self.mute and not gone():  # noqa: ASYNC110 - set by the test's thread, no Event of this loop
                await asyncio.sleep(0.05)
            return self.status

        @app.get("/api/v1/deliveries")
        async def deliveries() -> Response:
            return JSONResponse(self.deliveries)

        @app.post("/api/v1/lessons/{lesson}/keep")
        async def keep(lesson: str, request: Request) -> Response:
            kept = (await request.json())["keep"]
            self.commands.append((f"keep {lesson}", {"keep": kept}))
            answer = self.answer("keep", {})
            if answer is not None:
                return answer
            for entry in self.deliveries["lessons"]:
                if entry["id"] == lesson:
                    entry["kept_here"] = kept
                    for tier in entry["tiers"]:
                        if tier["tier"] in {"proxy", "master"}:
                            tier["waiting_for"] = "kept-here" if kept else None
            return JSONResponse({"id": lesson})

        @app.post("/api/v1/lesson/{action}")
        async def command(action: str, request: Request) -> Response:
            body = await request.json() if await request.body() else {}
            self.commands.append((action, body))
            await asyncio.sleep(self.delay)
            answer = self.answer(action, body)
            if answer is None:
                self.obey(action, body)
                return JSONResponse(self.status)
            return answer

        @app.post("/api/v1/devices/{name}/{what}")
        async def tell(name: str, what: str, request: Request) -> Response:
            self.commands.append((f"{what} {name}", await request.json()))
            await asyncio.sleep(self.delay)
            return self.answer(what, {}) or JSONResponse(self.status)

        @app.get("/api/v1/devices/{name}/place.jpg")
        async def place(name: str, preset: str) -> Response:
            return Response(FRAMES[0][5 if preset == "board" else 15], media_type="image/jpeg")

        @app.post("/api/v1/scenes/{name}")
        async def scene(name: str) -> Response:
            self.commands.append((f"scene {name}", {}))
            return self.answer("scene", {}) or JSONResponse(self.status)

        @app.post("/api/v1/selftest")
        async def selftest() -> Response:
            self.commands.append(("selftest", {}))
            answer = self.answer("selftest", {})
            if answer is None:
                self.obey("selftest", {})
                return JSONResponse(self.status)
            return answer

        @app.get("/api/v1/sources/{name}/preview.mjpeg")
        async def preview(name: str) -> Response:
            if not self.pictures:
                return problem(404, "not-found")
            self.streams_opened += 1

            async def frames() -> AsyncIterator[bytes]:
                number = 0
                while not gone() and self.pictures:
                    picture = FRAMES[name != "front"][number % len(FRAMES[0])]
                    yield b"--%s\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n" % (
                        BOUNDARY.encode(),
                        len(picture),
                        picture,
                    )
                    number += 1
                    await asyncio.sleep(0.2)

            return StreamingResponse(frames(), media_type=f"multipart/x-mixed-replace; boundary={BOUNDARY}")

        @app.get("/api/v1/sources/{name}/snapshot.jpg")
        async def snapshot(name: str) -> Response:
            return Response(FRAMES[name != "front"][0], media_type="image/jpeg", headers={"Cache-Control": "no-store"})

        @app.websocket("/api/v1/events")
        async def events(socket: WebSocket) -> None:
            await socket.accept()
            told, last = -1, 0.0
            listening = asyncio.create_task(_listen(socket))
            try:
                while not (gone() or listening.done()):
                    busy = self.status["state"] not in ("ready", "cannot-record")
                    now = time.monotonic()
                    if not self.mute and (told != self._changed or (busy and now - last > 0.9 / self.faster)):
                        told, last = self._changed, now
                        await socket.send_json({"type": "status", **self.status})
                    if not self.mute and self.levels is not None:
                        await socket.send_json({"type": "levels", "levels": self.levels or self._voice(now)})
                    await asyncio.sleep(0.1 / self.faster)
            except WebSocketDisconnect:
                return
            finally:
                listening.cancel()

        async def now() -> Status:
            return self.status

        doors(app, self)
        setting_up(app, self)
        app.mount("/", PanelPage(now))
        return app

    def _voice(self, now: float) -> dict[str, list[float]]:
        rms = -24 + 7 * math.sin(now * 5) + 3 * math.sin(now * 13)
        names = [entry["id"] for entry in self.status["sources"] if entry["kind"] == "microphone"]
        return {name: [rms, rms + 9] for name in names}


async def _listen(socket: WebSocket) -> None:
    """Until the page has gone: what it says and nobody hears would stand before everything that it says after."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass


def problem(status: int, code: str, **facts: Any) -> Response:
    """A refusal in the API's form."""
    body = {"type": f"urn:darsbox:problem:{code}", "title": code, "status": status, "detail": code, "code": code}
    return JSONResponse(body | facts, status, media_type="application/problem+json")


def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait until it is so. Raises AssertionError when it never becomes so."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def _teacher(number: int) -> bytes:
    picture = Image.new("RGB", (640, 360), "#3b4a3f")
    draw = ImageDraw.Draw(picture)
    draw.rectangle((40, 30, 600, 230), fill="#22352c", outline="#8a6d4b", width=8)
    for row in range(4):
        draw.line((80, 70 + row * 36, 260 + 40 * ((row * 7) % 3), 70 + row * 36), fill="#dfe8df", width=4)
    x = 400 + round(40 * math.sin(number * 2 * math.pi / 20))
    draw.rounded_rectangle((x - 50, 190, x + 50, 380), 40, fill="#2d4a7a")
    draw.ellipse((x - 30, 120, x + 30, 192), fill="#9a6a48")
    draw.line((x - 40, 230, x - 110, 160 - number % 5 * 4), fill="#2d4a7a", width=22)
    return _jpeg(picture)


def _slide(number: int) -> bytes:
    picture = Image.new("RGB", (640, 360), "#fbfaf5")
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 0, 640, 12), fill="#0b4a5b")
    draw.rectangle((48, 48, 400, 76), fill="#15171c")
    for row in range(4):
        draw.rectangle((48, 116 + row * 36, 300 - (row * 53) % 90, 128 + row * 36), fill="#8a8d94")
    points = [(360 + i * 4, 230 - round(70 * math.sin((i + number * 2) / 9))) for i in range(58)]
    draw.line(points, fill="#b0101a", width=5)
    draw.line((360, 230, 600, 230), fill="#15171c", width=2)
    return _jpeg(picture)


def _jpeg(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=80)
    return out.getvalue()


FRAMES = ([_teacher(n) for n in range(20)], [_slide(n) for n in range(20)])
