"""The portal's sentences about lessons and rooms: codes and figures in, one plain sentence of the reader's language
out. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lms_server.catalog.schemas import File, LessonDetail, LessonState, RoomView, Source

from .language import Tongue

SILENT = 26 * 3600.0
"""Seconds without a word after which a room's silence is worth a sentence: longer than from one evening to the next."""
SILENT_MIDWAY = 900.0
"""The same while a lesson of it is on its way."""


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


def seen_by(tongue: Tongue, lesson: LessonDetail) -> str:
    """Who may open a lesson."""
    if lesson.open_to_all:
        return tongue.gettext("Everybody with a login")
    return tongue.gettext("Administrators, until it is ready")


def exact(tongue: Tongue, seconds: float) -> str:
    """Gaps are short: tenths count under ten seconds. None at all is what nobody could measure."""
    if seconds == 0:
        return tongue.gettext("of unknown length")
    if seconds < 10:
        return tongue.gettext("%(seconds)s s") % {"seconds": tongue.tenths(seconds)}
    return tongue.duration(seconds)


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


def _judge(tongue: Tongue, room: RoomView, now: float) -> RoomSentence:
    silent = None if room.last_seen is None else max(0.0, now - room.last_seen)
    if room.revoked:
        return RoomSentence(room, 0, tongue.gettext("Shut out: this room can send nothing more."))
    if silent is None:
        return RoomSentence(room, 3, tongue.gettext("Enrolled, but it has never called. Is it switched on?"))
    return _trouble(tongue, room, silent) or _calm(tongue, room)


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
    if silent > SILENT:
        sentence = tongue.gettext("Not heard from for %(span)s. Is it switched on and connected?")
        return RoomSentence(room, 2, sentence % facts)
    return None


def _calm(tongue: Tongue, room: RoomView) -> RoomSentence:
    if room.receiving:
        sentence = tongue.ngettext(
            "%(number)d lesson is on its way.", "%(number)d lessons are on their way.", room.receiving
        )
        return RoomSentence(room, 1, sentence % {"number": room.receiving})
    if not room.lessons:
        return RoomSentence(room, 0, tongue.gettext("Connected; it has not sent a lesson yet."))
    return RoomSentence(room, 0, tongue.gettext("All well: every lesson has arrived."))
