"""The stand-in's doors: one teacher's PIN and card, and an IT screen with whatever a test gives it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

if TYPE_CHECKING:
    from tests.browser.room_peer import RoomPeer

PIN, TEACHER, CARD = "271828", "314159", "6379904923601883817593959731602393034818"
NAME = "Dr Sidi"
FINDINGS = [
    {"what": "room.toml", "level": "ok", "fact": "/etc/darsbox/room.toml, 4 devices", "why": "", "advice": ""},
    {
        "what": "server",
        "level": "warning",
        "fact": "https://lessons.example.org does not answer",
        "why": "Lessons that do not reach the server stay on this disk, and nobody can watch them.",
        "advice": "Lessons are kept here and sent when it answers; check the network and [server] url.",
    },
]


def screen() -> dict[str, Any]:
    """What the IT screen of a healthy room shows."""
    lines = ["The room is at http://127.0.0.1:8400/.", "Source front: rtsp://***@10.0.0.9/live gives nothing."]
    return {
        "seconds": 540,
        "host": "amphi-a",
        "addresses": ["10.20.0.17"],
        "sticks": [{"path": "/media/usb", "free": 58_300_000_000, "total": 62_000_000_000}],
        "export": None,
        "log": [
            {"at": 1_795_255_000.0 + number, "level": level, "text": text}
            for number, (level, text) in enumerate(zip(("info", "warning"), lines, strict=True))
        ],
    }


def doors(app: FastAPI, peer: RoomPeer) -> None:
    """The routes behind them; what is asked is told in ``peer.commands``."""
    from tests.browser.room_peer import problem

    def closed(request: Request) -> Response | None:
        signed = request.headers.get("authorization") == "Bearer token"
        return None if signed else problem(401, "not-signed-in")

    @app.post("/api/v1/who")
    async def came(request: Request) -> Response:
        said = await request.json()
        peer.commands.append(("who", said))
        if said not in ({"pin": TEACHER}, {"card": CARD}):
            return problem(403, "wrong-pin", seconds=0)
        peer.change(who={"name": NAME})
        return JSONResponse(peer.status)

    @app.post("/api/v1/who/leave")
    async def left() -> Response:
        peer.change(who={"name": ""})
        return JSONResponse(peer.status)

    @app.post("/api/v1/it/enter")
    async def enter(request: Request) -> Response:
        if (await request.json())["pin"] != PIN:
            return peer.answer("enter", {}) or problem(403, "wrong-pin", seconds=0)
        return JSONResponse({"token": "token", "seconds": 600})

    @app.post("/api/v1/it/leave")
    async def leave() -> Response:
        peer.commands.append(("leave", {}))
        return JSONResponse({"token": "", "seconds": 0})

    @app.get("/api/v1/it")
    async def shown(request: Request) -> Response:
        return closed(request) or peer.answer("it", {}) or JSONResponse(peer.screen)

    @app.post("/api/v1/it/{order}")
    async def order(order: str, request: Request) -> Response:
        body = await request.json()
        peer.commands.append((order, body))
        if order == "export":
            peer.screen["export"] = {"path": body["stick"], "state": "running", "bytes": 0, "left": 0, "said": ""}
        answer: Any = FINDINGS if order == "doctor" else peer.screen["export"] or {}
        return closed(request) or JSONResponse(answer)
