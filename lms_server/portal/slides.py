"""When each slide of a lesson appeared: the chapters of its slidecast, read once for each file, which never changes."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from lms_server.catalog.schemas import LessonDetail
from lms_server.store import NotStored, Store
from media.chapters import chapters_of
from media.fragments import BadStream

KEPT = 512
"""Lessons whose slides are remembered."""

SlidesOf = Callable[[LessonDetail], tuple[float, ...]]
"""Seconds, ascending; none for a lesson without a slidecast, or with one that shows nothing or cannot be read."""


def slides_in(store: Store) -> SlidesOf:
    @lru_cache(KEPT)
    def read(sha256: str, size: int) -> tuple[float, ...]:
        def piece(start: int, length: int) -> bytes:
            return b"".join(store.read(sha256, start, length))

        try:
            return tuple(sorted(at for at, _ in chapters_of(piece, size)))
        except BadStream:
            return ()

    def slides(lesson: LessonDetail) -> tuple[float, ...]:
        slidecast = next((file for file in lesson.files if file.kind == "slidecast"), None)
        if slidecast is None:
            return ()
        try:
            return read(slidecast.sha256, slidecast.bytes)
        except NotStored:
            return ()  # playing it says so too

    return slides
