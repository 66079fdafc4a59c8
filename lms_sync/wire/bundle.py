"""A bundle: what one room has put on one stick for its server, without any link between them.

    <stick>/darsbox/<room id>/<number>.jws          the manifest; the valid one of the highest number counts
    <stick>/darsbox/<room id>/<number>.seg          sealed segments (``wire.sealing``)
    <stick>/darsbox/<room id>/receipts/<name>.jws   what the server signed, written when it took the bundle in
    <stick>/darsbox/<room id>/halves/<name>.jws     what it has of a file that did not come whole, signed likewise

Numbers have eight digits, and names fit 8.3, so that nothing is lost on FAT. A manifest is never written over: the next
one gets the next number, is made durable, and only then does the one before go.

A manifest file is a line and a body. The line is a JWS (compact, typ ``darsbox-bundle+jwt``, EdDSA) of the room's
device key, ``kid`` the room's id, over the *head*:

    {"v": 1, "bundle": ULID of this bundle, "room": room id, "server": thumbprint of the server's receipt key,
     "sealed_for": thumbprint of its sealing key, "number": of the manifest, "iat": Unix seconds by the room's clock,
     "body_bytes": length of the body, "body_sha256": hex}

So who signed, and how long the body is, is known before anything of it is parsed. The body is a JSON list:

    [{"lesson", "kind", "source", "path", "tier", "bytes", "sha256",      the whole file, as ``wire.Asset``
      "segments": [{"file": "00000001.seg", "offset", "length",           which bytes of it
                    "bytes", "sha256"}]}]                                 of the sealed file, as it lies on the stick

Segments of an asset are in order and do not overlap; what is missing came, or comes, by another way. An asset of no
bytes has no segment. Nothing is compressed, so nothing can be larger than it looks.

A receipt's name is ``receipt_name(asset)``, and a half's too; their forms stand in ``wire``.

    BadBundle           one sentence: why it is not taken
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from typing import Annotated, Literal

from joserfc import jwk, jws
from joserfc.errors import JoseError
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from lms_sync.wire import ALGORITHMS, Asset, thumbprint
from lms_sync.wire.sealing import LARGEST_WRAP, MAGIC, sealed_frames

FOLDER = "darsbox"
RECEIPTS = "receipts"
HALVES = "halves"
BUNDLE_TYPE = "darsbox-bundle+jwt"
SEGMENT = 32 * 1024 * 1024
"""Bytes of a file in one segment, as a room writes it: what a stick pulled out in the middle costs at most."""
LARGEST_SEGMENT = 1024 * 1024 * 1024
"""Bytes of a file in one segment, as a server takes it; far below what FAT32 can hold."""
LARGEST_MANIFEST = 32 * 1024 * 1024
LARGEST_HEAD = 4096
LARGEST_RECEIPT = 16 * 1024

_NUMBERED = re.compile(r"([0-9]{8})\.(jws|seg)")
_ULID = r"^[0-7][0-9A-HJKMNP-TV-Z]{25}$"
_HEX = r"^[0-9a-f]{64}$"
_SMALLEST_HEAD = len(MAGIC) + 2

Size = Annotated[int, Field(ge=0, lt=2**62)]
Name = Annotated[str, Field(max_length=500)]


class BadBundle(Exception):
    """Why a manifest is not taken: one sentence."""


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Segment(_Strict):
    """length bytes from offset of a file, sealed in a file of so many bytes and this SHA-256."""

    file: Annotated[str, Field(pattern=r"^[0-9]{8}\.seg$")]
    offset: Size
    length: Annotated[int, Field(gt=0, le=LARGEST_SEGMENT)]
    bytes: Size
    sha256: Annotated[str, Field(pattern=_HEX)]

    @property
    def end(self) -> int:
        return self.offset + self.length


class Entry(_Strict):
    """A file of a lesson, and what of it is here."""

    lesson: Name
    kind: Name
    source: Name
    path: Name
    tier: Name
    bytes: Size
    sha256: Name
    segments: tuple[Segment, ...]

    @classmethod
    def of(cls, asset: Asset, segments: tuple[Segment, ...]) -> Entry:
        return cls(**asset.metadata(), bytes=asset.bytes, segments=segments)

    @property
    def asset(self) -> Asset:
        return Asset(self.lesson, self.kind, self.source, self.path, self.tier, self.bytes, self.sha256)

    @property
    def here(self) -> int:
        """Bytes of the file that are in this bundle."""
        return sum(segment.length for segment in self.segments)


class Head(_Strict):
    """What the room signs; see the module's docstring."""

    v: Literal[1]
    bundle: Annotated[str, Field(pattern=_ULID)]
    room: Annotated[str, Field(pattern=_ULID)]
    server: Name
    sealed_for: Name
    number: Annotated[int, Field(ge=1, le=99_999_999)]
    iat: Annotated[float, Field(allow_inf_nan=False)]
    body_bytes: Annotated[int, Field(ge=2, le=LARGEST_MANIFEST)]
    body_sha256: Annotated[str, Field(pattern=_HEX)]


_BODY = TypeAdapter(tuple[Entry, ...])


@dataclass(frozen=True, slots=True)
class Manifest:
    """bundle, room: ULIDs; server, sealed_for: thumbprints; made: Unix seconds by the room's clock."""

    bundle: str
    room: str
    server: str
    sealed_for: str
    number: int
    made: float
    entries: tuple[Entry, ...]

    def sign(self, key: jwk.OKPKey) -> bytes:
        """The manifest's file. key: the room's, private."""
        body = _BODY.dump_json(self.entries)
        head = Head(
            v=1,
            bundle=self.bundle,
            room=self.room,
            server=self.server,
            sealed_for=self.sealed_for,
            number=self.number,
            iat=self.made,
            body_bytes=len(body),
            body_sha256=hashlib.sha256(body).hexdigest(),
        )
        header = {"typ": BUNDLE_TYPE, "alg": "Ed25519", "kid": self.room}
        line = jws.serialize_compact(header, head.model_dump_json(), key, algorithms=ALGORITHMS)
        return line.encode() + b"\n" + body


def claimed(data: bytes) -> Head:
    """What a manifest says of itself, before its signature is checked: for finding the key. Raises BadBundle."""
    line, _ = _halves(data)
    try:
        signed = jws.extract_compact(line)
        return Head.model_validate_json(signed.payload)
    except (JoseError, ValidationError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise BadBundle("It is no manifest of a form that this program knows, or it was cut off.") from error


def verify(data: bytes, key: jwk.OKPKey) -> Manifest:
    """The manifest in a file, when this key signed every byte of it and it makes sense. key: the room's.

    Raises BadBundle.
    """
    line, body = _halves(data)
    head = _checked(line, key)
    if len(body) != head.body_bytes or hashlib.sha256(body).hexdigest() != head.body_sha256:
        raise BadBundle("Its list of files was changed or cut off.")
    try:
        entries = _BODY.validate_json(body)
    except (ValidationError, ValueError) as error:
        raise BadBundle("Its list of files has another form than this program knows.") from error
    _judge(entries)
    return Manifest(head.bundle, head.room, head.server, head.sealed_for, head.number, head.iat, entries)


def manifest_name(number: int) -> str:
    return f"{number:08d}.jws"


def segment_name(number: int) -> str:
    return f"{number:08d}.seg"


def number_of(name: str, kind: Literal["jws", "seg"]) -> int | None:
    """The number in a manifest's or a segment's name; None for every other name."""
    found = _NUMBERED.fullmatch(name)
    return int(found[1]) if found and found[2] == kind else None


def receipt_name(asset: Asset) -> str:
    """The same for one asset always, and another for every other."""
    text = "\n".join((asset.lesson, asset.path, asset.sha256, str(asset.bytes)))
    return f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.jws"


def addressed_to(server_key: jwk.OKPKey, sealing_key: jwk.OKPKey) -> tuple[str, str]:
    """``server`` and ``sealed_for`` of a manifest for the owner of these keys."""
    return thumbprint(server_key), thumbprint(sealing_key)


def _halves(data: bytes) -> tuple[bytes, bytes]:
    line, found, body = data.partition(b"\n")
    if not found or len(line) > LARGEST_HEAD:
        raise BadBundle("It is no manifest, or it was cut off.")
    return line, body


def _checked(line: bytes, key: jwk.OKPKey) -> Head:
    try:
        signed = jws.deserialize_compact(line, key, algorithms=ALGORITHMS)
        head = Head.model_validate_json(signed.payload)
        header = signed.headers()
    except (JoseError, ValidationError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise BadBundle("Its signature is not of this room's key, or it was changed.") from error
    # A decoder overlooks signs that are no base64 and bits beyond the last byte; we do not.
    signature = line.rpartition(b".")[2]
    if base64.urlsafe_b64encode(_decoded(signature)).rstrip(b"=") != signature:
        raise BadBundle("Its signature was changed.")
    if header.get("typ") != BUNDLE_TYPE or header.get("kid") != head.room:
        raise BadBundle("What the room signed is no manifest.")
    return head


def _decoded(text: bytes) -> bytes:
    return base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))


def _judge(entries: tuple[Entry, ...]) -> None:
    """Raises BadBundle for a signed list that cannot be meant so."""
    assets: set[tuple[str, str]] = set()
    files: set[str] = set()
    for entry in entries:
        try:
            Asset.from_metadata(entry.asset.metadata(), entry.bytes)
        except ValueError as error:
            raise BadBundle(f"It names a file that no lesson can have: {error}") from error
        if (entry.lesson, entry.path) in assets:
            raise BadBundle("It lists a file twice.")
        assets.add((entry.lesson, entry.path))
        if bool(entry.segments) != bool(entry.bytes):
            raise BadBundle("It lists a file without any byte of it.")
        reached = 0
        for segment in entry.segments:
            if segment.offset < reached or segment.end > entry.bytes:
                raise BadBundle("It lists segments that overlap, or that lie beyond their file's end.")
            if not 0 <= segment.bytes - sealed_frames(segment.length) - _SMALLEST_HEAD <= LARGEST_WRAP:
                raise BadBundle("It lists a segment whose length and size do not belong together.")
            if segment.file in files:
                raise BadBundle("It lists a segment twice.")
            files.add(segment.file)
            reached = segment.end
