"""A course as a podcast: RSS 2.0 with one enclosure a lesson, for programs that know nothing but an address.

Such programs send no header, so a token may stand in the address of a podcast and of its files: one that is for reading
lessons and for nothing else, since addresses are written down in many places.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Query
from feedgenerator import Enclosure, Rss201rev2Feed
from starlette.requests import Request
from starlette.responses import Response

from lms_server.api.gate import Gate
from lms_server.catalog import Catalog
from lms_server.catalog.schemas import CourseView, File, LessonDetail, Person
from lms_server.catalog.scoping import row_id
from lms_server.catalog.text import printable
from lms_sync.wire import API

LESSONS = 100
"""The newest of a course that are in its podcast."""
ORDER = {
    "audio": ("audio", "slidecast", "proxy", "composed", "programme"),
    "video": ("composed", "programme", "proxy", "slidecast", "audio"),
}
"""Kinds of files, by what is wanted: the first that a lesson has is its enclosure."""
ITUNES = "http://www.itunes.com/dtds/podcast-1.0.dtd"


class _Podcast(Rss201rev2Feed):  # type: ignore[misc]  # the library has no types
    """With what Apple's form of RSS adds, and podcast programs of all makes read."""

    def rss_attributes(self) -> dict[str, str]:
        return {**super().rss_attributes(), "xmlns:itunes": ITUNES}

    def add_root_elements(self, handler: Any) -> None:
        super().add_root_elements(handler)
        handler.addQuickElement("itunes:author", self.feed["author_name"])
        handler.addQuickElement("itunes:explicit", "false")
        handler.addQuickElement("itunes:block", "Yes")  # in no directory: it is for those of the course

    def add_item_elements(self, handler: Any, item: dict[str, Any]) -> None:
        super().add_item_elements(handler, item)
        handler.addQuickElement("itunes:duration", str(round(item["seconds"])))
        handler.addQuickElement("itunes:author", item["author_name"])


def router(catalog: Catalog, gate: Gate, address: Callable[[Request], str]) -> APIRouter:
    """address: how the server is reached, as this request says."""
    routes = APIRouter(prefix=API, tags=["courses"])

    @routes.get("/courses/{course_id}/podcast", summary="A course as a podcast (RSS 2.0)", response_class=Response)
    def podcast(
        course_id: str,
        request: Request,
        token: Annotated[str, Query(max_length=200, description="A token for lessons:read alone")] = "",
        media: Annotated[Literal["audio", "video"], Query(description="What is wanted first")] = "audio",
    ) -> Response:
        person = gate.require(request, scope="lessons:read", token=token)
        course = catalog.courses.get(person, row_id(course_id))
        base, query = address(request), f"?{urlencode({'token': token})}" if token else ""
        feed = _feed(course, f"{base}/courses/{course.id}", f"{base}{request.url.path}{query}")
        for lesson, file in _episodes(catalog, person, course, ORDER[media]):
            feed.add_item(
                printable(lesson.title),
                f"{base}/lessons/{lesson.id}",
                printable(lesson.description),
                author_name=printable(lesson.teacher),
                pubdate=datetime.fromtimestamp(lesson.started, UTC),
                unique_id=f"urn:darsbox:lesson:{lesson.id}",
                unique_id_is_permalink=False,
                enclosures=[Enclosure(f"{base}{file.url}{query}", str(file.bytes), file.content_type)],
                seconds=file.seconds or lesson.seconds,
            )
        headers = {"Cache-Control": "private, max-age=300"}
        return Response(feed.writeString("utf-8"), headers=headers, media_type="application/rss+xml")

    return routes


def _feed(course: CourseView, page: str, itself: str) -> _Podcast:
    title = printable(" – ".join(part for part in (course.code, course.title) if part))
    about, author = f"{title}, {printable(course.term)}", printable(course.institution)
    return _Podcast(title, page, about, feed_url=itself, author_name=author)


def _episodes(
    catalog: Catalog, person: Person, course: CourseView, order: tuple[str, ...]
) -> Iterator[tuple[LessonDetail, File]]:
    """The published lessons that have something to play, each with its file; the newest first."""
    for listed in catalog.lessons.search(person, course=str(course.id), limit=LESSONS).items:
        if listed.published and listed.course_id == course.id:
            lesson = catalog.lessons.get(person, listed.id)
            files = [file for kind in order for file in lesson.files if file.kind == kind]
            if files:
                yield lesson, files[0]
