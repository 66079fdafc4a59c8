"""A stock Opencast: whole lessons by the ingest service, as capture agents do it.

    registry ─► createMediaPackageWithID ─► addDCCatalog ─► addTrack, one a film ─► ingest ─► delivered
                each answer's body is the media package of the next call; it is kept after every step

The media package has the lesson's own id (its ULID as a UUID), so that a lesson whose last answer was lost can be asked
for before it is sent again. Basic authentication, sent at once. Source: Opencast 17's REST services ``services``,
``ingest``, ``workflow`` and ``assets``; a user with ROLE_CAPTURE_AGENT.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree  # it only writes here; nothing that came from a network is parsed

import httpx
from ulid import ULID

from appliance.spool.targets import Target
from lms_sync.targets import Errand, Film, TargetClosed, TargetError, TargetLost, TargetRefuses
from media.lesson import Lesson

REGISTRY = "/services/available.json?serviceType=org.opencastproject.ingest"
FLAVORS = {"presenter": "presenter/source", "presentation": "presentation/source", "sound": "presenter-audio/source"}
PATIENCE = httpx.Timeout(60.0, connect=15.0, read=900.0)
"""Seconds. Opencast answers an upload after it has moved the file to where it keeps it."""
LARGEST_ANSWER = 4 * 1024 * 1024
_CATALOG = "http://www.opencastproject.org/xsd/1.0/dublincore/"
_TERMS = "http://purl.org/dc/terms/"
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


class Opencast:
    """transport: the network; for tests, and for whoever holds a rate."""

    def __init__(self, target: Target, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._target = target
        self._http = httpx.AsyncClient(
            auth=httpx.BasicAuth(target.user, target.password),
            headers={"User-Agent": "darsbox-sync"},
            timeout=PATIENCE,
            transport=transport,
            trust_env=False,
        )

    async def close(self) -> None:
        await self._http.aclose()

    async def deliver(self, errand: Errand) -> None:
        """Raises TargetError, OSError."""
        package = str(ULID.from_str(errand.lesson.id).to_uuid())
        memory = dict(errand.memory)
        ingest = await self._ingest()
        if memory.get("asked") and await self._has(package):
            return
        try:
            await self._bring(errand, memory, ingest, package)
        except TargetRefuses:
            if not memory.get("package"):
                raise
            errand.keep({})  # it no longer knows the package it began: the next try begins anew
            raise

    async def _bring(self, errand: Errand, memory: dict[str, Any], ingest: str, package: str) -> None:
        if not memory.get("package"):
            memory = {"package": await self._ask("PUT", f"{ingest}/createMediaPackageWithID/{package}"), "films": []}
            errand.keep(memory)
        if not memory.get("catalog"):
            fields = {"flavor": "dublincore/episode", "dublinCore": catalog_of(errand.lesson)}
            memory["package"] = await self._add(f"{ingest}/addDCCatalog", memory, fields)
            memory["catalog"] = True
            errand.keep(memory)
        films = [film for film in await asyncio.to_thread(errand.films) if film.path.name not in memory["films"]]
        for film in films:
            memory["package"] = await self._add(f"{ingest}/addTrack", memory, {"flavor": FLAVORS[film.role]}, film)
            memory["films"].append(film.path.name)
            errand.keep(memory)
        memory["asked"] = True
        errand.keep(memory)
        await self._add(f"{ingest}/ingest", memory, {"workflowDefinitionId": self._target.workflow})

    async def _ingest(self) -> str:
        """Where the ingest service is now: in a cluster it may move."""
        try:
            found = json.loads(await self._ask("GET", f"{self._target.url}{REGISTRY}"))["services"]["service"]
            services = found if isinstance(found, list) else [found]
            service = next(each for each in services if each.get("online", True) and not each.get("maintenance", False))
            return f"{service['host']}{service['path']}".rstrip("/")
        except StopIteration as error:
            raise TargetLost(f"{self._target.url} has no ingest service at work at the moment.") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise TargetLost(f"{self._target.url} does not answer like an Opencast; check the address.") from error

    async def _has(self, package: str) -> bool:
        """Whether it works on the package, or has archived it: the answer to the last request may have been lost."""
        looks = {f"/workflow/mediaPackage/{package}/hasActiveWorkflows": "true", f"/assets/episode/{package}": package}
        for path, sign in looks.items():
            try:
                if sign in await self._ask("GET", f"{self._target.url}{path}"):
                    return True
            except (TargetRefuses, TargetClosed):
                continue  # not there, or a capture agent may not look
        return False

    async def _add(
        self, url: str, memory: Mapping[str, Any], fields: Mapping[str, str], film: Film | None = None
    ) -> str:
        """A request in multipart form, as capture agents send it; the answer is the package as it is then."""
        parts: list[tuple[str, Any]] = [
            (name, (None, value)) for name, value in {"mediaPackage": memory["package"], **fields}.items()
        ]
        if film is None:
            return await self._ask("POST", url, files=parts)
        with film.path.open("rb") as file:
            return await self._ask("POST", url, files=[*parts, ("BODY1", (film.path.name, file, film.content_type))])

    async def _ask(self, method: str, url: str, **body: Any) -> str:
        name = self._target.url
        try:
            async with self._http.stream(method, url, **body) as response:
                found = bytearray()
                async for part in response.aiter_bytes():
                    found += part
                    if len(found) > LARGEST_ANSWER:
                        raise TargetLost(f"{name} answers with more than makes sense.")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise TargetLost(f"{name} cannot be reached ({str(error)[:120] or type(error).__name__}).") from error
        raise_for(response.status_code, name)
        return found.decode("utf-8", "replace")


def raise_for(status: int, name: str) -> None:
    """The meaning of an answer's status. Raises TargetError."""
    if 200 <= status < 300:
        return
    kinds: dict[int, type[TargetError]] = {401: TargetClosed, 403: TargetClosed, 408: TargetLost, 429: TargetLost}
    kind = kinds.get(status, TargetLost if status >= 500 or 300 <= status < 400 else TargetRefuses)
    said = {
        TargetClosed: "does not accept the login in room.toml; it needs ROLE_CAPTURE_AGENT",
        TargetLost: "cannot at the moment",
        TargetRefuses: "refuses the lesson",
    }[kind]
    raise kind(f"{name} {said} ({status}).")


def catalog_of(lesson: Lesson) -> str:
    """The episode's Dublin Core, as Opencast writes it."""
    ElementTree.register_namespace("", _CATALOG)
    ElementTree.register_namespace("dcterms", _TERMS)
    root = ElementTree.Element(f"{{{_CATALOG}}}dublincore")
    begins = datetime.fromtimestamp(lesson.spans[0].wall if lesson.spans else 0.0, UTC)
    when = begins.strftime("%Y-%m-%dT%H:%M:%SZ")
    terms = {"title": lesson.title or when, "created": when, "spatial": lesson.room, "language": lesson.language}
    for name, value in terms.items():
        if value:
            ElementTree.SubElement(root, f"{{{_TERMS}}}{name}").text = _legal(value)
    return ElementTree.tostring(root, encoding="unicode")


def _legal(text: str) -> str:
    """Without what XML 1.0 cannot hold: control signs, halves of characters, and the two that are none."""
    return _ILLEGAL.sub("", text)
