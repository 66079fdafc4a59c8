"""Routes of agents: where everything is, how they are, what they can, and when they record."""

from __future__ import annotations

from collections.abc import Callable

import structlog
from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from lms_server.api.ranges import matches
from lms_server.capture import documents, timetable
from lms_server.capture.forms import Forms
from lms_server.capture.login import Logins
from lms_server.catalog.agents import RECORDING_STATES, STATES, Agent, Agents, Event
from lms_server.catalog.packages import Facts
from lms_server.errors import BadRequest, Forbidden, Unavailable

ADMIN, SCHEDULER, INGEST = "/capture-admin", "/recordings", "/ingest"
SERVICES = {
    "org.opencastproject.capture.admin": ADMIN,
    "org.opencastproject.scheduler": SCHEDULER,
    "org.opencastproject.ingest": INGEST,
}
log = structlog.get_logger(__name__)


class AgentRoutes:
    """The handlers; ``router()`` gives them their addresses."""

    def __init__(
        self,
        *,
        logins: Logins,
        agents: Agents,
        forms: Forms,
        address: Callable[[Request], str],
        clock: Callable[[], float],
    ) -> None:
        """address: the server's own, as this request's sender knows it, without a slash at its end."""
        self._logins = logins
        self._agents = agents
        self._forms = forms
        self._address = address
        self._clock = clock

    def router(self) -> APIRouter:
        routes = APIRouter(tags=["capture agents"])
        add = routes.add_api_route
        add("/services/available.json", self.services, methods=["GET"], summary="Where an agent finds each service")
        add(f"{ADMIN}/agents/{{name}}", self.state, methods=["POST"], summary="How an agent is")
        add(f"{ADMIN}/agents/{{name}}/configuration", self.can, methods=["POST"], summary="What an agent can")
        add(f"{ADMIN}/recordings/{{uid:path}}", self.recording, methods=["POST"], summary="How far a recording is")
        add(f"{SCHEDULER}/calendars", self.calendar, methods=["GET"], summary="When an agent records, iCalendar")
        for path in ("/info/me.json", "/info/health", "/workflow/definitions.json", "/admin-ng/series/series.json"):
            add(path, self.extras, methods=["GET"], include_in_schema=False)
        add("/search/episode.json", self.extras, methods=["GET"], include_in_schema=False)
        return routes

    async def services(self, request: Request) -> Response:
        await self._logins.require(request)
        wanted = request.query_params.get("serviceType", "")
        host = self._address(request)
        found = [
            {"type": kind, "host": host, "path": path, "online": True, "active": True, "maintenance": False}
            for kind, path in SERVICES.items()
            if wanted in ("", kind)
        ]
        return JSONResponse({"services": {"service": found[0] if len(found) == 1 else found}})

    async def state(self, name: str, request: Request) -> Response:
        agent = await self._itself(request, name)
        form = await self._forms.read(request)
        state = form.wanted("state")
        if state not in STATES:
            raise BadRequest("bad-state", f"An agent's state is one of {', '.join(sorted(STATES))}.")
        await run_in_threadpool(self._agents.says, agent, state, form.fields.get("address", "")[:300])
        return PlainTextResponse(f"{name} set to {state}")

    async def can(self, name: str, request: Request) -> Response:
        agent = await self._itself(request, name)
        text = (await self._forms.read(request)).wanted("configuration")
        pairs = documents.properties(text)
        await run_in_threadpool(self._agents.can, agent, pairs)
        if text.lstrip().startswith("{"):
            return JSONResponse(pairs)
        return Response(documents.configuration(pairs), media_type="text/xml")

    async def recording(self, uid: str, request: Request) -> Response:
        agent = await self._logins.require(request)
        state = (await self._forms.read(request)).wanted("state")
        if state not in RECORDING_STATES:
            raise BadRequest("bad-state", f"A recording's state is one of {', '.join(sorted(RECORDING_STATES))}.")
        await run_in_threadpool(self._records, agent, uid, state)
        return PlainTextResponse(f"{uid} set to {state}")

    def _records(self, agent: Agent, uid: str, state: str) -> None:
        self._agents.records(agent, uid, state, self._event(agent, uid))

    async def calendar(self, request: Request) -> Response:
        agent = await self._logins.require(request)
        _same(agent, request.query_params.get("agentid", agent.name))
        cutoff = request.query_params.get("cutoff", "")
        if cutoff and not (cutoff.isascii() and cutoff.lstrip("-").isdigit() and len(cutoff) < 18):
            raise BadRequest("bad-cutoff", "cutoff is a time in milliseconds since 1970.")
        now = self._clock()
        until = int(cutoff) / 1000 if cutoff and int(cutoff) > 0 else now + timetable.AHEAD
        text, etag = await run_in_threadpool(self._rendered, agent, now, until)
        headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
        if matches(request.headers.get("if-none-match"), etag):
            return Response(status_code=304, headers=headers)
        return Response(text, headers=headers, media_type="text/calendar; charset=UTF-8")

    def _rendered(self, agent: Agent, now: float, until: float) -> tuple[bytes, str]:
        events = self._events(agent, now, until)
        return timetable.rendered(events, agent.name, agent.room.name, self._agents.known(agent).capabilities)

    def _events(self, agent: Agent, now: float, until: float) -> list[Event]:
        """Raises Unavailable: an agent that hears that keeps the timetable that it has."""
        calendar, _ = self._agents.timetable(agent)
        try:
            return timetable.events_at(calendar, now, until)
        except ValueError as error:
            log.error("timetable cannot be read", room=agent.room.name, problem=str(error))
            raise Unavailable(
                "bad-timetable", "The timetable of this agent's room cannot be read; give the room another one."
            ) from error

    def _event(self, agent: Agent, uid: str) -> Event | None:
        now = self._clock()
        return next((each for each in self._events(agent, now, now + timetable.AHEAD) if each.uid == uid), None)

    def facts(self, agent: Agent, uid: str) -> Facts:
        """What the timetable says of a recording: as it was when the recording began, else as it is."""
        begun = self._agents.recording(agent, uid)
        if begun is not None and begun.starts:
            return Facts(begun.title, begun.teacher, started=begun.starts)
        event = self._event(agent, uid) if uid else None
        return Facts() if event is None else Facts(event.title, event.teacher, started=event.starts)

    async def extras(self, request: Request) -> Response:
        """What Galicaster looks at beside: who it is, whether we are well, workflows and series to choose from."""
        agent = await self._logins.require(request)
        answers: dict[str, object] = {
            "/info/me.json": {
                "org": {"id": "mh_default_org", "name": "Darsbox"},
                "roles": ["ROLE_CAPTURE_AGENT"],
                "user": {"username": agent.name, "name": agent.name},
            },
            "/info/health": {"status": "pass"},
            "/workflow/definitions.json": {
                "definitions": {
                    "definition": [{"id": timetable.WORKFLOW, "title": "Darsbox", "tags": {"tag": ["upload"]}}]
                }
            },
            "/admin-ng/series/series.json": {"total": 0, "offset": 0, "count": 0, "results": [], "catalogs": []},
            "/search/episode.json": {"search-results": {"offset": "0", "limit": "20", "total": "0"}},
        }
        return JSONResponse(answers[request.url.path])

    async def _itself(self, request: Request, name: str) -> Agent:
        agent = await self._logins.require(request)
        _same(agent, name)
        return agent


def _same(agent: Agent, name: str) -> None:
    """Raises Forbidden."""
    if name != agent.name:
        raise Forbidden("other-agent", f"This login is the agent {agent.name!r}; give the device that name.")
