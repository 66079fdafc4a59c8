"""What the player's scripts are told of a lesson: figures and addresses, and the reader's words for them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lms_server.catalog.schemas import LessonDetail

from . import words
from .language import Tongue, isolated
from .timeline import moments
from .views import TOGETHER, Level, View

_BACK, _AHEAD = "←", "→"


def facts(
    lesson: LessonDetail, found: Sequence[View], slides: Sequence[float], *, reader: int, at: float, asked: str
) -> dict[str, Any]:
    """Times in seconds. reader: whose places in lessons the browser remembers, of all who use it. at: where to begin, 0
    when nobody said; asked: the view somebody asked for by its address. pictured: the file whose pictures stand for
    moments, empty when none has any."""
    microphones = {source.id for source in lesson.sources if source.media == "audio"}
    slidecast = next((file.url for file in lesson.files if file.kind == "slidecast"), "")
    return {
        "place": f"{reader}.{lesson.id}",
        "length": lesson.seconds,
        "at": at,
        "asked": asked,
        "views": [
            {
                "key": view.key,
                "level": view.level,
                "files": [file.url for file in view.files],
                "sources": [file.source for file in view.files],
                "heard": view.files[0].kind == "audio",
            }
            for view in found
        ],
        "parts": [{"at": part.at, "seconds": part.seconds} for part in lesson.parts],
        "chapters": [moment.at for moment in moments(lesson, slides)],
        "gaps": [
            {"source": gap.source, "at": gap.at, "seconds": gap.seconds, "heard": gap.source in microphones}
            for gap in lesson.gaps
        ],
        "pictured": slidecast if slides else "",
    }


def told(tongue: Tongue, lesson: LessonDetail, found: Sequence[View]) -> dict[str, Any]:
    """Every sentence that the scripts may say."""
    return {
        "names": {view.key: name(tongue, lesson, view) for view in found},
        "levels": {view.level: level(tongue, lesson, view) for view in reversed(found)},
        "gaps": [
            tongue.gettext("Nothing of %(source)s here: %(why)s.")
            % {
                "source": isolated(words.source(tongue, gap.source, lesson.sources)),
                "why": words.why_gap(tongue, gap.why),
            }
            for gap in lesson.gaps
        ],
        "resumed": tongue.gettext("You go on where you stopped, at %(time)s."),
        "unseen": tongue.gettext(
            "This browser cannot show this picture, which may be H.265. Choose a smaller quality, or download the file "
            "and open it in another player, such as VLC."
        ),
        "alone": tongue.gettext("The second picture cannot be played here; the first one goes on."),
        "stalled": tongue.gettext("Waiting for the network…"),
        "refused": tongue.gettext("The lesson could not be loaded. Is the network there? Touch Play to try again."),
        "keys": [
            (("Space", "K"), tongue.gettext("Play or pause")),
            (("J", "L"), tongue.gettext("10 seconds back or ahead")),
            ((_BACK, _AHEAD), tongue.gettext("5 seconds back or ahead")),
            (("0", "9"), tongue.gettext("To a tenth of the lesson, from the beginning to nine tenths")),
            (("<", ">"), tongue.gettext("Slower or faster")),
            (("↑", "↓"), tongue.gettext("Louder or quieter")),
            (("M",), tongue.gettext("Sound off or on")),
            (("C",), tongue.gettext("Captions off or on")),
            (("V",), tongue.gettext("Pictures beside or inside each other")),
            (("X",), tongue.gettext("Swap the pictures")),
            (("F",), tongue.gettext("Full screen")),
            (("?",), tongue.gettext("These keys")),
        ],
    }


def name(tongue: Tongue, lesson: LessonDetail, view: View) -> str:
    """What stands on the button of a view."""
    if view.key == TOGETHER:
        return tongue.gettext("Both pictures")
    return words.choice(tongue, view.files[0], lesson.sources)


def level(tongue: Tongue, lesson: LessonDetail, view: View) -> str:
    """What stands on the button of a quality, given the view that stands for it."""
    full: Level = "full"
    return tongue.gettext("Full") if view.level == full else words.choice(tongue, view.files[0], lesson.sources)
