"""Lets through what is proven of a body, piece by piece, and keeps back the rest."""

from __future__ import annotations

from lms_sync import wire


class Sieve:
    """damaged: a piece was not what was announced, or there was more than announced; nothing passes after that."""

    def __init__(self, pieces: wire.Pieces) -> None:
        self._size = self._missing = pieces.size
        self._digests = iter(pieces.digests)
        self._open = wire.piece_hash()
        self._held: list[memoryview] = []
        self.damaged = False

    def take(self, data: bytes) -> list[memoryview]:
        """What is proven by now and was not given back before, in order: views of what came, of which nothing is
        copied. Holds less than a piece."""
        come, proven = memoryview(data), []
        while come and not self.damaged:
            part, come = come[: self._missing], come[self._missing :]
            self._open.update(part)
            self._held.append(part)
            self._missing -= len(part)
            if not self._missing:
                proven += self._prove()
        return proven

    def end(self) -> list[memoryview]:
        """The body is whole: its last piece may be a short one."""
        proven = self._prove() if self._held else []
        if next(self._digests, None) is not None:
            self.damaged = True
        return proven

    def _prove(self) -> list[memoryview]:
        held, digest = self._held, self._open.digest()
        self._held, self._open, self._missing = [], wire.piece_hash(), self._size
        if digest == next(self._digests, None):
            return held
        self.damaged = True
        return []
