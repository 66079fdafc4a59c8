"""Bytes that only the central server can read, for a carrier that anybody may find: a stretch of a file, sealed.

A sealed segment is, in order:

    8 bytes     ``DARSBOX`` and the version of this form, ``1``
    2 bytes     the length of what follows, big-endian, at most 1,024
    JWE         compact (RFC 7516): the content key, 32 random bytes made for this segment alone, wrapped for the
                server's X25519 key (RFC 8037) by ECDH-ES+A256KW and A256GCM; ``kid`` is that key's thumbprint
                (RFC 7638)
    frames      256 KiB of the plaintext each, the last one what is left: ChaCha20-Poly1305 (RFC 8439), ciphertext
                and tag of 16 bytes

The frames follow the STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár: "Online Authenticated-Encryption and its
Nonce-Reuse Misuse-Resistance", CRYPTO 2015), in the form that age v1 uses: the nonce is the frame's number in 11 bytes,
big-endian, and one byte that is 1 for the last frame and 0 before. So no frame can be left out, put elsewhere or cut
off. The associated data of each is the SHA-256 of all that stands before the frames and of the *context*: which bytes
of which file of which room these are. So a sealed segment cannot be passed off as part of another lesson.

Anybody can seal for the server: who sealed is said by the manifest's signature over the segment's SHA-256
(``wire.bundle``), never by the seal.

    BadSeal             what is there was not sealed so, or was changed; one sentence
    └── OtherKey        it was sealed for another key than ours
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Iterator
from typing import Any, BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from joserfc import jwe, jwk
from joserfc.errors import JoseError

from lms_sync.wire import Asset, BadSignature, thumbprint

MAGIC = b"DARSBOX1"
FRAME = 256 * 1024
"""Bytes of plaintext in every frame but the last."""
TAG = 16
LARGEST_WRAP = 1024
"""Bytes of the wrapped content key; it has some four hundred."""
_ALGORITHMS = ["ECDH-ES+A256KW", "A256GCM"]
_LAST = b"\x01"


class BadSeal(Exception):
    """What is there was not sealed so, or was changed on the way."""


class OtherKey(BadSeal):
    """It was sealed for another server's key, or for one that this server no longer has."""


# -- keys
# -----------------------------------------------------------------------------------------------------------------


def new_sealing_key() -> jwk.OKPKey:
    """A fresh X25519 key."""
    return jwk.OKPKey.generate_key("X25519")


def load_sealing_key(text: str | dict[str, Any]) -> jwk.OKPKey:
    """A key from its JWK. Raises BadSignature when it is no X25519 key."""
    try:
        key = jwk.OKPKey.import_key(json.loads(text) if isinstance(text, str) else text)
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise BadSignature("That is not a key.") from error
    if key.curve_name != "X25519":
        raise BadSignature("The key is not an X25519 key.")
    return key


# -- sealing
# --------------------------------------------------------------------------------------------------------------


def context(room: str, asset: Asset, offset: int, length: int) -> bytes:
    """What a segment is, as its frames vouch for: room id, the whole file, and which bytes of it."""
    facts = {"room": room, **asset.metadata(), "bytes": asset.bytes, "offset": offset, "length": length}
    return json.dumps(facts, sort_keys=True, separators=(",", ":")).encode()


def sealed_frames(length: int) -> int:
    """Bytes that the frames of so many bytes of plaintext take."""
    return length + TAG * max(1, -(-length // FRAME))


class Sealer:
    """One segment. Write ``head`` first, then every frame in order."""

    def __init__(self, key: jwk.OKPKey, about: bytes) -> None:
        """key: the server's, public. about: the context."""
        content_key = secrets.token_bytes(32)
        header = {"alg": _ALGORITHMS[0], "enc": _ALGORITHMS[1], "kid": thumbprint(key)}
        wrap = jwe.encrypt_compact(header, content_key, key, algorithms=_ALGORITHMS).encode()
        self.head = MAGIC + len(wrap).to_bytes(2, "big") + wrap
        self._cipher = ChaCha20Poly1305(content_key)
        self._about = _associated(self.head, about)
        self._number = 0

    def frame(self, plaintext: bytes, *, last: bool) -> bytes:
        """plaintext: FRAME bytes, or fewer when it is the last."""
        if len(plaintext) > FRAME or (len(plaintext) < FRAME and not last):
            raise ValueError("A frame that is not the last has its full length.")
        sealed = self._cipher.encrypt(_nonce(self._number, last), plaintext, self._about)
        self._number += 1
        return sealed


def unseal(file: BinaryIO, key: jwk.OKPKey, about: bytes, length: int) -> Iterator[bytes]:
    """The plaintext of a segment, frame by frame; each is genuine when it comes. key: the server's, private. about: the
    context. length: of the whole plaintext in bytes; the file ends with it.

    Raises BadSeal, OtherKey, OSError.
    """
    start = file.read(len(MAGIC) + 2)
    if start[: len(MAGIC)] != MAGIC or len(start) != len(MAGIC) + 2:
        raise BadSeal("It is no sealed segment of a form that this program knows.")
    wrapped = int.from_bytes(start[len(MAGIC) :], "big")
    if wrapped > LARGEST_WRAP:
        raise BadSeal("Its wrapped key is too long to be one.")
    wrap = file.read(wrapped)
    cipher = ChaCha20Poly1305(_unwrap(wrap, key))
    associated = _associated(start + wrap, about)
    count = max(1, -(-length // FRAME))
    left = length
    for number in range(count):
        size = min(FRAME, left)
        sealed = file.read(size + TAG)
        try:
            plaintext = cipher.decrypt(_nonce(number, number == count - 1), sealed, associated)
        except (InvalidTag, ValueError) as error:
            raise BadSeal(f"Its frame {number + 1} of {count} was changed, cut off or put elsewhere.") from error
        if len(plaintext) != size:
            raise BadSeal("It ends before its length.")
        left -= size
        yield plaintext
    if file.read(1):
        raise BadSeal("Something follows its last frame.")


def _unwrap(wrap: bytes, key: jwk.OKPKey) -> bytes:
    try:
        found = jwe.decrypt_compact(wrap, key, algorithms=_ALGORITHMS)
    except (JoseError, InvalidTag, ValueError, TypeError, KeyError) as error:
        if _claimed_key(wrap) not in {"", thumbprint(key)}:
            raise OtherKey("It was sealed for another key than this server's.") from error
        raise BadSeal("Its key cannot be unwrapped.") from error
    if found.plaintext is None or len(found.plaintext) != 32:
        raise BadSeal("Its content key has another length than 32 bytes.")
    return found.plaintext


def _claimed_key(wrap: bytes) -> str:
    """The thumbprint of the key that a JWE names, "" when that cannot be read."""
    header = wrap.partition(b".")[0]
    try:
        found = json.loads(base64.urlsafe_b64decode(header + b"=" * (-len(header) % 4)))
    except (ValueError, RecursionError):
        return ""
    kid = found.get("kid") if isinstance(found, dict) else None
    return kid if isinstance(kid, str) else ""


def _associated(head: bytes, about: bytes) -> bytes:
    return hashlib.sha256(head + about).digest()


def _nonce(number: int, last: bool) -> bytes:
    return number.to_bytes(11, "big") + (_LAST if last else b"\x00")
