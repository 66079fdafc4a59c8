"""The portal's sentences about lessons and rooms: codes and figures in, one plain sentence of the reader's language
out. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from lms_server.catalog.schemas import (
    CommandView,
    File,
    Health,
    LessonDetail,
    LessonState,
    LessonSummary,
    RoomView,
    Source,
)
from lms_server.errors import BadRequest

from .language import Tongue, isolated
from .timeline import Moment

SILENT = 26 * 3600.0
"""Seconds without a word after which a room's silence is worth a sentence: longer than from one evening to the next."""
SILENT_MIDWAY = 900.0
"""The same while a lesson of it is on its way."""

FEW_HOURS = 3.0
"""Of recording that fit on a room's disk: a morning's lessons."""


@dataclass(frozen=True, slots=True)
class RoomSentence:
    """need: 3 act, 2 look, 1 wait, 0 nothing. The rooms' page sorts by it and never shows the number."""

    room: RoomView
    need: int
    sentence: str


def state(tongue: Tongue, code: LessonState) -> str:
    return {
        "ready": tongue.gettext("Ready"),
        "receiving": tongue.gettext("Arriving"),
        "assembling": tongue.gettext("Being put together"),
        "failed": tongue.gettext("Needs attention"),
    }[code]


def why_waiting(tongue: Tongue, code: LessonState) -> str:
    """What a lesson that cannot be played yet is waiting for."""
    return {
        "ready": "",
        "receiving": tongue.gettext("This lesson is still on its way from the room. Look again in a while."),
        "assembling": tongue.gettext("Everything has arrived. The server is putting the files together."),
        "failed": tongue.gettext(
            "Everything that arrived is kept, but the server could not make a playable file of it. "
            "The recordings as the room made them can be downloaded."
        ),
    }[code]


def what_follows(tongue: Tongue, lesson: LessonDetail) -> str:
    """Beside a player that has only what the room made small: what of the lesson is here, and what is not."""
    if not any(file.kind == "slidecast" for file in lesson.files):
        return ""
    return {
        "ready": "",
        "receiving": tongue.gettext("Sound and slides are here. The full recording is still on its way from the room."),
        "assembling": tongue.gettext(
            "Sound and slides are here. The full recording has arrived, and the server is putting it together."
        ),
        "failed": tongue.gettext(
            "Sound and slides are here. The server could not make a playable file of the full recording."
        ),
    }[lesson.state]


def why_gap(tongue: Tongue, why: str) -> str:
    return {
        "late": tongue.gettext("it joined late"),
        "lost": tongue.gettext("the device went away"),
        "changed": tongue.gettext("the camera changed its picture"),
        "eased": tongue.gettext("the room lowered the quality"),
        "cut": tongue.gettext("the room’s computer stopped"),
        "full": tongue.gettext("the disk was full"),
        "paused": tongue.gettext("it came back late after a pause"),
        "stopped": tongue.gettext("it ended before the others"),
    }.get(why, why)


def gaps(tongue: Tongue, count: int) -> str:
    return tongue.ngettext("%(number)d gap", "%(number)d gaps", count) % {"number": count}


def source(tongue: Tongue, source_id: str, sources: Sequence[Source]) -> str:
    """A source's label as the room gave it, else what it is."""
    for known in sources:
        if known.id == source_id and known.label.strip():
            return known.label
    if not source_id:
        return tongue.gettext("Whole lesson")
    return source_id


def sum_of_gaps(tongue: Tongue, lesson: LessonDetail) -> str:
    """One sentence on how whole a lesson is."""
    if not lesson.gaps:
        return tongue.gettext("Nothing is missing.")
    seconds = sum(gap.seconds for gap in lesson.gaps)
    if not seconds:
        return f"{gaps(tongue, len(lesson.gaps))} {exact(tongue, 0)}"
    return tongue.ngettext(
        "%(number)d gap, %(length)s in all.", "%(number)d gaps, %(length)s in all.", len(lesson.gaps)
    ) % {"number": len(lesson.gaps), "length": exact(tongue, seconds)}


def quality(tongue: Tongue, lesson: LessonDetail) -> str:
    """What the room found wrong with picture and sound, in one line; empty when it found nothing."""
    words = {
        "microphone-muted": tongue.gettext("no sound for a while"),
        "microphone-silent": tongue.gettext("silent for a while"),
        "sound-clipped": tongue.gettext("too loud at times"),
        "sound-hum": tongue.gettext("a hum in the sound"),
        "sound-quiet": tongue.gettext("hard to hear at times"),
        "picture-black": tongue.gettext("a black picture for a while"),
        "picture-dark": tongue.gettext("a dark room"),
        "picture-covered": tongue.gettext("covered for a while"),
        "picture-frozen": tongue.gettext("a still picture for a while"),
        "picture-blurred": tongue.gettext("out of focus"),
        "load-quality": tongue.gettext("lower quality, for the room’s computer was busy"),
        "disk-quality": tongue.gettext("lower quality, for the room’s disk was nearly full"),
    }
    found = []
    for each in lesson.sources:
        said = [words[code] for code in each.quality if code in words]
        if said:
            found.append(f"{source(tongue, each.id, lesson.sources)}: {' + '.join(said)}")
    return " · ".join(found)


def wish(tongue: Tongue, asked: CommandView | None) -> str:
    """How far somebody's wish to have a lesson first has come; empty when nobody has one, or it is too old."""
    if asked is None or asked.state == "expired":
        return ""
    facts = {"time": when(tongue, asked.made)}
    return {
        "queued": tongue.gettext("Asked for at %(time)s. The room has not heard it yet."),
        "delivered": tongue.gettext("Asked for at %(time)s. The room has heard it."),
        "done": tongue.gettext("Asked for at %(time)s. The room has heard it, and sends this lesson first."),
        "refused": tongue.gettext("Asked for at %(time)s. The room cannot send it."),
    }[asked.state] % facts


def seen_by(tongue: Tongue, lesson: LessonDetail) -> str:
    """Who may open a lesson."""
    if lesson.publication == "withdrawn":
        return tongue.gettext("Staff only: it was withdrawn")
    if lesson.publication == "private":
        return tongue.gettext("Staff only: it is not published")
    if not lesson.published:
        return tongue.gettext("Staff only, until %(time)s") % {"time": when(tongue, lesson.publish_at)}
    if lesson.open_to_all:
        return (
            tongue.gettext("Who takes part in its course")
            if lesson.course
            else tongue.gettext("Everybody of the institution")
        )
    return tongue.gettext("Administrators, until it is ready")


def hidden(tongue: Tongue, lesson: LessonSummary) -> str:
    """Why students do not see a lesson that is in the list of staff; empty when they do, or will once it is ready."""
    if lesson.publication == "withdrawn":
        return tongue.gettext("Withdrawn")
    if lesson.publication == "private":
        return tongue.gettext("Not published")
    return "" if lesson.published else tongue.gettext("From %(time)s") % {"time": when(tongue, lesson.publish_at)}


def when(tongue: Tongue, unix: float) -> str:
    return f"{tongue.day(unix)} · {tongue.hour(unix)}"


def wall_clock(tongue: Tongue, text: str) -> float:
    """Unix seconds of a day, or of a day and hour as a form sends it, on the wall clock. Raises BadRequest."""
    try:
        start = datetime.fromisoformat(text)
        local = start.replace(tzinfo=tongue.zone) if tongue.zone is not None else start.astimezone()
        return local.timestamp()
    except (ValueError, OverflowError, OSError) as error:
        raise BadRequest("bad-day", "That is not a day; it looks like 2026-11-17.") from error


def exact(tongue: Tongue, seconds: float) -> str:
    """Gaps are short: tenths count under ten seconds. None at all is what nobody could measure."""
    if seconds == 0:
        return tongue.gettext("of unknown length")
    if seconds < 10:
        return tongue.gettext("%(seconds)s s") % {"seconds": tongue.tenths(seconds)}
    return tongue.duration(seconds)


def chapter(tongue: Tongue, moment: Moment) -> str:
    if moment.kind == "slide":
        return tongue.gettext("Slide %(number)d") % {"number": moment.number}
    if moment.kind == "part":
        return moment.label or tongue.gettext("Part %(number)d") % {"number": moment.number}
    return moment.label or tongue.gettext("Marked moment")


def choice(tongue: Tongue, file: File, sources: Sequence[Source]) -> str:
    """What a tab of the player says."""
    if file.kind == "slidecast":
        return tongue.gettext("Sound and slides")
    if file.kind == "proxy":
        return tongue.gettext("Small film")
    if file.kind == "composed":
        return tongue.gettext("Slides and camera together")
    name = source(tongue, file.source, sources)
    if file.kind == "audio":
        microphones = [known for known in sources if known.media == "audio"]
        if len(microphones) <= 1:
            return tongue.gettext("Sound only")
        return tongue.gettext("Sound only: %(microphone)s") % {"microphone": name}
    return name


def rooms_by_need(tongue: Tongue, rooms: Sequence[RoomView], now: float) -> list[RoomSentence]:
    """Who needs help first; among equals the one silent for longest, then by name."""
    judged = [_judge(tongue, room, now) for room in rooms]
    return sorted(judged, key=lambda it: (-it.need, it.room.last_seen or 0.0 if it.need else 0.0, it.room.name))


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


def _judge(tongue: Tongue, room: RoomView, now: float) -> RoomSentence:
    silent = None if room.last_seen is None else max(0.0, now - room.last_seen)
    if room.revoked:
        return RoomSentence(room, 0, tongue.gettext("Shut out: this room can send nothing more."))
    if silent is None:
        return RoomSentence(room, 3, tongue.gettext("Enrolled, but it has never called. Is it switched on?"))
    return _trouble(tongue, room, silent) or _calm(tongue, room, silent)


def _trouble(tongue: Tongue, room: RoomView, silent: float) -> RoomSentence | None:
    facts = {"span": tongue.span(silent)}
    if room.failed:
        sentence = tongue.ngettext(
            "%(number)d lesson could not be put together; its recordings are kept.",
            "%(number)d lessons could not be put together; their recordings are kept.",
            room.failed,
        )
        return RoomSentence(room, 3, sentence % {"number": room.failed})
    if room.receiving and silent > SILENT_MIDWAY:
        sentence = tongue.ngettext(
            "Silent for %(span)s with %(number)d lesson on its way. Is it switched on and connected?",
            "Silent for %(span)s with %(number)d lessons on their way. Is it switched on and connected?",
            room.receiving,
        )
        return RoomSentence(room, 3 if silent > SILENT else 2, sentence % {"number": room.receiving, **facts})
    if silent <= SILENT_MIDWAY and room.health is not None:
        return _ailing(tongue, room, room.health)
    if room.health is not None and room.health.waiting:
        facts["size"] = tongue.size(room.health.waiting)
        sentence = tongue.gettext("Silent for %(span)s with %(size)s still to send. Is it switched on and connected?")
        return RoomSentence(room, 3 if silent > SILENT else 2, sentence % facts)
    if silent > SILENT:
        sentence = tongue.gettext("Not heard from for %(span)s. Is it switched on and connected?")
        return RoomSentence(room, 2, sentence % facts)
    return None


def _ailing(tongue: Tongue, room: RoomView, health: Health) -> RoomSentence | None:
    """What a room that is there says is wrong with it."""
    wrong = [each.label or each.id for each in health.sources if each.problem or each.state in ("lost", "stalled")]
    facts = {"names": tongue.names(wrong)} if wrong else {}
    if health.state == "silent":
        sentence = tongue.gettext("Connected, but its recorder does not run. Restart the room’s computer.")
        return RoomSentence(room, 3, sentence)
    if wrong and health.state == "recording":
        return RoomSentence(room, 3, tongue.gettext("Recording without %(names)s.") % facts)
    if health.disk_hours is not None and health.disk_hours < FEW_HOURS:
        sentence = tongue.gettext("The disk has room for only %(span)s of lessons; free some or help it send.")
        return RoomSentence(room, 3, sentence % {"span": tongue.duration(3600 * health.disk_hours)})
    if wrong:
        return RoomSentence(room, 2, tongue.gettext("Not ready: %(names)s. Look at the device.") % facts)
    if health.problem and health.waiting:
        sentence = tongue.gettext("Connected, but it cannot send: %(size)s are waiting.")
        return RoomSentence(room, 2, sentence % {"size": tongue.size(health.waiting)})
    return None


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


def _calm(tongue: Tongue, room: RoomView, silent: float) -> RoomSentence:
    busy = _busy(tongue, room.health) if room.health is not None and silent <= SILENT_MIDWAY else ""
    if busy:
        return RoomSentence(room, 1, busy)
    if room.receiving:
        sentence = tongue.ngettext(
            "%(number)d lesson is on its way.", "%(number)d lessons are on their way.", room.receiving
        )
        return RoomSentence(room, 1, sentence % {"number": room.receiving})
    if not room.lessons:
        return RoomSentence(room, 0, tongue.gettext("Connected; it has not sent a lesson yet."))
    return RoomSentence(room, 0, tongue.gettext("All well: every lesson has arrived."))
