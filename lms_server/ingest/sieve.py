"""Lets through what is proven of a body, piece by piece, and keeps back the rest."""

from __future__ import annotations

from lms_sync import wire


class Sieve:
    """damaged: a piece was not what was announced, or there was more than announced; nothing passes after that."""

    def __init__(self, pieces: wire.Pieces) -> None:
        self._size = pieces.size
        self._digests = iter(pieces.digests)
        self._held = bytearray()
        self.damaged = False

    def take(self, data: bytes | bytearray) -> bytes:
        """What is proven by now and was not given back before. Holds less than a piece."""
        self._held += data
        whole = len(self._held) // self._size * self._size
        return self._prove(whole)

    def end(self) -> bytes:
        """The body is whole: its last piece may be a short one."""
        proven = self._prove(len(self._held))
        if next(self._digests, None) is not None:
            self.damaged = True
        return proven

    def _prove(self, count: int) -> bytes:
        proven = 0
        view = memoryview(bytes(self._held[:count]))
        while proven < count and not self.damaged:
            piece = view[proven : proven + self._size]
            if wire.piece_digest(piece) == next(self._digests, None):
                proven += len(piece)
            else:
                self.damaged = True
        del self._held[: count if not self.damaged else len(self._held)]
        return bytes(view[:proven])
