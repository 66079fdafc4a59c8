"""The portal's sentences about lessons and rooms: codes and figures in, one plain sentence of the reader's language
out. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from lms_server.catalog.schemas import (
    CommandView,
    File,
    LessonDetail,
    LessonState,
    LessonSummary,
    Source,
)
from lms_server.errors import BadRequest

from .language import Tongue
from .timeline import Moment


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


def findings(tongue: Tongue) -> dict[str, str]:
    """What the room's judge found wrong, by its codes, as words to stand behind a device's name."""
    return {
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


def quality(tongue: Tongue, lesson: LessonDetail) -> str:
    """What the room found wrong with picture and sound, in one line; empty when it found nothing."""
    words = findings(tongue)
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


def day_after(tongue: Tongue, text: str) -> float:
    """Unix seconds at which a day ends on the wall clock. Raises BadRequest."""
    try:
        following = date.fromisoformat(text[:10]) + timedelta(days=1)
    except (ValueError, OverflowError) as error:
        raise BadRequest("bad-day", "That is not a day; it looks like 2026-11-17.") from error
    return wall_clock(tongue, following.isoformat())


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
