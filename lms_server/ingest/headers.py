"""The header fields of tus 1.0, parsed. Every function raises BadRequest with one sentence."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formatdate
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from lms_server.catalog.uploads import FINAL, PARTIAL
from lms_server.errors import BadRequest
from lms_sync import wire

if TYPE_CHECKING:
    from hashlib import _Hash

CONTENT_TYPE = "application/offset+octet-stream"
CHECKSUMS = ("sha256", "sha1")
MANIFEST = "lesson.json"
MOST_PARTS = 100


@dataclass(frozen=True, slots=True)
class Checksum:
    """What the sender says the body's digest is."""

    algorithm: str
    digest: bytes

    def new(self) -> _Hash:
        return hashlib.sha256() if self.algorithm == "sha256" else hashlib.sha1(usedforsecurity=False)


def parse_number(name: str, text: str | None) -> int:
    if text is None or not text.isascii() or not text.isdigit() or len(text) > 18:
        raise BadRequest("bad-header", f"{name} must be a whole number of bytes.")
    return int(text)


def parse_length(headers: Mapping[str, str]) -> int | None:
    """Upload-Length, or None where Upload-Defer-Length says that it will be told later."""
    deferred = headers.get("upload-defer-length")
    if deferred is None:
        return parse_number("Upload-Length", headers.get("upload-length"))
    if deferred != "1" or "upload-length" in headers:
        raise BadRequest("bad-header", "Send Upload-Length, or Upload-Defer-Length: 1, not both.")
    return None


def parse_concat(text: str | None) -> list[str] | str:
    """Upload-Concat: ``partial``, the names of the uploads that are to be joined, or "" where there is none."""
    if text is None or text.strip() == PARTIAL:
        return PARTIAL if text else ""
    kind, _, urls = text.strip().partition(";")
    names = [urlsplit(url).path.rpartition("/")[2] for url in urls.split()]
    if kind != FINAL or not names or not all(names):
        raise BadRequest("bad-header", "Upload-Concat is `partial`, or `final;` and the addresses of the parts.")
    if len(names) > MOST_PARTS:
        raise BadRequest("bad-header", f"An upload has at most {MOST_PARTS} parts.")
    return names


def parse_checksum(text: str | None) -> Checksum | None:
    if text is None:
        return None
    algorithm, _, encoded = text.strip().partition(" ")
    if algorithm not in CHECKSUMS:
        raise BadRequest("bad-checksum", f"Upload-Checksum must use one of {', '.join(CHECKSUMS)}.")
    try:
        digest = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadRequest("bad-checksum", "Upload-Checksum is not base64.") from error
    return Checksum(algorithm, digest)


def parse_pieces(text: str | None) -> wire.Pieces | None:
    try:
        return wire.Pieces.parse(text) if text is not None else None
    except ValueError as error:
        raise BadRequest("bad-pieces", str(error)) from error


def parse_metadata(text: str | None) -> dict[str, str]:
    """Upload-Metadata: pairs of a key and its base64 value."""
    pairs: dict[str, str] = {}
    for item in (text or "").split(","):
        key, _, encoded = item.strip().partition(" ")
        if not key:
            continue
        try:
            pairs[key] = base64.b64decode(encoded.strip(), validate=True).decode("utf-8")
        except (binascii.Error, ValueError) as error:
            raise BadRequest("bad-metadata", f"The Upload-Metadata {key[:40]!r} is not base64 of text.") from error
    return pairs


def format_metadata(pairs: dict[str, str]) -> str:
    return ",".join(f"{key} {base64.b64encode(value.encode()).decode()}".strip() for key, value in pairs.items())


def parse_asset(metadata: dict[str, str], length: int, *, foreign: bool) -> wire.Asset:
    """What is to be uploaded. foreign: a client that knows nothing of Darsbox need only name the lesson and the file
    (``path`` or ``filename``); the SHA-256 it does not announce is "" here, and is computed."""
    given = dict(metadata)
    if foreign:
        given.setdefault("path", given.get("filename") or given.get("name") or "")
        for key, value in {"kind": "file", "source": "", "tier": "master", "sha256": wire.EMPTY_SHA256}.items():
            given.setdefault(key, value)
    try:
        asset = wire.Asset.from_metadata(given, length)
    except ValueError as error:
        raise BadRequest("bad-metadata", str(error)) from error
    if (asset.kind == "manifest") != (asset.path == MANIFEST):
        raise BadRequest("bad-metadata", f"A lesson's manifest, and nothing else, is called {MANIFEST}.")
    return asset if "sha256" in metadata or not foreign else dataclasses.replace(asset, sha256="")


def http_date(seconds: float) -> str:
    return formatdate(seconds, usegmt=True)
