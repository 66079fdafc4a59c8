"""The portal's pages: HTML made on the server, useful without JavaScript, in the reader's language.

``portal_router(catalog, gate)`` makes the router; the composition root includes it beside the JSON API. Errors of the
server become pages here, never problem JSON: somebody not signed in is sent to the login and back to where they were
going.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine
from dataclasses import asdict, dataclass
from datetime import tzinfo
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.routing import APIRoute
from sqlalchemy.exc import OperationalError

from lms_server.api.gate import Gate
from lms_server.api.problems import STATUS
from lms_server.captions import Captions
from lms_server.catalog import Catalog
from lms_server.catalog.audit import Event
from lms_server.catalog.schemas import LessonDetail, Person
from lms_server.errors import (
    Forbidden,
    NotFound,
    ServerError,
    Unauthenticated,
)

from . import assets, sorry, stage, timeline, words
from .account import Account
from .audit import AuditPages
from .cards import CardPages
from .changes import Changes, choices
from .courses import CoursePages, chosen_term
from .doors import Door, OtherDoor
from .language import COOKIE, COOKIE_SECONDS, Tongues
from .other_login import OtherLogin
from .people import PeoplePages
from .rooms import RoomPages
from .slides import SlidesOf
from .trash import TrashPages
from .views import chosen, levels, views

POLICY = "; ".join(
    (
        "default-src 'none'",
        "style-src 'self'",
        "script-src 'self'",
        "img-src 'self'",
        "media-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Vary": "Accept-Language, Cookie",
}
PAGE = 50
"""Lessons on one page of the table."""


def portal_router(
    catalog: Catalog,
    gate: Gate,
    captions: Captions,
    *,
    other: OtherLogin | None = None,
    address: Callable[[Request], str] = lambda request: str(request.base_url).rstrip("/"),
    fingerprint: str = "",
    slides: SlidesOf = lambda lesson: (),
    zone: tzinfo | None = None,
    clock: Callable[[], float] = time.time,
) -> APIRouter:
    """other: the institution's own login, where there is one. address: the server's own, as this request's sender knows
    it. fingerprint: of the key that signs its receipts. slides: when each slide of a lesson appeared. zone: whose wall
    clock the pages show; None is the server's own. clock: Unix seconds."""
    tongues = Tongues(zone)
    portal = _Portal(catalog, gate, tongues, slides=slides, clock=clock, other=other)
    router = APIRouter(route_class=portal.route_class(), include_in_schema=False)
    look = ["GET", "HEAD"]
    router.add_api_route("/", portal.home, methods=look)
    router.add_api_route("/static/portal/{name}", portal.static, methods=look)
    Door(gate, tongues, portal.page).routes(router)
    if other is not None:
        OtherDoor(other, gate, tongues, portal.page, address).routes(router)
    router.add_api_route("/lessons", portal.lessons, methods=look)
    router.add_api_route("/lessons/{lesson_id}", portal.lesson, methods=look)
    router.add_api_route("/lessons/{lesson_id}/send-now", portal.send_now, methods=["POST"])
    RoomPages(catalog, gate, tongues, portal.page, clock=clock, address=address, fingerprint=fingerprint).routes(router)
    Changes(catalog, gate, captions, tongues).routes(router)
    CoursePages(catalog, gate, tongues, portal.page, address).routes(router)
    PeoplePages(catalog, gate, portal.page).routes(router)
    CardPages(catalog, gate, portal.page).routes(router)
    Account(catalog, gate, tongues, portal.page, clock).routes(router)
    TrashPages(catalog, gate, portal.page).routes(router)
    AuditPages(catalog, gate, tongues, portal.page).routes(router)
    return router


@dataclass(frozen=True, slots=True)
class _Filter:
    """What the table is narrowed to, as it stands in the address."""

    q: str
    room: str
    since: str
    course: str = ""
    term: str = ""
    teacher: str = ""
    until: str = ""

    @property
    def narrows(self) -> bool:
        return any(asdict(self).values())

    @property
    def fields(self) -> bool:
        """Whether by more than words."""
        return any(text for name, text in asdict(self).items() if name != "q")

    def address(self, **more: str) -> str:
        facts = {**asdict(self), **more}
        query = urlencode({key: value for key, value in facts.items() if value})
        return f"/lessons?{query}" if query else "/lessons"


class _Portal:
    def __init__(
        self,
        catalog: Catalog,
        gate: Gate,
        tongues: Tongues,
        *,
        slides: SlidesOf,
        clock: Callable[[], float],
        other: OtherLogin | None,
    ) -> None:
        self._other = other.name if other is not None else ""
        self._catalog, self._gate, self._tongues, self._clock = catalog, gate, tongues, clock
        self._slides = slides
        self._static = assets.load()

    # -- pages -------------------------------------------------------------------------------------------

    def home(self) -> Response:
        return RedirectResponse("/lessons", 302)

    def static(self, request: Request, name: str) -> Response:
        file = self._static.get(name)
        if file is None:
            raise NotFound("no-such-page", "There is no such file.")
        current = request.query_params.get("v") == file.version
        headers = {
            "Cache-Control": "public, max-age=31536000, immutable" if current else "no-cache",
            "ETag": f'"{file.version}"',
            "X-Content-Type-Options": "nosniff",
        }
        if request.headers.get("if-none-match") == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        return Response(file.body, headers=headers, media_type=file.content_type)

    def lessons(
        self,
        request: Request,
        *,
        q: str = "",
        room: str = "",
        since: str = "",
        course: str = "",
        term: str = "",
        teacher: str = "",
        until: str = "",
        page: str = "",
    ) -> Response:
        """since, until: days on the reader's wall clock, both with all of their hours."""
        person = self._gate.require(request)
        tongue = self._tongues.of(request)
        asked = _Filter(q.strip()[:200], room, since, course[:100], term[:200], teacher.strip()[:200], until)
        terms = self._catalog.courses.terms(person)
        found = self._catalog.lessons.search(
            person,
            q=asked.q,
            room=asked.room,
            course=asked.course,
            term=asked.term,
            teacher=asked.teacher,
            since=words.wall_clock(tongue, since) if since else None,
            until=words.day_after(tongue, until) if until else None,
            page=page or None,
            limit=PAGE,
        )
        return self.page(
            request,
            "lessons.html",
            person=person,
            asked=asked,
            found=found,
            first=not page,
            rooms=self._catalog.rooms.names(person) if person.sees_everything else [],
            terms=terms,
            courses=self._catalog.courses.names(person, chosen_term(terms, term)) if terms else [],
            state=words.state,
            hidden=words.hidden,
            gaps=words.gaps,
        )

    def lesson(self, request: Request, lesson_id: str, source: str = "", t: str = "") -> Response:
        person = self._gate.require(request)
        tongue = self._tongues.of(request)
        lesson = self._catalog.lessons.get(person, lesson_id)
        self._catalog.visits.once(Event("lesson-opened", lesson_id, None, person))
        found = views(lesson)
        view = chosen(found, source, sparing=request.headers.get("save-data", "").strip().lower() == "on")
        at = _seconds(t, lesson)
        slides = self._slides(lesson)
        captions = [file for file in lesson.files if file.kind == "captions"]
        edits = self._may_edit(person, lesson_id)
        arriving = lesson.state == "receiving"
        kept = arriving and self._catalog.desks.kept(lesson.room_id, lesson.id)
        return self.page(
            request,
            "lesson.html",
            person=person,
            lesson=lesson,
            found=found,
            levels=levels(found),
            chosen=view,
            downloads=[each.files[0] for each in found if len(each.files) == 1],
            captions=captions,
            edits=edits,
            keeping=self._catalog.retention.state(person, lesson_id) if edits else None,
            courses=self._catalog.courses.for_lesson(person, lesson.institution, lesson.course_id) if edits else [],
            caption_languages=choices(tongue, [file.source for file in captions]) if edits else [],
            publish_at=tongue.local(max(lesson.publish_at, self._clock() + 3600)).strftime("%Y-%m-%dT%H:00"),
            facts=stage.facts(
                lesson, found, slides, reader=person.id, at=at, asked=source if view and view.key == source else ""
            ),
            told=stage.told(tongue, lesson, found),
            moments=timeline.moments(lesson, slides),
            chapter=words.chapter,
            originals=[file for file in lesson.files if file.kind in ("take", "manifest", "file")],
            poster=next((file for file in lesson.files if file.kind == "poster"), None),
            follows=words.what_follows(tongue, lesson),
            at=at,
            line=timeline.draw(lesson),
            choice=lambda file: words.choice(tongue, file, lesson.sources),
            label=lambda source_id: words.source(tongue, source_id, lesson.sources),
            why_gap=words.why_gap,
            exact=words.exact,
            state=words.state,
            waiting=words.why_waiting(tongue, lesson.state),
            whole=words.sum_of_gaps(tongue, lesson),
            quality=words.quality(tongue, lesson),
            seen_by=words.seen_by(tongue, lesson),
            wish=words.wish(tongue, self._catalog.desks.asked(lesson.id)) if arriving else "",
            may_ask=arriving and not kept and person.role in ("admin", "it"),
            kept=kept,
        )

    def _may_edit(self, person: Person, lesson_id: str) -> bool:
        try:
            self._catalog.editing.may_edit(person, lesson_id)
        except Forbidden:
            return False
        return True

    def send_now(self, request: Request, lesson_id: str) -> Response:
        self._catalog.desks.send_now(self._gate.require(request), lesson_id)
        return RedirectResponse(f"/lessons/{lesson_id}", 303)

    # -- around every page -------------------------------------------------------------------------------

    def route_class(self) -> type[APIRoute]:
        portal = self

        class Page(APIRoute):
            def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
                handler = super().get_route_handler()

                async def answer(request: Request) -> Response:
                    try:
                        return await handler(request)
                    except Unauthenticated:
                        return portal.to_login(request)
                    except ServerError as error:
                        return portal.sorry(request, error)
                    except OperationalError:
                        return portal.busy(request)

                return answer

        return Page

    def to_login(self, request: Request) -> Response:
        """Sign in, and come back."""
        here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        query = {"next": here} if request.method in ("GET", "HEAD") and here != "/lessons" else {}
        return RedirectResponse(f"/login?{urlencode(query)}" if query else "/login", 303)

    def sorry(self, request: Request, error: ServerError) -> Response:
        tongue = self._tongues.of(request)
        title, sentence = sorry.words(tongue, error)
        person = self._gate.person(request)
        return self.page(request, "sorry.html", STATUS[type(error)], person=person, title=title, sentence=sentence)

    def busy(self, request: Request) -> Response:
        """The database is locked or its disk is full: nobody can be asked who is signed in."""
        tongue = self._tongues.of(request)
        return self.page(
            request,
            "sorry.html",
            503,
            title=tongue.gettext("One moment"),
            sentence=tongue.gettext("The server is busy. Try again in a minute."),
        )

    def page(
        self, request: Request, template: str, status: int = 200, *, person: Person | None = None, **facts: Any
    ) -> Response:
        tongue = self._tongues.of(request)
        body = self._tongues.render(
            tongue,
            template,
            person=person,
            path=request.url.path,
            other=self._other,
            static=lambda name: f"/static/portal/{name}?v={self._static[name].version}",
            in_language=lambda code: _in_language(request, code),
            **facts,
        )
        response = HTMLResponse(body, status, headers={**HEADERS, "Content-Language": tongue.code})
        if request.query_params.get("lang") == tongue.code:
            response.set_cookie(COOKIE, tongue.code, max_age=COOKIE_SECONDS, samesite="lax", httponly=True)
        return response


def _in_language(request: Request, code: str) -> str:
    """This very page in another language. A form's answer has no address of its own: its page has."""
    url = request.url.include_query_params(lang=code)
    return f"{url.path}?{url.query}"


def _seconds(text: str, lesson: LessonDetail) -> float:
    """A place in the lesson from ?t=; anything else is its beginning."""
    try:
        at = float(text)
    except ValueError:
        return 0.0
    return at if 0.0 < at < lesson.seconds else 0.0
