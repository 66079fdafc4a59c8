"""One request's body on its way into an upload's file: held against what was promised, hashed, written."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lms_server.errors import ChecksumMismatch, Unauthenticated
from lms_server.ingest.headers import Checksum
from lms_server.ingest.parts import Part
from lms_server.ingest.sieve import Sieve
from lms_sync import wire

if TYPE_CHECKING:
    from hashlib import _Hash


MANY = 64
"""Of what came at once: then it is little each time, as over a slow link, and written in one."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What a body is held against. pieces: each on its own, and then nothing else counts. checksum: the whole body, as
    tus has it. signed_sha256: hex of the whole body, as the room signed it."""

    pieces: wire.Pieces | None = None
    checksum: Checksum | None = None
    signed_sha256: str | None = None


class Intake:
    """Writes and hashes one request's body. partial: a part of it may be kept and made durable on the way."""

    def __init__(self, part: Part, whole: _Hash | None, proof: Proof) -> None:
        self.part = part
        self.whole = whole
        self._proof = proof
        self._sieve = Sieve(proof.pieces) if proof.pieces is not None else None
        self._body = proof.checksum.new() if proof.checksum is not None else None
        self._signed = hashlib.sha256() if proof.signed_sha256 is not None else None
        self.partial = self._sieve is not None or (self._body is None and self._signed is None)

    @property
    def damaged(self) -> bool:
        return self._sieve is not None and self._sieve.damaged

    def write(self, come: Sequence[bytes], *, commits: bool = False) -> None:
        """What came, in order. commits: what is written by now is made durable too. Raises StoreFull, Busy."""
        for data in come if len(come) <= MANY else [b"".join(come)]:
            self._put(self._sieve.take(data) if self._sieve is not None else [data])
        if commits:
            self.part.commit()

    def end(self) -> None:
        """The body is whole. Raises ChecksumMismatch or Unauthenticated when it is not what was promised, StoreFull."""
        if self._sieve is not None:
            self._put(self._sieve.end())
            return
        checksum = self._proof.checksum
        if checksum is not None and self._body is not None and self._body.digest() != checksum.digest:
            raise ChecksumMismatch("checksum-mismatch", "The body arrived damaged; send it again from the same offset.")
        if self._signed is not None and self._signed.hexdigest() != self._proof.signed_sha256:
            raise Unauthenticated("bad-signature", "The signature belongs to another body.")

    def _put(self, proven: Iterable[bytes | memoryview]) -> None:
        digests = (self.whole,) if self._sieve is not None else (self.whole, self._body, self._signed)
        for data in proven:
            self.part.write(data)
            for digest in digests:
                if digest is not None:
                    digest.update(data)
