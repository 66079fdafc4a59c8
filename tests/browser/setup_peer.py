"""The stand-in's room that is being set up: two cameras, one of which is taken, and a microphone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

if TYPE_CHECKING:
    from tests.browser.room_peer import RoomPeer

STATE = {
    "first_boot": True,
    "language": None,
    "name": None,
    "suggested": "amphi-a",
    "devices": None,
    "server": None,
    "later": False,
    "pin": False,
}


def candidate(key: str, kind: str, title: str, source: str, **more: Any) -> dict[str, Any]:
    return {
        "key": key,
        "kind": kind,
        "driver": "v4l2",
        "title": title,
        "source": source,
        "problem": None,
        "chosen": True,
    } | more


CANDIDATES = [
    candidate("a", "camera", "USB camera, MJPEG up to 1920x1080", "front"),
    candidate(
        "b",
        "camera",
        "HDMI grabber",
        "slides",
        chosen=False,
        problem={"code": "camera-busy", "detail": "", "facts": {}},
    ),
    candidate("c", "microphone", "USB table microphone", "lectern"),
]


def setting_up(app: FastAPI, peer: RoomPeer) -> None:
    """The routes; what is asked is told in ``peer.commands``, and what is chosen is kept in ``peer.setup``."""

    @app.get("/api/v1/setup")
    async def state() -> Response:
        return JSONResponse(peer.setup)

    @app.post("/api/v1/setup/{step}")
    async def order(step: str, request: Request) -> Response:
        body = await request.json()
        peer.commands.append((f"setup {step}", dict(body)))
        match step:
            case "look":
                return JSONResponse(CANDIDATES)
            case "pin":
                peer.setup["pin"] = True
                return JSONResponse({"token": "token", "seconds": 600})
            case "choose":
                keys = body.pop("devices", None)
                chosen = [each for each in CANDIDATES if keys is not None and each["key"] in keys]
                peer.setup |= body | ({} if keys is None else {"devices": chosen})
        return JSONResponse(peer.setup)
