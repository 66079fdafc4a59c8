"""Documents of the protocol: media packages, Dublin Core, agents' properties. What comes is read by defusedxml, without
DTDs and entities, and no deeper than any of them has reason to be."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from xml.etree.ElementTree import Element, ParseError, SubElement, tostring

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from lms_server.catalog.tables import PackageFileRow, PackageRow
from lms_server.errors import BadRequest

MEDIA_PACKAGE = "http://mediapackage.opencastproject.org"
WORKFLOW = "http://workflow.opencastproject.org"
DUBLIN_CORE = "http://www.opencastproject.org/xsd/1.0/dublincore/"
TERMS = "http://purl.org/dc/terms/"
DEEPEST = 32
MOST_PROPERTIES = 500
_HEAD = b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_INSTANT = re.compile(r"start=([^;]+)")


@dataclass(frozen=True, slots=True)
class Described:
    """What a catalogue says of a recording; "" and None where it does not. started: Unix seconds."""

    title: str = ""
    teacher: str = ""
    language: str = ""
    started: float | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """An element of a media package that is a file: kind ``track`` or ``catalog``."""

    kind: str
    flavor: str
    url: str


# -- read ----------------------------------------------------------------------------------------------------


def package_id(text: str | bytes) -> str:
    """Of a media package that an agent sent back. Raises BadRequest."""
    root = _parsed(text)
    if _local(root) != "mediapackage" or not root.get("id"):
        raise BadRequest("bad-package", "The field mediaPackage holds no media package.")
    return str(root.get("id"))


def parts_of(text: str | bytes) -> list[Part]:
    """The tracks and catalogues of a media package. Raises BadRequest."""
    found = []
    for element in _parsed(text).iter():
        if _local(element) in ("track", "catalog"):
            url = next((each.text or "" for each in element if _local(each) == "url"), "")
            found.append(Part(_local(element), element.get("type", ""), url.strip()))
    return found


def described(text: str | bytes) -> Described:
    """What Dublin Core says. Raises BadRequest."""
    said: dict[str, str] = {}
    for element in _parsed(text).iter():
        if element.text and element.text.strip():
            said.setdefault(_local(element), " ".join(element.text.split()))
    period = _INSTANT.search(said.get("temporal", ""))
    when = period[1] if period else said.get("created", "")
    return Described(
        said.get("title", "")[:300], said.get("creator", "")[:200], said.get("language", "")[:20], _seconds(when)
    )


def properties(text: str) -> dict[str, str]:
    """An agent's capabilities: Java's properties as XML, or a JSON object. Raises BadRequest."""
    if text.lstrip().startswith("{"):
        try:
            found = json.loads(text)
            json.dumps(found, ensure_ascii=False).encode()  # half a surrogate pair could never be answered
        except (ValueError, RecursionError) as error:
            raise BadRequest("bad-configuration", "The agent's configuration is not JSON.") from error
        pairs = {str(key): str(value) for key, value in found.items()}
    else:
        entries = (each for each in _parsed(text, "properties").iter() if _local(each) == "entry")
        pairs = {each.get("key", ""): each.text or "" for each in entries}
    if len(pairs) > MOST_PROPERTIES:
        raise BadRequest("bad-configuration", f"An agent's configuration has at most {MOST_PROPERTIES} entries.")
    return pairs


def _parsed(text: str | bytes, allowed_doctype: str = "") -> Element:
    """Raises BadRequest with one sentence for whatever may be sent as XML."""
    data = text.encode() if isinstance(text, str) else text
    if allowed_doctype:
        # Java writes this one line before its properties. It is taken away, not read: nothing is ever looked up.
        data = re.sub(rb"<!DOCTYPE\s+properties\s+SYSTEM\s+[\"'][^\"'<>\[\]]{0,200}[\"']\s*>", b"", data, count=1)
    depth = 0
    root: Element | None = None
    try:
        for event, element in iterparse(io.BytesIO(data), ("start", "end"), forbid_dtd=True):
            root = element if root is None else root
            depth += 1 if event == "start" else -1
            if depth > DEEPEST:
                raise BadRequest("bad-xml", f"The XML is nested deeper than {DEEPEST} elements.")
    except DefusedXmlException as error:
        raise BadRequest("bad-xml", "The XML declares a DTD or entities; send it without.") from error
    except (ParseError, ValueError, LookupError) as error:
        raise BadRequest("bad-xml", f"The XML cannot be read: {error}.") from error
    if root is None:
        raise BadRequest("bad-xml", "The XML is empty.")
    return root


def _local(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _seconds(when: str) -> float | None:
    try:
        moment = datetime.fromisoformat(when.strip())
    except ValueError:
        return None
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()


# -- written -------------------------------------------------------------------------------------------------


def package(row: PackageRow, files: Sequence[PackageFileRow]) -> bytes:
    """A media package as it stands; the agent sends it back as it is."""
    return _written(_package(row, files))


def workflow(row: PackageRow, files: Sequence[PackageFileRow]) -> bytes:
    """What an agent gets for a package that was taken in."""
    root = Element("workflow", {"xmlns": WORKFLOW, "id": row.event or row.id, "state": "INSTANTIATED"})
    SubElement(root, "title").text = row.title
    root.append(_package(row, files))
    return _written(root)


def episode(title: str, teacher: str, agent: str, begins: float, ends: float) -> bytes:
    """Dublin Core of an event of the timetable."""
    root = Element("dublincore", {"xmlns": DUBLIN_CORE, "xmlns:dcterms": TERMS})
    period = f"start={iso(begins)}; end={iso(ends)}; scheme=W3C-DTF;"
    for name, value in (("title", title), ("creator", teacher), ("spatial", agent), ("temporal", period)):
        if value:
            SubElement(root, f"dcterms:{name}").text = value
    return _written(root)


def series(title: str) -> bytes:
    root = Element("dublincore", {"xmlns": DUBLIN_CORE, "xmlns:dcterms": TERMS})
    SubElement(root, "dcterms:title").text = title
    return _written(root)


def configuration(pairs: dict[str, str]) -> bytes:
    """An agent's capabilities, as Java writes properties."""
    root = Element("properties")
    for key, value in pairs.items():
        SubElement(root, "entry", {"key": key}).text = value
    return _written(root)


def iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _package(row: PackageRow, files: Sequence[PackageFileRow]) -> Element:
    root = Element("mediapackage", {"xmlns": MEDIA_PACKAGE, "id": row.id, "start": iso(row.started or row.made)})
    if row.title:
        SubElement(root, "title").text = row.title
    for group, kind in (("media", "track"), ("metadata", ""), ("attachments", "attachment")):
        parent = SubElement(root, group)
        for file in _of_kind(files, kind):
            one = SubElement(parent, kind, {"id": f"file-{file.id}", "type": file.flavor})
            SubElement(one, "url").text = file.path
            SubElement(one, "size").text = str(file.bytes)
            SubElement(one, "checksum", {"type": "sha256"}).text = file.sha256
    SubElement(root, "publications")
    return root


def _of_kind(files: Sequence[PackageFileRow], kind: str) -> Iterator[PackageFileRow]:
    return (file for file in files if file.kind == kind)


def _written(root: Element) -> bytes:
    return _HEAD + bytes(tostring(root, encoding="utf-8"))
