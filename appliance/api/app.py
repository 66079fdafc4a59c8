"""The application: routers by noun, problems, the panel's page, and the guard around them all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from appliance.api import events, furniture, it, lesson, machine, people, problems, reading, setting_up, sources
from appliance.api.board import VERSION
from appliance.api.room import Room
from appliance.api.security import Guard, hosts_of
from kiosk_ui.page import PanelPage

API = "/api/v1"


def create_app(room: Room, *, host: str, port: int) -> ASGIApp:
    """The room over HTTP. host and port: where it really listens, for the check of the Host header."""
    return Guard(build(room), hosts_of(host, port))


def build(room: Room) -> FastAPI:
    """The application without its guard, for its routes and its OpenAPI description."""
    app = FastAPI(
        title="Darsbox room",
        version=VERSION,
        description="A classroom's recorder. Every error is problem JSON (RFC 9457).",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.room = room
    for part in (lesson, furniture, reading, sources, people, it, setting_up, events):
        app.include_router(part.router, prefix=API)
    app.include_router(machine.router)
    problems.install(app)

    async def status() -> Mapping[str, Any]:
        return (await room.board.status()).model_dump(mode="json")

    # Not mounted: a mount at "/" would answer 404 where the API would say which method it takes.
    app.router.default = _page(PanelPage(status))
    return app


def _page(panel: ASGIApp) -> ASGIApp:
    async def page(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await panel(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    return page
