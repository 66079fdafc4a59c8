"""Lets through what is proven of a body, piece by piece, and keeps back the rest."""

from __future__ import annotations

from lms_sync import wire


class Sieve:
    """damaged: a piece was not what was announced, or there was more than announced; nothing passes after that."""

    def __init__(self, pieces: wire.Pieces) -> None:
        self._size = pieces.size
        self._digests = iter(pieces.digests)
        self._held = b""
        self.damaged = False

    def take(self, data: bytes | bytearray) -> memoryview:
        """What is proven by now and was not given back before: a view, of data itself where nothing was held back.
        Holds less than a piece."""
        come = memoryview(self._held + data if self._held else data)
        whole = len(come) // self._size * self._size
        self._held = b"" if self.damaged else bytes(come[whole:])
        return self._prove(come[:whole])

    def end(self) -> memoryview:
        """The body is whole: its last piece may be a short one."""
        proven = self._prove(memoryview(self._held))
        self._held = b""
        if next(self._digests, None) is not None:
            self.damaged = True
        return proven

    def _prove(self, come: memoryview) -> memoryview:
        proven = 0
        while proven < len(come) and not self.damaged:
            piece = come[proven : proven + self._size]
            if wire.piece_digest(piece) == next(self._digests, None):
                proven += len(piece)
            else:
                self.damaged = True
        return come[:proven]
