"""A lesson's playable files for targets that take films. Loads what reads media: imported when it is needed first."""

from __future__ import annotations

from pathlib import Path

from lms_sync.targets import Film, NoFilms, Role
from media.assemble import CannotAssemble, assemble_lesson
from media.lesson import Lesson
from media.remux import NotWhole
from media.renditions.layout import CannotRender, lay_out
from media.renditions.stills import source_of_slides


def films_of(lesson: Lesson, takes: Path, out: Path) -> list[Film]:
    """Made in the folder out: of each picture one with the sound, and the sound alone when there is no picture.

    takes: the lesson's folder. Raises NoFilms, OSError.
    """
    try:
        outputs = assemble_lesson(lesson, lambda take: takes / take.file, out)
        shown = [output for output in outputs if output.kind == "programme"]
        slides: str | None = None
        if len(shown) > 1:
            slides = source_of_slides(lay_out(lesson, lambda take: takes / take.file), lambda problem: None)
    except (CannotAssemble, CannotRender, NotWhole) as error:
        raise NoFilms(str(error)) from error

    def role(source: str, kind: str) -> Role:
        if kind == "audio":
            return "sound"
        return "presentation" if source == slides else "presenter"

    films = [Film(role(each.source, each.kind), each.path, each.content_type) for each in shown or outputs]
    if not films:
        raise NoFilms("Nothing that plays could be made of this lesson.")
    return films
