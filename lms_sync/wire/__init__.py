"""What room and server say to each other. Imports none of ours; the server imports this and nothing else of the
agent.

Trust. A room has an Ed25519 device key. Every request of a room carries a *proof*: a JWT in the manner of RFC 9449
(DPoP), signed by that key, over the method, the path, the SHA-256 of the body and the time:

    Authorization: Darsbox <JWS compact>      header {"typ": "darsbox+jwt", "alg": "EdDSA", "kid": room id}
                                              claims {"htm", "htu", "bsha", "iat", "jti"}

A room's clock may be wrong after a blackout, and that must never refuse an upload: the server answers a proof of
the wrong time with 401, problem type ``clock-skew`` and its own time in ``Darsbox-Time``; the room remembers the
difference and asks again.

A *receipt* is a JWS (typ ``darsbox-receipt+jwt``) of the server's key over {"iss", "room", "lesson", "path",
"sha256", "bytes", "iat"}: what the server has safely stored. Nothing in the room is deleted before one.

Uploads are tus 1.0 at ``UPLOADS``, with creation, creation-with-upload, creation-defer-length, checksum (sha256,
sha1), concatenation, termination and expiration. Upload-Metadata keys: ``lesson`` (ULID), ``kind``, ``source``,
``path`` (inside the lesson), ``sha256`` (hex, of the whole), ``tier``. Creation is idempotent: the same asset gets the
same upload and its present offset, and one already stored has its offset at its length.

A recording may be sent while it grows: created with ``Upload-Defer-Length: 1`` and without ``sha256``. When the same
room then creates the finished file of that lesson and path, with length and ``sha256``, it gets that very upload, which
stands where the growing one stood.

A PATCH may carry ``Darsbox-Pieces``: ``xxh3-128``, the bytes of a piece, and base64 of the XXH3-128 of every piece of
its body. Our server, which names that hash in each of its answers, then keeps each piece that arrived whole, wherever
the connection broke or a byte was damaged, so a cut costs less than a piece and a damaged piece alone is sent again;
its offset only ever moves over bytes that were proven. The proof of such a request covers the header's value in place
of the body (``bsha``): that finds what the way has damaged, and what somebody has forged is found in the end by the
SHA-256 of the whole, which its creation was signed with. To any other tus server the header means nothing, and
``Upload-Checksum`` beside it is what counts.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import xxhash
from joserfc import jwk, jws
from joserfc.errors import JoseError

API = "/api/v1"
ENROLMENTS = f"{API}/enrolments"
UPLOADS = f"{API}/uploads"
SCHEME = "Darsbox"
TIME_HEADER = "Darsbox-Time"
PROOF_TYPE = "darsbox+jwt"
RECEIPT_TYPE = "darsbox-receipt+jwt"
HALF_TYPE = "darsbox-half+jwt"
MAX_SKEW = 300.0
"""Seconds a proof's time may differ from the server's."""
TUS_VERSION = "1.0.0"
TUS_EXTENSIONS = (
    "creation",
    "creation-with-upload",
    "creation-defer-length",
    "checksum",
    "concatenation",
    "termination",
    "expiration",
)
PIECES_HEADER, PIECES_HASH = "Darsbox-Pieces", "xxh3-128"
MOST_PIECES = 64
SMALLEST_PIECE = 16 * 1024
TIERS = ("card", "slidecast", "proxy", "master")
"""In the order of sending."""
EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()

ALGORITHMS = ["EdDSA", "Ed25519"]
_PATH = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}(/[A-Za-z0-9][A-Za-z0-9._-]{0,99}){0,3}")
_ULID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class BadSignature(Exception):
    """A proof or a receipt that this key did not sign, or that speaks of something else."""


class ClockSkew(Exception):
    """The proof is good but its time is not: the answer tells the room the server's time."""


@dataclass(frozen=True, slots=True)
class Asset:
    """One file of a lesson on its way: ``path`` is inside the lesson's folder, ``bytes`` its length, ``sha256`` hex
    of the whole."""

    lesson: str
    kind: str
    source: str
    path: str
    tier: str
    bytes: int
    sha256: str

    def metadata(self) -> dict[str, str]:
        """As tus Upload-Metadata, before base64. One that still grows has no sha256."""
        plain = {
            "lesson": self.lesson,
            "kind": self.kind,
            "source": self.source,
            "path": self.path,
            "tier": self.tier,
        }
        return plain | ({"sha256": self.sha256} if self.sha256 else {})

    @classmethod
    def from_metadata(cls, metadata: dict[str, str], length: int) -> Asset:
        """Raises ValueError with one sentence for what is missing, mistyped or not a plain name inside a lesson."""
        try:
            asset = cls(
                bytes=length, **{key: metadata[key] for key in ("lesson", "kind", "source", "path", "tier", "sha256")}
            )
        except KeyError as error:
            raise ValueError(f"The upload does not say its {error.args[0]}.") from error
        if not _ULID.fullmatch(asset.lesson):
            raise ValueError("The upload's lesson is not a lesson id (ULID).")
        if not is_plain_path(asset.path):
            raise ValueError("The upload's path is not a plain name inside a lesson.")
        if not _SHA256.fullmatch(asset.sha256):
            raise ValueError("The upload's sha256 is not 64 hexadecimal digits.")
        if asset.tier not in TIERS:
            raise ValueError(f"The upload's tier is none of {', '.join(TIERS)}.")
        if not is_plain_path(asset.kind) or (asset.source and not is_plain_path(asset.source)):
            raise ValueError("The upload's kind or source is not a plain name.")
        return asset


def is_plain_path(path: str) -> bool:
    """Up to four names of letters, digits, dot, dash and underscore; none begins with a dot, so nothing climbs
    out."""
    return _PATH.fullmatch(path) is not None


# -- pieces ----------------------------------------------------------------------------------------------

_PIECE_DIGEST = 16
"""Bytes."""


@dataclass(frozen=True, slots=True)
class Pieces:
    """What every ``size`` bytes of a request's body hash to; the last piece may be shorter."""

    size: int
    digests: tuple[bytes, ...]

    @classmethod
    def of(cls, body: bytes | memoryview) -> Pieces:
        size = max(SMALLEST_PIECE, -(-len(body) // MOST_PIECES))
        view = memoryview(body)
        return cls(size, tuple(xxhash.xxh3_128_digest(view[at : at + size]) for at in range(0, len(body), size)))

    @property
    def header(self) -> str:
        return f"{PIECES_HASH} {self.size} {base64.b64encode(b''.join(self.digests)).decode()}"

    @classmethod
    def parse(cls, text: str) -> Pieces:
        """Raises ValueError with one sentence."""
        name, _, rest = text.strip().partition(" ")
        if name != PIECES_HASH:
            raise ValueError(f"{PIECES_HEADER} must begin with {PIECES_HASH}, the hash that is known here.")
        size, _, encoded = rest.partition(" ")
        try:
            joined = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError) as error:
            raise ValueError(f"{PIECES_HEADER} is not base64.") from error
        if not (size.isascii() and size.isdigit() and len(size) < 9 and int(size) >= SMALLEST_PIECE):
            raise ValueError(f"{PIECES_HEADER} must go on with a piece's bytes, at least {SMALLEST_PIECE}.")
        if not joined or len(joined) % _PIECE_DIGEST or len(joined) > MOST_PIECES * _PIECE_DIGEST:
            raise ValueError(f"{PIECES_HEADER} must hold 1 to {MOST_PIECES} digests of {_PIECE_DIGEST} bytes.")
        return cls(int(size), tuple(_split(joined)))


class PieceHash(Protocol):
    def update(self, data: bytes | memoryview, /) -> None: ...
    def digest(self) -> bytes: ...


def piece_hash() -> PieceHash:
    """XXH3-128: ten times as quick as SHA-256. It finds damage, which is all that is asked of it."""
    return xxhash.xxh3_128()


def _split(joined: bytes) -> Iterator[bytes]:
    for at in range(0, len(joined), _PIECE_DIGEST):
        yield joined[at : at + _PIECE_DIGEST]


# -- keys ------------------------------------------------------------------------------------------------


def new_key() -> jwk.OKPKey:
    """A fresh Ed25519 key."""
    return jwk.OKPKey.generate_key("Ed25519")


def load_key(text: str | dict[str, Any]) -> jwk.OKPKey:
    """A key from its JWK. Raises BadSignature when it is no Ed25519 key."""
    try:
        key = jwk.OKPKey.import_key(json.loads(text) if isinstance(text, str) else text)
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise BadSignature("That is not a key.") from error
    if key.curve_name != "Ed25519":
        raise BadSignature("The key is not an Ed25519 key.")
    return key


def dump_key(key: jwk.OKPKey, *, private: bool) -> str:
    return json.dumps(key.as_dict(private=private), sort_keys=True)


def thumbprint(key: jwk.OKPKey) -> str:
    """RFC 7638; the name of a key in logs and on screens."""
    return key.thumbprint()


# -- proofs ----------------------------------------------------------------------------------------------


def prove(key: jwk.OKPKey, room: str, *, method: str, path: str, body_sha256: str, now: float) -> str:
    """The Authorization header of one request. path: with its query; body_sha256: hex; now: the server's time as
    the room knows it."""
    claims = {"htm": method, "htu": path, "bsha": body_sha256, "iat": now, "jti": secrets.token_hex(8)}
    header = {"typ": PROOF_TYPE, "alg": "Ed25519", "kid": room}
    return f"{SCHEME} {jws.serialize_compact(header, json.dumps(claims), key, algorithms=ALGORITHMS)}"


def proof_room(authorization: str) -> str:
    """Which room a proof claims to come from, before it is checked. Raises BadSignature."""
    scheme, _, token = authorization.partition(" ")
    if scheme != SCHEME:
        raise BadSignature("The request is not signed by a room.")
    try:
        room = jws.extract_compact(token.encode()).headers().get("kid")
    except (JoseError, ValueError) as error:
        raise BadSignature("The request's signature cannot be read.") from error
    if not isinstance(room, str):
        raise BadSignature("The request's signature does not name its room.")
    return room


def check_proof(authorization: str, key: jwk.OKPKey, *, method: str, path: str, body_sha256: str, now: float) -> None:
    """Raises BadSignature when the key did not sign this very request, ClockSkew when only the time is wrong."""
    claims = _verify(authorization.partition(" ")[2], key, PROOF_TYPE)
    if (claims.get("htm"), claims.get("htu"), claims.get("bsha")) != (method, path, body_sha256):
        raise BadSignature("The signature belongs to another request.")
    at = claims.get("iat")
    if not isinstance(at, int | float) or abs(now - at) > MAX_SKEW:
        raise ClockSkew


# -- receipts --------------------------------------------------------------------------------------------


def sign_receipt(key: jwk.OKPKey, *, server: str, room: str, asset: Asset, now: float) -> str:
    """What the server signs once the bytes and their SHA-256 are safe in its store."""
    return _sign(key, RECEIPT_TYPE, {"iss": server, **_about(room, asset), "iat": now})


def check_receipt(receipt: str, key: jwk.OKPKey, *, room: str, asset: Asset) -> dict[str, Any]:
    """The claims of a receipt for exactly this asset. Raises BadSignature otherwise."""
    return _told(receipt, key, RECEIPT_TYPE, room, asset)


def sign_half(key: jwk.OKPKey, *, server: str, room: str, asset: Asset, has: int, now: float) -> str:
    """What the server signs for a file of which it has the first bytes, so many of them: they need not be carried to it
    again. It is no receipt, and nothing may be removed for it."""
    return _sign(key, HALF_TYPE, {"iss": server, **_about(room, asset), "has": has, "iat": now})


def check_half(half: str, key: jwk.OKPKey, *, room: str, asset: Asset) -> int:
    """How many bytes the server has of exactly this asset. Raises BadSignature otherwise."""
    has = _told(half, key, HALF_TYPE, room, asset).get("has")
    if type(has) is not int or not 0 < has <= asset.bytes:
        raise BadSignature("It speaks of bytes that the file does not have.")
    return has


def _told(token: str, key: jwk.OKPKey, kind: str, room: str, asset: Asset) -> dict[str, Any]:
    """The claims of what the server signed of exactly this asset. Raises BadSignature."""
    claims = _verify(token, key, kind)
    if any(claims.get(name) != value for name, value in _about(room, asset).items()):
        raise BadSignature("It speaks of something else.")
    return claims


def _about(room: str, asset: Asset) -> dict[str, Any]:
    return {
        "room": room,
        "lesson": asset.lesson,
        "path": asset.path,
        "sha256": asset.sha256,
        "bytes": asset.bytes,
    }


def _sign(key: jwk.OKPKey, kind: str, claims: Mapping[str, Any]) -> str:
    header = {"typ": kind, "alg": "Ed25519", "kid": thumbprint(key)}
    return jws.serialize_compact(header, json.dumps(claims), key, algorithms=ALGORITHMS)


def _verify(token: str, key: jwk.OKPKey, kind: str) -> dict[str, Any]:
    try:
        signed = jws.deserialize_compact(token, key, algorithms=ALGORITHMS)
        claims = json.loads(signed.payload)
    except (JoseError, ValueError) as error:
        raise BadSignature("The signature is not of this key.") from error
    if signed.headers().get("typ") != kind or not isinstance(claims, dict):
        raise BadSignature("The signature is of another kind.")
    return claims
