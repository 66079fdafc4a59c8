"""From a media package to a lesson of the library: its files become assets, stored and receipted like those of a room
of ours, and lesson.json is written of what is known. Every step can be taken again after a kill."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from hashlib import sha256

import structlog
from starlette.concurrency import run_in_threadpool

from lms_server.capture.forms import Forms
from lms_server.catalog.agents import Agent
from lms_server.catalog.packages import Facts, Packages
from lms_server.catalog.tables import PackageFileRow, PackageRow
from lms_server.errors import ServerError
from lms_server.ingest.headers import MANIFEST
from lms_server.ingest.ingest import Ingest
from lms_server.ingest.parts import full_disk_told
from lms_sync import wire
from media.lesson import Lesson, Original, Source, Span

GRACE = 86400.0
"""Seconds for which a file that no package knows of is left alone: its request may still run."""
PATIENCE = 3600.0
"""Seconds after which nobody is at work any more on a package that is not delivered."""
log = structlog.get_logger(__name__)


class Delivery:
    def __init__(
        self, forms: Forms, packages: Packages, ingest: Ingest, clock: Callable[[], float], keep_seconds: float
    ) -> None:
        """keep_seconds: how long a package that nobody touches waits for its agent."""
        self._forms = forms
        self._packages = packages
        self._ingest = ingest
        self._clock = clock
        self._keep = keep_seconds

    async def complete(self, agent: Agent, package_id: str, event: str, facts: Facts) -> None:
        """Make the lesson of a package to which nothing more comes. event: the timetable's UID, or "".

        Raises NotFound, Conflict, StoreFull.
        """
        if await run_in_threadpool(self._packages.complete, agent, package_id, event, facts):
            await self._deliver(agent, package_id)
        else:
            await run_in_threadpool(self._let_go, agent, package_id)

    def _let_go(self, agent: Agent, package_id: str) -> None:
        """Files of a package that was a lesson already."""
        for file in self._packages.get(agent, package_id)[1]:
            self._forms.path(file.staged).unlink(missing_ok=True)

    async def _deliver(self, agent: Agent, package_id: str) -> None:
        row, files = await run_in_threadpool(self._packages.get, agent, package_id)
        name = self._forms.fresh()
        text = _manifest(agent, row, files).to_json().encode()
        await run_in_threadpool(self._write, name, text)
        about = wire.Asset(row.lesson_id, "manifest", "", MANIFEST, "card", len(text), sha256(text).hexdigest())
        await self._ingest.take_whole(agent.room, about, self._forms.path(name))
        for file in files:
            kind = "take" if file.kind == "track" else "file"
            asset = wire.Asset(row.lesson_id, kind, file.source, file.path, "master", file.bytes, file.sha256)
            await self._ingest.take_whole(agent.room, asset, self._forms.path(file.staged))
        await run_in_threadpool(self._packages.delivered, package_id)
        log.info("package delivered", agent=agent.name, lesson=row.lesson_id, files=len(files))

    def _write(self, name: str, text: bytes) -> None:
        with full_disk_told(), self._forms.path(name).open("wb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())

    # -- cleaning
    # -------------------------------------------------------------------------------------------------------

    async def recover(self, idle: float = 0.0) -> None:
        """Finish what was begun and is left alone for so many seconds, by a killed process or for want of room on the
        disk: its agent may never ask again."""
        for agent, row in await run_in_threadpool(self._packages.half_delivered, self._clock() - idle):
            try:
                await self._deliver(agent, row.id)
            except ServerError as error:
                log.error("package not delivered", agent=agent.name, package=row.id, problem=error.detail)

    async def sweep(self) -> None:
        """Drop packages that nobody came back for, and files that belong to none."""
        await self.recover(PATIENCE)
        await run_in_threadpool(self._sweep)

    def _sweep(self) -> None:
        self._packages.forget(self._clock() - self._keep)
        wanted = self._packages.staged()
        for name in self._forms.names():
            path = self._forms.path(name)
            try:
                if name not in wanted and time.time() - path.stat().st_mtime > GRACE:
                    path.unlink()
            except FileNotFoundError:
                continue  # delivered meanwhile


def _manifest(agent: Agent, row: PackageRow, files: list[PackageFileRow]) -> Lesson:
    tracks = [file for file in files if file.kind == "track"]
    return Lesson(
        id=row.lesson_id,
        title=row.title,
        room=agent.room.name,
        institution="",
        language=row.language,
        state="kept",
        sources=[_source(track) for track in tracks],
        spans=[Span(boot="", mono=0.0, wall=row.made if row.started is None else row.started, ended="stopped")],
        originals=[Original(track.source, track.path, track.bytes, track.sha256) for track in tracks],
        teacher=row.teacher,
    )


def _source(track: PackageFileRow) -> Source:
    """Pictures, until somebody has looked into it. What agents call presentation are slides."""
    slides = track.flavor.startswith("presentation")
    return Source(
        track.source, "camera", "video", track.flavor.partition("/")[0][:100], driver="screen" if slides else ""
    )
