"""The ways in which a lesson can be watched, and how many bytes each takes. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from lms_server.catalog.schemas import File, LessonDetail

Level = Literal["light", "small", "full"]
LEVELS: tuple[Level, ...] = ("light", "small", "full")
"""From what a village's link carries to everything."""
TOGETHER = "both"
"""The key of the view that shows two pictures; no file is called so, for files have endings."""
_LEVEL: dict[str, Level] = {
    "slidecast": "light",
    "audio": "light",
    "proxy": "small",
    "composed": "full",
    "programme": "full",
}
_ORDER = ("slidecast", "audio", "proxy", "programme", "composed")
SCREENS = frozenset({"screen"})
"""Drivers whose pictures are slides."""


@dataclass(frozen=True, slots=True)
class View:
    """key: how it is called in addresses. files: one; or two, shown together, the one with the slides first and the
    only one that is heard."""

    key: str
    level: Level
    files: tuple[File, ...]

    @property
    def bytes(self) -> int:
        return sum(file.bytes for file in self.files)


def views(lesson: LessonDetail) -> list[View]:
    """From the smallest level to the largest; within a level the view that stands for it comes first."""
    playable = sorted((file for file in lesson.files if file.kind in _LEVEL), key=lambda file: _ORDER.index(file.kind))
    singles = [View(file.name, _LEVEL[file.kind], (file,)) for file in playable]
    found = [view for level in LEVELS for view in singles if view.level == level]
    pair = _pair(lesson, [file for file in playable if file.kind == "programme"])
    if pair:
        first = next(number for number, view in enumerate(found) if view.level == "full")
        found.insert(first, View(TOGETHER, "full", pair))
    return found


def levels(found: list[View]) -> list[View]:
    """The view that stands for each level there is."""
    return [next(group) for _, group in groupby(found, key=lambda view: view.level)]


def chosen(found: list[View], key: str, *, sparing: bool) -> View | None:
    """The one that was asked for, else the largest (or, sparing, the smallest) single file that shows something: what a
    page without scripts can play. None when there is nothing to play."""
    single = levels([view for view in found if view.key != TOGETHER])
    fallback = (single[0] if sparing else single[-1]) if single else None
    return next((view for view in found if view.key == key), fallback)


def _pair(lesson: LessonDetail, programmes: list[File]) -> tuple[File, ...]:
    """The slides, if it is known which picture they are, and the first other source; each in its first form."""
    first = {file.source: file for file in reversed(programmes)}
    ordered = [source for source in lesson.sources if source.id in first]
    ordered.sort(key=lambda source: source.driver not in SCREENS)
    return tuple(first[source.id] for source in ordered[:2]) if len(ordered) > 1 else ()
