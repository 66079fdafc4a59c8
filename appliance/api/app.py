"""The application: routers by noun, problems, the panel's page, and the guard around them all."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from fastapi import FastAPI
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from appliance.api import events, lesson, machine, problems, reading, sources
from appliance.api.board import VERSION
from appliance.api.room import Room
from appliance.api.security import Guard, hosts_of

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
    for router in (lesson.router, reading.router, sources.router, events.router):
        app.include_router(router, prefix=API)
    app.include_router(machine.router)
    problems.install(app)
    page = Path(str(files("kiosk_ui"))) / "static"
    app.mount("/", StaticFiles(directory=page, html=True), name="panel")
    return app
