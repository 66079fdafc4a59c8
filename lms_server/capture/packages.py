"""Routes of ingest: a media package, call by call, or whole in a zip. Each answer is the package as it stands, which
the agent sends back with its next call; only its id is believed."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from lms_server.capture import documents, zipped
from lms_server.capture.agents import INGEST
from lms_server.capture.delivery import Delivery
from lms_server.capture.forms import LARGEST_FIELD, Form, Forms
from lms_server.capture.login import Logins
from lms_server.catalog.agents import Agent
from lms_server.catalog.packages import Facts, NewFile, Packages
from lms_server.catalog.tables import PackageRow
from lms_server.errors import BadRequest
from lms_server.settings import MIB, Settings

LARGEST_ATTACHMENT = 64 * MIB


class PackageRoutes:
    """The handlers; ``router()`` gives them their addresses."""

    def __init__(
        self,
        *,
        settings: Settings,
        logins: Logins,
        forms: Forms,
        packages: Packages,
        delivery: Delivery,
        facts: Callable[[Agent, str], Facts],
    ) -> None:
        """facts: what the timetable says of an event."""
        self._settings = settings
        self._logins = logins
        self._forms = forms
        self._packages = packages
        self._delivery = delivery
        self._facts = facts

    def router(self) -> APIRouter:
        routes = APIRouter(prefix=INGEST, tags=["capture agents"])
        add = routes.add_api_route
        add("/createMediaPackage", self.create, methods=["GET"], summary="A new media package")
        add("/createMediaPackageWithID/{package_id}", self.create, methods=["PUT"], summary="The same, of a given id")
        add("/addDCCatalog", self.add_catalog, methods=["POST"], summary="Dublin Core of a recording")
        add("/addCatalog", self.add_catalog, methods=["POST"], summary="The same, as a file")
        add("/addTrack", self.add_track, methods=["POST"], summary="A recording")
        add("/addAttachment", self.add_attachment, methods=["POST"], summary="A file beside the recordings")
        for path in ("/addZippedMediaPackage", "/addZippedMediaPackage/{workflow}"):
            add(path, self.add_zipped, methods=["POST"], summary="A whole media package")
        for path in ("/ingest", "/ingest/{workflow}"):
            add(path, self.complete, methods=["POST"], summary="Nothing more comes: make a lesson of it")
        return routes

    async def create(self, request: Request, package_id: str = "") -> Response:
        agent = await self._logins.require(request)
        row = await run_in_threadpool(self._packages.create, agent, package_id)
        return await self._package(agent, row.id)

    async def add_catalog(self, request: Request) -> Response:
        agent = await self._logins.require(request)
        async with self._forms.of(request, file=LARGEST_FIELD) as form:
            package_id = documents.package_id(form.wanted("mediaPackage"))
            if form.file is not None:
                text: str | bytes = await run_in_threadpool(self._forms.path(form.file.name).read_bytes)
            else:
                text = form.wanted("dublinCore")
            said = documents.described(text)
        if form.fields.get("flavor", "").partition("/")[2] == "episode":
            facts = Facts(said.title, said.teacher, said.language, said.started)
            await run_in_threadpool(self._packages.describe, agent, package_id, facts)
        return await self._package(agent, package_id)

    async def add_track(self, request: Request) -> Response:
        return await self._add(request, "track", self._settings.max_upload)

    async def add_attachment(self, request: Request) -> Response:
        return await self._add(request, "attachment", LARGEST_ATTACHMENT)

    async def _add(self, request: Request, kind: str, most: int) -> Response:
        agent = await self._logins.require(request)
        async with self._forms.of(request, file=most) as form:
            package_id = documents.package_id(form.wanted("mediaPackage"))
            if form.file is None or not form.file.bytes:
                raise BadRequest("no-file", "Send the file itself in the form, not its address, and not empty.")
            file, flavor = form.file, form.wanted("flavor").strip()
            if not flavor.isprintable():
                raise BadRequest("bad-flavor", "A flavor is two words with a slash between them, as presenter/source.")
            new = NewFile(kind, flavor, file.filename, file.name, file.bytes, file.sha256)
            form.kept = await run_in_threadpool(self._packages.add, agent, package_id, new)
        return await self._package(agent, package_id)

    async def add_zipped(self, request: Request, workflow: str = "") -> Response:
        agent = await self._logins.require(request)
        async with self._forms.of(request, file=self._settings.max_upload) as form:
            if form.file is None:
                raise BadRequest("no-file", "Send the zip itself in the form.")
            row = await run_in_threadpool(self._unzip, agent, form)
        return await self._completed(agent, row.id, form)

    def _unzip(self, agent: Agent, form: Form) -> PackageRow:
        """Everything in the zip, as if it had come file by file. Raises BadRequest, TooLarge, StoreFull."""
        assert form.file is not None  # noqa: S101  the caller has looked
        with zipped.opened(self._forms.path(form.file.name)) as found:
            row = self._packages.create(agent, found.package_id)
            if row.state != "open":
                return row
            for said in found.described():
                facts = Facts(said.title, said.teacher, said.language, said.started)
                self._packages.describe(agent, row.id, facts)
            for new in found.tracks(
                self._forms.fresh, self._forms.path, self._settings.max_upload, self._settings.reserve
            ):
                if not self._packages.add(agent, row.id, new):
                    self._forms.path(new.staged).unlink()
        return row

    async def complete(self, request: Request, workflow: str = "") -> Response:
        agent = await self._logins.require(request)
        form = await self._forms.read(request)
        return await self._completed(agent, documents.package_id(form.wanted("mediaPackage")), form)

    async def _completed(self, agent: Agent, package_id: str, form: Form) -> Response:
        """workflowInstanceId is an event of the timetable, unless it is a number: then it is one of Opencast's own."""
        event = form.fields.get("workflowInstanceId", "").strip()[:200]
        event = "" if event.isdigit() or not event.isprintable() else event
        facts = await run_in_threadpool(self._facts, agent, event)
        await self._delivery.complete(agent, package_id, event, facts)
        found = await run_in_threadpool(self._packages.get, agent, package_id)
        return Response(documents.workflow(*found), media_type="text/xml")

    async def _package(self, agent: Agent, package_id: str) -> Response:
        found = await run_in_threadpool(self._packages.get, agent, package_id)
        return Response(documents.package(*found), media_type="text/xml")
