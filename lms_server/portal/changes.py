"""The forms on a lesson's page by which staff change what is said of it, who sees it, and which stretches are shown."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response, UploadFile
from fastapi.responses import RedirectResponse
from pydantic import ValidationError

from lms_server.api.gate import Gate
from lms_server.captions import Captions
from lms_server.catalog import Catalog
from lms_server.catalog.schemas import Part, Publication
from lms_server.catalog.scoping import row_id
from lms_server.errors import BadRequest

from .language import DIGITS, Tongue, Tongues
from .words import wall_clock

_PLACE = re.compile(r"(?:(?:(\d{1,3}):)?(\d{1,3}):)?(\d{1,6}(?:[.,]\d{1,3})?)")


class Changes:
    def __init__(self, catalog: Catalog, gate: Gate, captions: Captions, tongues: Tongues) -> None:
        self._catalog, self._gate, self._captions, self._tongues = catalog, gate, captions, tongues

    def routes(self, router: APIRouter) -> None:
        forms: dict[str, Callable[..., Response]] = {
            "publication": self.publish,
            "about": self.describe,
            "parts": self.show,
            "captions": self.caption,
            "course": self.assign,
        }
        for name, handler in forms.items():
            router.add_api_route(f"/lessons/{{lesson_id}}/{name}", handler, methods=["POST"])

    def publish(
        self,
        request: Request,
        lesson_id: str,
        state: Annotated[str, Form()],
        at: Annotated[str, Form(max_length=40)] = "",
    ) -> Response:
        """at: a time on the wall clock, empty for now."""
        person = self._gate.require(request)
        chosen: dict[str, Publication] = {
            "now": "published",
            "later": "published",
            "private": "private",
            "withdrawn": "withdrawn",
        }
        if state not in chosen or (state == "later" and not at):
            raise BadRequest("bad-time", "Say when the lesson is to be published.")
        when = wall_clock(self._tongues.of(request), at) if state == "later" else 0.0
        self._catalog.editing.publish(person, lesson_id, chosen[state], when)
        return _back(lesson_id)

    def describe(
        self,
        request: Request,
        lesson_id: str,
        title: Annotated[str, Form()] = "",
        teacher: Annotated[str, Form()] = "",
        description: Annotated[str, Form()] = "",
    ) -> Response:
        """Only what differs counts as written by a person: the rest stays the room's."""
        person = self._gate.require(request)
        lesson = self._catalog.lessons.get(person, lesson_id)
        given = {"title": title, "teacher": teacher, "description": description.replace("\r\n", "\n")}
        changed = {name: text for name, text in given.items() if text.strip() != getattr(lesson, name).strip()}
        self._catalog.editing.describe(person, lesson_id, **changed)
        return _back(lesson_id)

    def show(
        self,
        request: Request,
        lesson_id: str,
        begins: Annotated[list[str], Form()],
        ends: Annotated[list[str], Form()],
        titles: Annotated[list[str], Form()],
    ) -> Response:
        person = self._gate.require(request)
        lesson = self._catalog.lessons.get(person, lesson_id)
        self._catalog.editing.show(person, lesson_id, parts_of(begins, ends, titles, lesson.seconds))
        return _back(lesson_id)

    def assign(self, request: Request, lesson_id: str, course: Annotated[str, Form(max_length=20)] = "") -> Response:
        """course: its number; empty for none."""
        person = self._gate.require(request)
        self._catalog.editing.assign(person, lesson_id, row_id(course) if course else None)
        return _back(lesson_id)

    def caption(
        self,
        request: Request,
        lesson_id: str,
        language: Annotated[str, Form(max_length=20)],
        file: UploadFile | None = None,
        remove: Annotated[str, Form()] = "",
    ) -> Response:
        person = self._gate.require(request)
        if remove:
            self._catalog.editing.uncaption(person, lesson_id, language)
        elif file is None or not file.filename:
            raise BadRequest("bad-captions", "Choose a file with captions first.")
        else:
            self._captions.take(person, lesson_id, language, file.file.read())
        return _back(lesson_id)


def parts_of(begins: Sequence[str], ends: Sequence[str], titles: Sequence[str], length: float) -> list[Part]:
    """The rows of the form that say something, in the order of time; an empty beginning is the lesson's, an empty end
    its end. A single row that is the whole lesson and has no title is none. Raises BadRequest."""
    parts: list[Part] = []
    for begin, end, title in zip(begins, ends, titles, strict=False):
        if not (begin.strip() or end.strip() or title.strip()):
            continue
        at = place(begin, 0.0)
        try:
            parts.append(Part(at=at, seconds=place(end, length) - at, title=title))
        except ValidationError as error:
            raise BadRequest("bad-parts", "A part must end after it begins.") from error
    parts.sort(key=lambda part: part.at)
    whole = len(parts) == 1 and parts[0].at == 0 and parts[0].seconds >= length > 0 and not parts[0].title
    return [] if whole else parts


def place(text: str, otherwise: float) -> float:
    """Seconds of 4:07, 1:02:03 or 247. Raises BadRequest."""
    text = text.strip().translate(DIGITS)
    if not text:
        return otherwise
    match = _PLACE.fullmatch(text)
    if match is None:
        raise BadRequest("bad-parts", "A place looks like 4:07 or 1:02:03.")
    return 3600.0 * int(match[1] or 0) + 60.0 * int(match[2] or 0) + float(match[3].replace(",", "."))


def choices(tongue: Tongue, known: Sequence[str]) -> list[tuple[str, str]]:
    """Languages that captions may have: (code, name), those of the portal first."""
    codes = dict.fromkeys((*("ar", "fr", "en"), *known, "es", "pt", "tr", "ur", "wo", "ff", "snk"))
    return [(code, tongue.language(code)) for code in codes]


def _back(lesson_id: str) -> Response:
    return RedirectResponse(f"/lessons/{lesson_id}", 303)
