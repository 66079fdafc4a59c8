"""Pages of rooms for who looks after them: which needs somebody and why, one room with its orders, and the alarms."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any
from urllib.parse import urlsplit

import segno
from fastapi import APIRouter, File, Form, Request, Response, UploadFile
from fastapi.responses import RedirectResponse
from markupsafe import Markup
from starlette.concurrency import run_in_threadpool

from lms_server.api.gate import Gate
from lms_server.catalog import Catalog
from lms_server.catalog.rooms import CODE_SECONDS
from lms_server.catalog.schemas import Person
from lms_server.errors import BadRequest
from lms_sync.wire.slip import NAME, Slip
from lms_sync.wire_control import LARGEST_TIMETABLE
from lms_sync.wire_policy import DAYS, METERED, MOST_HOURS, Policy

from . import room_words
from .language import Tongues

ALARMS = 100
"""On the page of alarms."""
ORDERS = 8
"""On the page of a room."""
_FIGURES = ("max_kbit", "daily_mb", "monthly_mb")
_FLAGS = ("while_recording", "yield")


class RoomPages:
    def __init__(
        self,
        catalog: Catalog,
        gate: Gate,
        tongues: Tongues,
        page: Callable[..., Response],
        *,
        clock: Callable[[], float],
        address: Callable[[Request], str],
        fingerprint: str,
    ) -> None:
        """page: makes a page of a template, as the portal does. clock: Unix seconds. address: the server's own.
        fingerprint: of the key that signs its receipts."""
        self._catalog, self._gate, self._tongues = catalog, gate, tongues
        self._page, self._clock = page, clock
        self._address, self._fingerprint = address, fingerprint

    def routes(self, router: APIRouter) -> None:
        look = ["GET", "HEAD"]
        router.add_api_route("/rooms", self.rooms, methods=look)
        router.add_api_route("/rooms/{room_id}", self.room, methods=look)
        router.add_api_route("/alarms", self.alarms, methods=look)
        router.add_api_route("/jobs", self.jobs, methods=look)
        router.add_api_route("/alarms/{alarm_id}/acknowledge", self.acknowledge, methods=["POST"])
        router.add_api_route("/rooms/{room_id}/orders", self.order, methods=["POST"])
        router.add_api_route("/rooms/{room_id}/code", self.code, methods=["POST"])
        router.add_api_route("/rooms/{room_id}/revoke", self.revoke, methods=["POST"])
        router.add_api_route("/rooms/{room_id}/policy", self.set_policy, methods=["POST"])
        router.add_api_route("/rooms/{room_id}/timetable", self.give_timetable, methods=["POST"])
        router.add_api_route("/rooms/{room_id}/timetable/remove", self.remove_timetable, methods=["POST"])

    # -- looking ---------------------------------------------------------------------------------------------

    def rooms(self, request: Request, q: str = "") -> Response:
        """q: a part of the room's or the institution's name."""
        person = self._gate.require(request)
        tongue, now = self._tongues.of(request), self._clock()
        every = self._catalog.rooms.all(person)
        judged = room_words.rooms_by_need(tongue, every, now)
        asked = q.strip()[:200]
        shown = [it for it in judged if asked.casefold() in f"{it.room.name} {it.room.institution}".casefold()]
        return self._page(
            request,
            "rooms.html",
            person=person,
            asked=asked,
            summed_up=room_words.summed_up(tongue, [it for it in judged if not it.room.revoked]) if judged else "",
            groups=[
                ("visit", tongue.gettext("Go there"), [it for it in shown if it.need == 3]),
                ("look", tongue.gettext("Can be seen to from your desk"), [it for it in shown if it.need == 2]),
            ],
            well=[it for it in shown if it.need < 2],
            versions=room_words.versions(every),
            now=now,
            may_order=_may_order(person),
        )

    def room(self, request: Request, room_id: str) -> Response:
        person = self._gate.require(request)
        tongue, now = self._tongues.of(request), self._clock()
        room = self._catalog.rooms.get(person, room_id)
        may_order = _may_order(person) and not room.revoked
        return self._page(
            request,
            "room.html",
            person=person,
            room=room,
            judged=room_words.judge(tongue, room, now),
            now=now,
            words=room_words,
            follows=room_words.next_lesson(tongue, room, now),
            may_order=may_order,
            may_enrol=_may_order(person),
            can=room_words.can(room, now),
            orders=self._catalog.desks.commands(person, room_id, ORDERS) if may_order else [],
            policy=self._catalog.desks.policy(person, room_id).as_json() if may_order else {},
            days=[(day, tongue.weekday(number)) for number, day in enumerate(DAYS)],
            metered=METERED,
        )

    def alarms(self, request: Request) -> Response:
        person = self._gate.require(request)
        tongue = self._tongues.of(request)
        return self._page(
            request,
            "alarms.html",
            person=person,
            entries=self._catalog.alarms.of(person, limit=ALARMS),
            sentence=lambda alarm: room_words.trouble(tongue, alarm.trouble),
            may_order=_may_order(person),
        )

    def jobs(self, request: Request) -> Response:
        person = self._gate.require(request)
        tongue = self._tongues.of(request)
        return self._page(
            request,
            "jobs.html",
            person=person,
            entries=self._catalog.progress.of(person),
            goal=lambda job: room_words.goal(tongue, job),
            how=lambda job: room_words.progress(tongue, job),
        )

    # -- ordering --------------------------------------------------------------------------------------------

    def acknowledge(self, request: Request, alarm_id: str) -> Response:
        self._catalog.alarms.acknowledge(self._gate.require(request), alarm_id)
        came = urlsplit(request.headers.get("referer", "")).path
        return RedirectResponse(came if came.startswith(("/rooms", "/alarms")) else "/rooms", 303)

    def order(
        self,
        request: Request,
        room_id: str,
        verb: Annotated[str, Form()],
        title: Annotated[str, Form(max_length=200)] = "",
    ) -> Response:
        person = self._gate.require(request)
        if verb == "start":
            self._catalog.desks.order(person, room_id, "start", title=title)
        elif verb == "stop":
            self._catalog.desks.order(person, room_id, "stop")
        else:
            raise BadRequest("bad-command", "A room is told to start or to stop a lesson.")
        return _back(room_id)

    def code(self, request: Request, room_id: str) -> Response:
        """A code for another PC in this room, shown once: nobody can ask for it again."""
        person = self._gate.require(request)
        code = self._catalog.rooms.code_for(person, room_id)
        room = self._catalog.rooms.get(person, room_id)
        until = self._clock() + CODE_SECONDS
        slip = Slip(self._address(request), code, room.name, room.institution, self._fingerprint, until)
        return self._page(
            request,
            "room_code.html",
            person=person,
            room=room,
            slip=slip,
            file_name=NAME,
            picture=Markup(segno.make(slip.text(), error="m").svg_inline(border=4, omitsize=True)),  # noqa: S704  of figures
        )

    def revoke(self, request: Request, room_id: str) -> Response:
        self._catalog.rooms.revoke(self._gate.require(request), room_id)
        return _back(room_id)

    async def set_policy(self, request: Request, room_id: str) -> Response:
        person = await run_in_threadpool(self._gate.require, request)
        async with request.form(max_fields=2000, max_files=0) as form:
            said: dict[str, list[str]] = {}
            for name, value in form.multi_items():
                said.setdefault(name, []).append(str(value))
        known = await run_in_threadpool(self._catalog.desks.policy, person, room_id)
        await run_in_threadpool(self._catalog.desks.set_policy, person, room_id, policy_of(said, known.as_json()))
        return _back(room_id)

    def give_timetable(self, request: Request, room_id: str, calendar: Annotated[UploadFile, File()]) -> Response:
        person = self._gate.require(request)
        try:
            text = calendar.file.read(LARGEST_TIMETABLE + 1).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise BadRequest("bad-timetable", "The timetable is not text in UTF-8.") from error
        if not text.strip():
            raise BadRequest("bad-timetable", "The file is empty; choose another.")
        self._catalog.desks.set_timetable(person, room_id, text)
        return _back(room_id)

    def remove_timetable(self, request: Request, room_id: str) -> Response:
        self._catalog.desks.set_timetable(self._gate.require(request), room_id, "")
        return _back(room_id)


def policy_of(said: Mapping[str, list[str]], known: Mapping[str, Any]) -> Policy:
    """The policy that a form says; what it leaves empty is the room's own again, and what the form does not have stays
    as it is known. Raises BadRequest."""
    wanted = {name: value for name, value in known.items() if name not in (*_FIGURES, *_FLAGS, "hours", "metered")}
    wanted["long_poll"] = "long_poll" in said
    for name in _FIGURES:
        if text := _one(said, name):
            wanted[name] = _whole(text)
    for name in _FLAGS:
        if text := _one(said, name):
            wanted[name] = text == "yes"
    if text := _one(said, "metered"):
        wanted["metered"] = text
    hours = []
    for row in range(MOST_HOURS):
        begin, end, rate = (_one(said, f"{name}-{row}") for name in ("from", "to", "rate"))
        if begin and end and rate:
            days = said.get(f"days-{row}") or list(DAYS)
            hours.append(
                {"days": days, "from": begin, "to": "24:00" if end == "00:00" else end, "max_kbit": _whole(rate)}
            )
    if hours:
        wanted["hours"] = hours
    try:
        return Policy.from_json(wanted)
    except ValueError as error:
        raise BadRequest("bad-policy", str(error)) from error


def _one(said: Mapping[str, list[str]], name: str) -> str:
    return said.get(name, [""])[0].strip()


def _whole(text: str) -> int:
    """Also in Arabic digits."""
    if not text.isdecimal() or len(text) > 12:
        raise BadRequest("bad-policy", "Rates and budgets are whole numbers.")
    return int(text)


def _may_order(person: Person) -> bool:
    return person.role in ("admin", "it")


def _back(room_id: str) -> Response:
    return RedirectResponse(f"/rooms/{room_id}", 303)
