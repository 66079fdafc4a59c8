"""What is said of rooms: which needs somebody, why, and what to do next, in one sentence each. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from lms_server.catalog.fleet import FRESH, WORST_FIRST, fresh, silent_for
from lms_server.catalog.schemas import AlarmView, CommandView, Health, JobView, RoomView, SourceHealth, Trouble
from lms_sync.wire_control import Verb

from . import words
from .language import Tongue, isolated

_RANK = {code: rank for rank, code in enumerate(WORST_FIRST)}
_NEED = {"visit": 3, "look": 2}


@dataclass(frozen=True, slots=True)
class RoomSentence:
    """need: 3 a visit, 2 a look from the desk, 1 it is busy, 0 nothing. The rooms' page sorts by it and never shows the
    number. more: what else is wrong. alarm: of what the sentence says, if it has lasted."""

    room: RoomView
    need: int
    sentence: str
    more: tuple[str, ...] = ()
    alarm: AlarmView | None = None


def rooms_by_need(tongue: Tongue, rooms: Sequence[RoomView], now: float) -> list[RoomSentence]:
    """Who needs help first: a visit before a look, what is being lost before what can wait, among equals the one silent
    for longest, then by name."""

    def order(room: RoomView) -> tuple[int, int, float, str]:
        found = wrong_with(room)
        if not found:
            return (-judge(tongue, room, now).need, 0, 0.0, room.name)
        need = max(_NEED[each.need] for each in found)
        worst = min(_RANK[each.code] for each in found if _NEED[each.need] == need)
        return (-need, worst, room.last_seen or 0.0, room.name)

    return [judge(tongue, room, now) for room in sorted(rooms, key=order)]


def judge(tongue: Tongue, room: RoomView, now: float) -> RoomSentence:
    found = sorted(wrong_with(room), key=lambda each: (-_NEED[each.need], _RANK[each.code]))
    if not found:
        need, sentence = _calm(tongue, room, now)
        return RoomSentence(room, need, sentence)
    alarm = next((each for each in room.alarms if each.trouble.code == found[0].code), None)
    more = tuple(trouble(tongue, each) for each in found[1:])
    return RoomSentence(room, _NEED[found[0].need], trouble(tongue, found[0]), more, alarm)


def wrong_with(room: RoomView) -> list[Trouble]:
    """What is wrong now, and what was and is not over yet."""
    now = {found.code for found in room.troubles}
    return [*room.troubles, *(alarm.trouble for alarm in room.alarms if alarm.trouble.code not in now)]


def summed_up(tongue: Tongue, judged: Sequence[RoomSentence]) -> str:
    """Of how many rooms how many need what, in one line."""
    visits, looks = (sum(each.need == need for each in judged) for need in (3, 2))
    facts = {"number": len(judged), "all": tongue.number(len(judged))}
    if not visits and not looks:
        sentence = tongue.ngettext("The %(all)s room is well.", "All %(all)s rooms are well.", len(judged))
        return sentence % facts
    of = tongue.ngettext("Of %(all)s room", "Of %(all)s rooms", len(judged)) % facts
    said = []
    if visits:
        said.append(tongue.ngettext("%(number)d needs a visit", "%(number)d need a visit", visits) % {"number": visits})
    if looks:
        sentence = tongue.ngettext("%(number)d a look from your desk", "%(number)d a look from your desk", looks)
        said.append(sentence % {"number": looks})
    return tongue.gettext("%(rooms)s, %(needs)s.") % {"rooms": of, "needs": tongue.plain_list(said)}


def trouble(tongue: Tongue, found: Trouble) -> str:
    """What is wrong, and what to do."""
    facts = {"names": tongue.names(found.names), "size": tongue.size(found.bytes or 0)}
    span = tongue.span(abs(found.seconds or 0.0))
    code = found.code
    if code in ("room-silent", "room-quiet"):
        return _silent(tongue, found)
    if code == "disk-filling":
        sentence = tongue.gettext(
            "The disk has room for only %(span)s of lessons. Take some off by stick, or give the room more of the link."
        )
        return sentence % {"span": tongue.duration(found.seconds or 0.0)}
    if code == "clock-wrong":
        ahead = tongue.gettext("Its clock is %(span)s ahead. Set it; if that happens again, change its battery.")
        behind = tongue.gettext("Its clock is %(span)s behind. Set it; if that happens again, change its battery.")
        return (ahead if (found.seconds or 0.0) > 0 else behind) % {"span": span}
    if code == "lessons-failed":
        sentence = tongue.ngettext(
            "%(number)d lesson could not be put together; its recordings are kept. Open it to fetch them.",
            "%(number)d lessons could not be put together; their recordings are kept. Open them to fetch these.",
            found.number or 0,
        )
        return sentence % {"number": found.number or 0}
    if code == "lesson-poor":
        said = words.findings(tongue).get(found.finding, found.finding)
        sentence = tongue.gettext("In the lesson that is on, %(names)s: %(finding)s. Ask the teacher to look at it.")
        return sentence % {**facts, "finding": said}
    return _plain(tongue, found) % facts


def _plain(tongue: Tongue, found: Trouble) -> str:
    nameless = not found.names
    return {
        "never-called": tongue.gettext(
            "Enrolled, but it has never called. See that it is switched on and that this server can be reached from it."
        ),
        "recorder-down": tongue.gettext("Connected, but its recorder does not run. Restart the room’s computer."),
        "cannot-record": tongue.gettext("It cannot record. On its computer, appliance doctor says why."),
        "lesson-silent": tongue.gettext("The lesson that is on has no sound. Switch its microphone on.")
        if nameless
        else tongue.gettext("The lesson that is on has no sound from %(names)s. Switch it on."),
        "lesson-without": tongue.gettext("Recording without %(names)s. Look at plug and power at once."),
        "source-down": tongue.gettext("The last test before class failed. Look at its devices before the next lesson.")
        if nameless
        else tongue.gettext("Not ready: %(names)s. Look at plug and power before the next lesson."),
        "cannot-send": tongue.gettext(
            "Connected, but it cannot send: %(size)s are waiting. On its computer, lms-sync status says why."
        ),
        "version-behind": tongue.gettext(
            "For two days it should have had version %(names)s and has not. On its computer, provision update status "
            "says why."
        ),
        "backlog-growing": tongue.gettext(
            "More is recorded than sent, day after day: %(size)s are waiting. Give the room more of the link, or fetch "
            "lessons by stick."
        ),
    }[found.code]


def _silent(tongue: Tongue, found: Trouble) -> str:
    facts = {"span": tongue.span(found.seconds or 0.0), "size": tongue.size(found.bytes or 0), "number": found.number}
    what = tongue.gettext("Silent for %(span)s.")
    if found.bytes:
        what = tongue.gettext("Silent for %(span)s with %(size)s still to send.")
    elif found.number:
        what = tongue.ngettext(
            "Silent for %(span)s with %(number)d lesson on its way.",
            "Silent for %(span)s with %(number)d lessons on their way.",
            found.number,
        )
    do = (
        tongue.gettext("Go and see whether it has power and network.")
        if found.code == "room-silent"
        else tongue.gettext("Ask there whether it was switched off.")
    )
    return f"{what % facts} {do}"


def _calm(tongue: Tongue, room: RoomView, now: float) -> tuple[int, str]:
    """How much a room that is well has to do, and what."""
    if room.revoked:
        return 0, tongue.gettext("Shut out: this room can send nothing more.")
    said = fresh(room, now)
    busy = _busy(tongue, said) if said is not None else ""
    if busy:
        return 1, busy
    if room.receiving:
        sentence = tongue.ngettext(
            "%(number)d lesson is on its way.", "%(number)d lessons are on their way.", room.receiving
        )
        return 1, sentence % {"number": room.receiving}
    if silent_for(room, now) > FRESH:
        return 0, tongue.gettext("Switched off. Every lesson has arrived.")
    if not room.lessons:
        return 0, tongue.gettext("Connected; it has not sent a lesson yet.")
    return 0, tongue.gettext("All well: every lesson has arrived.")


def _busy(tongue: Tongue, health: Health) -> str:
    """What a room that is well is doing; empty when it does nothing."""
    if health.state in ("recording", "paused"):
        if not health.title:
            return tongue.gettext("A lesson is on.")
        return tongue.gettext("A lesson is on: %(title)s.") % {"title": isolated(health.title)}
    if not health.waiting:
        return ""
    facts = {"size": tongue.size(health.waiting)}
    if health.forecast is None:
        return tongue.gettext("Sending: %(size)s to go.") % facts
    return tongue.gettext("Sending: %(size)s to go, some %(span)s.") % {**facts, "span": tongue.span(health.forecast)}


def next_lesson(tongue: Tongue, room: RoomView, now: float) -> str:
    """What the room's timetable brings next, as the room said last; empty without a timetable."""
    health = room.health
    if health is not None and health.next_begin is not None and health.next_begin > now:
        facts = {"day": tongue.day(health.next_begin), "time": tongue.hour(health.next_begin)}
        if not health.next_title:
            return tongue.gettext("Next lesson: %(day)s, %(time)s.") % facts
        return tongue.gettext("Next lesson: %(title)s, %(day)s, %(time)s.") % {
            **facts,
            "title": isolated(health.next_title),
        }
    return tongue.gettext("It has a timetable.") if room.has_timetable else ""


def versions(rooms: Sequence[RoomView]) -> list[tuple[str, int]]:
    """Which programs run in how many rooms, the most common first."""
    counted = Counter(room.health.version for room in rooms if room.health is not None and not room.revoked)
    return sorted(counted.items(), key=lambda each: (-each[1], each[0]))


def room_state(tongue: Tongue, health: Health) -> str:
    """What its recorder does."""
    return {
        "ready": tongue.gettext("Ready"),
        "starting": tongue.gettext("Starting"),
        "recording": tongue.gettext("Recording"),
        "paused": tongue.gettext("Paused"),
        "stopping": tongue.gettext("Stopping"),
        "cannot-record": tongue.gettext("It cannot record"),
        "silent": tongue.gettext("Its recorder does not run"),
    }.get(health.state, health.state)


def source_state(tongue: Tongue, source: SourceHealth) -> str:
    if source.problem:
        return tongue.gettext("Not ready (%(code)s)") % {"code": isolated(source.problem)}
    return {
        "idle": tongue.gettext("Ready"),
        "starting": tongue.gettext("Starting"),
        "recording": tongue.gettext("Recording"),
        "stalled": tongue.gettext("It gives nothing"),
        "lost": tongue.gettext("Lost"),
    }.get(source.state, source.state)


def clock_error(tongue: Tongue, seconds: float) -> str:
    if abs(seconds) < 2:
        return tongue.gettext("right")
    ahead, behind = tongue.gettext("%(span)s ahead"), tongue.gettext("%(span)s behind")
    return (ahead if seconds > 0 else behind) % {"span": tongue.span(abs(seconds))}


def order(tongue: Tongue, command: CommandView) -> str:
    """What was ordered, and what became of it."""
    verbs: dict[str, str] = {
        "start": tongue.gettext("Start a lesson"),
        "stop": tongue.gettext("Stop the lesson"),
        "send-now": tongue.gettext("Send a lesson first"),
        "keep": tongue.gettext("Keep a lesson there"),
        "release": tongue.gettext("Keep a lesson there no more"),
    }
    became = {
        "queued": tongue.gettext("the room has not heard it yet"),
        "delivered": tongue.gettext("the room has heard it"),
        "done": tongue.gettext("done"),
        "refused": tongue.gettext("not done: %(why)s") % {"why": isolated(command.detail or command.outcome)},
        "expired": tongue.gettext("void: the room did not hear it in time"),
    }
    return f"{verbs[command.verb]}: {became[command.state]}"


def goal(tongue: Tongue, job: JobView) -> str:
    """What is made of a lesson."""
    return {
        "files": tongue.gettext("Putting the files together"),
        "film": tongue.gettext("One film of slides and camera"),
        "captions": tongue.gettext("Captions"),
        "slidecast": tongue.gettext("Sound and slides"),
        "proxy": tongue.gettext("Small film"),
        "thumbnail": tongue.gettext("Picture for lists"),
    }[job.goal]


def progress(tongue: Tongue, job: JobView) -> str:
    """How far that is."""
    if job.state == "put-off" and job.retry_at is not None:
        return tongue.gettext("failed; again at %(time)s") % {"time": tongue.hour(job.retry_at)}
    if job.progress:
        return tongue.gettext("being made now, %(part)s are done") % {"part": tongue.percent(job.progress)}
    return {
        "working": tongue.gettext("being made now"),
        "waiting": tongue.gettext("waits for its turn"),
        "put-off": tongue.gettext("waits for its turn"),
        "given-up": tongue.gettext("given up; everything that arrived is kept"),
    }[job.state]


def can(room: RoomView, now: float) -> Verb | None:
    """What makes sense to order of its recorder, by what it said last; None when nobody can say."""
    said = fresh(room, now)
    if said is None or said.state == "silent":
        return None
    return "stop" if said.state in ("recording", "paused", "starting") else "start"
