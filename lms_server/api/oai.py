"""Open lessons for catalogues of others: OAI-PMH 2.0, with Dublin Core and LRMI. Anybody may ask, if this is turned on.

https://www.openarchives.org/OAI/openarchivesprotocol.html; LRMI terms: https://www.dublincore.org/specifications/lrmi/
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from fastapi import APIRouter
from lxml.etree import SubElement
from oaipmh import common, error
from oaipmh.datestamp import DatestampError
from oaipmh.metadata import MetadataRegistry
from oaipmh.server import ServerBase, decodeResumptionToken, encodeResumptionToken, oai_dc_writer
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from lms_server.catalog.harvest import Harvest, Lesson, Record
from lms_server.catalog.text import printable
from lms_server.errors import BadRequest
from lms_sync.wire import API

BATCH = 100
"""Records of one answer."""
LONGEST = 4000
"""Signs of what somebody may ask."""
DCTERMS, LRMI = "http://purl.org/dc/terms/", "http://purl.org/dcx/lrmi-terms/"
FORMATS = {
    "oai_dc": ("http://www.openarchives.org/OAI/2.0/oai_dc.xsd", "http://www.openarchives.org/OAI/2.0/oai_dc/"),
    "lrmi": ("https://www.dublincore.org/specifications/lrmi/lrmi_terms/", LRMI),
}
_RESUMED = {"metadataPrefix", "from_", "until"}


def router(harvest: Harvest, email: str, address: Callable[[Request], str]) -> APIRouter:
    """email: who answers for it, which the protocol asks for. address: how the server is reached."""
    routes = APIRouter(tags=["catalogues"])

    @routes.get(f"{API}/oai", summary="Open lessons by OAI-PMH 2.0", response_class=Response)
    def asked(request: Request) -> Response:
        return answer(request, request.query_params.multi_items())

    @routes.post(f"{API}/oai", include_in_schema=False)
    async def posted(request: Request) -> Response:
        async with request.form(max_files=0, max_fields=10) as form:
            return await run_in_threadpool(answer, request, [(name, str(value)) for name, value in form.multi_items()])

    def answer(request: Request, asked: list[tuple[str, str]]) -> Response:
        if sum(len(name) + len(value) for name, value in asked) > LONGEST:
            raise BadRequest("too-long", f"A request of OAI-PMH has at most {LONGEST} signs here.")
        words = {printable(name): printable(value) for name, value in asked}
        if len(words) < len(asked):
            words = {"verb": ""}  # an argument twice: no verb at all is what the library answers with an error
        repository = _Repository(harvest, f"{address(request)}{API}/oai", address(request), email)
        return Response(ServerBase(repository, REGISTRY).handleRequest(words), media_type="text/xml")

    return routes


class _Repository:
    """What the library asks, by its names. Raises the errors of oaipmh.error, which it turns into answers."""

    def __init__(self, harvest: Harvest, base: str, address: str, email: str) -> None:
        self._harvest, self._base, self._address, self._email = harvest, base, address, email
        self._prefix = f"oai:{urlsplit(address).hostname}:"

    def identify(self) -> Any:
        return common.Identify(
            "Darsbox",
            self._base,
            "2.0",
            [self._email],
            _moment(self._harvest.earliest()),
            "persistent",
            "YYYY-MM-DDThh:mm:ssZ",
            ["identity"],
            toolkit_description=False,
        )

    def listMetadataFormats(self, identifier: str | None = None) -> list[tuple[str, str, str]]:
        if identifier is not None:
            self._known(identifier)
        return [(prefix, *facts) for prefix, facts in FORMATS.items()]

    def listSets(self, **_: Any) -> None:
        raise error.NoSetHierarchyError("This repository has no sets.")

    def getRecord(self, metadataPrefix: str, identifier: str) -> tuple[Any, Any, None]:
        _known_format(metadataPrefix)
        return self._record(self._known(identifier))

    def listRecords(self, **asked: Any) -> tuple[list[Any], str | None]:
        records, token = self._list(asked)
        return [self._record(record) for record in records], token

    def listIdentifiers(self, **asked: Any) -> tuple[list[Any], str | None]:
        records, token = self._list(asked)
        return [self._header(record) for record in records], token

    def _list(self, asked: dict[str, Any]) -> tuple[list[Record], str | None]:
        number = 0
        if "resumptionToken" in asked:
            asked, number = _resumed(asked["resumptionToken"])
        if "set" in asked:
            raise error.NoSetHierarchyError("This repository has no sets.")
        _known_format(asked["metadataPrefix"])
        since, until = asked.get("from_"), asked.get("until")
        found = self._harvest.after(
            number,
            None if since is None else _seconds(since),
            None if until is None else _seconds(until) + 1.0,
            BATCH + 1,
        )
        more = len(found) > BATCH
        return found[:BATCH], encodeResumptionToken(asked, found[BATCH - 1].number) if more else None

    def _known(self, identifier: str) -> Record:
        lesson = identifier.removeprefix(self._prefix)
        record = self._harvest.one(lesson) if identifier.startswith(self._prefix) else None
        if record is None:
            raise error.IdDoesNotExistError("There is no such record.")
        return record

    def _header(self, record: Record) -> Any:
        deleted = record.lesson is None
        return common.Header(None, f"{self._prefix}{record.lesson_id}", _moment(record.changed), [], deleted)

    def _record(self, record: Record) -> tuple[Any, Any, None]:
        told = None if record.lesson is None else _told(record.lesson, f"{self._address}/lessons/{record.lesson_id}")
        return self._header(record), common.Metadata(None, told), None


def _told(lesson: Lesson, page: str) -> dict[str, list[str]]:
    """By the names of Dublin Core, and the length as ISO 8601 has it."""
    said = {
        "title": lesson.title,
        "creator": lesson.teacher,
        "description": lesson.description,
        "publisher": lesson.institution,
        "date": _moment(lesson.started).date().isoformat(),
        "identifier": page,
        "language": lesson.language,
        "extent": f"PT{round(lesson.seconds)}S" if lesson.seconds else "",
    }
    return {"type": ["MovingImage", "Lecture"], **{name: [printable(text)] for name, text in said.items() if text}}


def _write_lrmi(element: Any, metadata: Any) -> None:
    """A lecture to be listened to, in DCMI and LRMI terms."""
    told = metadata.getMap()
    root = SubElement(element, f"{{{LRMI}}}LearningResource", nsmap={"lrmi": LRMI, "dcterms": DCTERMS})
    for name in ("title", "creator", "description", "publisher", "date", "identifier", "language", "extent"):
        for text in told.get(name, []):
            SubElement(root, f"{{{DCTERMS}}}{name}").text = text
    said = {"learningResourceType": "lecture", "interactivityType": "expositive", "educationalUse": "instruction"}
    for name, text in said.items():
        SubElement(root, f"{{{LRMI}}}{name}").text = text
    for text in told.get("extent", []):
        SubElement(root, f"{{{LRMI}}}timeRequired").text = text


REGISTRY = MetadataRegistry()
REGISTRY.registerWriter("oai_dc", oai_dc_writer)
REGISTRY.registerWriter("lrmi", _write_lrmi)


def _resumed(token: str) -> tuple[dict[str, Any], int]:
    try:
        asked, number = decodeResumptionToken(token)
    except (DatestampError, ValueError) as problem:
        raise error.BadResumptionTokenError("That is no token of this repository.") from problem
    if not set(asked) <= _RESUMED or asked.get("metadataPrefix") not in FORMATS or not 0 <= number < 1 << 63:
        raise error.BadResumptionTokenError("That is no token of this repository.")
    return asked, number


def _known_format(prefix: str) -> None:
    if prefix not in FORMATS:
        raise error.CannotDisseminateFormatError(f"There is no {prefix} here; there are {' and '.join(FORMATS)}.")


def _moment(unix: float) -> datetime:
    """As the library wants it: UTC, without saying so, in whole seconds. A clock beyond every calendar is its edge."""
    return datetime.fromtimestamp(min(max(unix, 0.0), 253402300799.0), UTC).replace(tzinfo=None, microsecond=0)


def _seconds(moment: datetime) -> float:
    return moment.replace(tzinfo=UTC).timestamp()
