"""What room and server say to each other beside the uploads, always asked by the room: how it is, what it shall do.

    POST HEARTBEATS               a Heartbeat; the answer: {"commands": [...], "timetable_etag": text, "policy": {...},
                                  "version": text, "cards_etag": text}
    GET  COMMANDS?wait=SECONDS    the same answer, as soon as there is a new command, at the latest after ``wait``
    POST COMMANDS/<id>/outcome    an Outcome
    GET  TIMETABLE                text/calendar; its ETag is ``etag_of`` the text

Every request carries a proof like an upload (see wire). A command is delivered at least once, until its outcome came;
the room remembers the ids and does each at most once. Every parser raises ValueError with one sentence, and takes
nothing that is longer than a room or a server has reason to say.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, get_args

from lms_sync import wire
from lms_sync.wire_policy import Policy

ME = f"{wire.API}/rooms/me"
HEARTBEATS = f"{ME}/heartbeat"
COMMANDS = f"{ME}/commands"
TIMETABLE = f"{ME}/timetable"

Verb = Literal["start", "stop", "send-now", "keep", "release"]
VERBS: tuple[Verb, ...] = get_args(Verb)
OF_A_LESSON: frozenset[str] = frozenset({"send-now", "keep", "release"})
LONGEST_WAIT = 55.0
"""Seconds of a long poll: below the minute after which proxies take a silent connection for dead."""
LARGEST_HEARTBEAT = 64 * 1024
LARGEST_TIMETABLE = 1024 * 1024
MOST_COMMANDS = 20
"""In one answer; what is left comes with the next."""
MOST_SOURCES, MOST_KEPT = 64, 200

_ULID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")
_CODE = re.compile(r"[a-z][a-z0-9-]{0,59}")


@dataclass(frozen=True, slots=True)
class SourceHealth:
    """state: by evidence, as the room's API has it. problem: a code, "" when there is none."""

    id: str
    label: str
    state: str
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """How a room is. state: of its recorder, ``silent`` while the daemon does not answer the agent. title: of the
    lesson that is on. disk_hours: of recording that fit, None when nobody could say. backlog: bytes without a receipt,
    by tier. problem: what keeps the agent from sending, a code. forecast: seconds until the backlog is sent, None when
    unknown. clock_ahead: seconds by which the room's clock is ahead of the server's. kept: lessons whose recordings a
    teacher keeps in the room. next_title, next_begin: of the timetable's next lesson; Unix seconds, None for none.
    finding: the gravest that the room finds itself, a code of its health, "" when all is well; finding_of: the label of
    the device it is about."""

    version: str
    state: str
    title: str = ""
    sources: tuple[SourceHealth, ...] = ()
    disk_hours: float | None = None
    backlog: dict[str, int] = field(default_factory=dict)
    problem: str = ""
    forecast: float | None = None
    clock_ahead: float = 0.0
    kept: tuple[str, ...] = ()
    next_title: str = ""
    next_begin: float | None = None
    finding: str = ""
    finding_of: str = ""

    def as_json(self) -> dict[str, Any]:
        """Not by ``asdict``, which copies deeply: a server does this hundreds of times a second."""
        plain = {name: getattr(self, name) for name in _HEARTBEAT}
        sources = [{name: getattr(each, name) for name in _SOURCE} for each in self.sources]
        return {**plain, "sources": sources, "kept": list(self.kept)}

    @classmethod
    def from_json(cls, found: object) -> Heartbeat:
        """Unknown members are passed over: a newer room says more."""
        facts = _object(found, "heartbeat")
        sources = _list(facts, "sources", MOST_SOURCES)
        backlog = facts.get("backlog", {})
        if not isinstance(backlog, dict) or any(tier not in wire.TIERS for tier in backlog):
            raise ValueError("The heartbeat's backlog names other tiers than there are.")
        kept = _list(facts, "kept", MOST_KEPT)
        if not all(isinstance(lesson, str) and _ULID.fullmatch(lesson) for lesson in kept):
            raise ValueError("The heartbeat's kept lessons are not lesson ids.")
        return cls(
            version=_text(facts, "version", 60),
            state=_code(facts, "state"),
            title=_text(facts, "title", 300),
            sources=tuple(_source(each) for each in sources),
            disk_hours=_figure(facts, "disk_hours"),
            backlog={tier: int(_number(backlog, tier)) for tier in backlog},
            problem=_code(facts, "problem", empty=True),
            forecast=_figure(facts, "forecast"),
            clock_ahead=_number(facts, "clock_ahead", least=-1e12),
            kept=tuple(kept),
            next_title=_text(facts, "next_title", 300),
            next_begin=_figure(facts, "next_begin"),
            finding=_code(facts, "finding", empty=True),
            finding_of=_text(facts, "finding_of", 200),
        )


_HEARTBEAT = [each.name for each in fields(Heartbeat)]
_SOURCE = [each.name for each in fields(SourceHealth)]


@dataclass(frozen=True, slots=True)
class Command:
    """What the server wants done. by: the name of who asked. title: of the lesson to start. lesson: which one, for
    verbs that speak of one. made, expires: Unix seconds by the server's clock; past ``expires`` it is not done."""

    id: str
    verb: Verb
    by: str
    made: float
    expires: float
    title: str = ""
    lesson: str = ""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, found: object) -> Command:
        facts = _object(found, "command")
        verb = facts.get("verb")
        if verb not in VERBS:
            raise ValueError(f"The command is none of {', '.join(VERBS)}.")
        lesson = _text(facts, "lesson", 26)
        if (verb in OF_A_LESSON) != bool(lesson) or (lesson and not _ULID.fullmatch(lesson)):
            raise ValueError(f"The command {verb} names no lesson, or one it does not need.")
        return cls(
            id=_ulid(facts, "id"),
            verb=verb,
            by=_text(facts, "by", 200),
            made=_number(facts, "made"),
            expires=_number(facts, "expires"),
            title=_text(facts, "title", 200),
            lesson=lesson,
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a command. code: ``done``, or why not; detail: one sentence."""

    code: str
    detail: str = ""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, found: object) -> Outcome:
        facts = _object(found, "outcome")
        return cls(_code(facts, "code"), _text(facts, "detail", 400))


@dataclass(frozen=True, slots=True)
class Orders:
    """The server's answer. timetable_etag: "" when it has none for this room; cards_etag: "" while nobody of the
    institution has a card. version: of Darsbox, which the room shall have; "" for none in particular."""

    commands: tuple[Command, ...] = ()
    timetable_etag: str = ""
    policy: Policy = field(default_factory=Policy)
    version: str = ""
    cards_etag: str = ""

    def as_json(self) -> dict[str, Any]:
        return {
            "commands": [each.as_json() for each in self.commands],
            "timetable_etag": self.timetable_etag,
            "policy": self.policy.as_json(),
            "version": self.version,
            "cards_etag": self.cards_etag,
        }

    @classmethod
    def from_json(cls, found: object) -> Orders:
        facts = _object(found, "answer")
        return cls(
            tuple(Command.from_json(each) for each in _list(facts, "commands", MOST_COMMANDS)),
            _text(facts, "timetable_etag", 100),
            Policy.from_json(facts.get("policy", {})),
            _text(facts, "version", 60),
            _text(facts, "cards_etag", 100),
        )


def etag_of(text: str) -> str:
    """The name of a timetable's content, or of the list of cards, without quotes; "" for none."""
    return hashlib.sha256(text.encode()).hexdigest()[:32] if text else ""


def check_calendar(text: str) -> None:
    """Whether a text can be a timetable in iCalendar (RFC 5545): its frame, its lines and its nesting; not each value.

    Raises ValueError with one sentence.
    """
    if len(text.encode()) > LARGEST_TIMETABLE:
        raise ValueError("The timetable is larger than 1 MiB; export a shorter time.")
    lines = [line for line in re.sub(r"\r?\n[ \t]", "", text).splitlines() if line.strip()]
    if not lines or lines[0].upper() != "BEGIN:VCALENDAR" or lines[-1].upper() != "END:VCALENDAR":
        raise ValueError("That is no timetable in iCalendar: it does not begin and end as VCALENDAR.")
    open_: list[str] = []
    for number, line in enumerate(lines, 1):
        name, colon, value = line.partition(":")
        if not colon or not re.match(r"[A-Za-z0-9-]+(;|$)", name):
            raise ValueError(f"The timetable's line {number} is not one of iCalendar.")
        if name.upper() == "BEGIN":
            open_.append(value.strip().upper())
        elif name.upper() == "END" and (not open_ or open_.pop() != value.strip().upper()):
            raise ValueError(f"The timetable's line {number} ends what was not begun.")
    if open_:
        raise ValueError(f"The timetable's {open_[-1][:40]} is never ended.")


# -- reading what came


def _object(found: object, what: str) -> Mapping[str, Any]:
    if not isinstance(found, dict):
        raise ValueError(f"The {what} is no JSON object.")
    return found


def _source(found: object) -> SourceHealth:
    facts = _object(found, "source")
    return SourceHealth(
        _text(facts, "id", 100), _text(facts, "label", 200), _code(facts, "state"), _code(facts, "problem", empty=True)
    )


def _list(facts: Mapping[str, Any], name: str, most: int) -> list[Any]:
    found = facts.get(name, [])
    if not isinstance(found, list) or len(found) > most:
        raise ValueError(f"The member {name} is no list of at most {most}.")
    return found


def _text(facts: Mapping[str, Any], name: str, most: int) -> str:
    found = facts.get(name, "")
    if not isinstance(found, str) or len(found) > most or not all(sign.isprintable() for sign in found):
        raise ValueError(f"The member {name} is no text of at most {most} characters.")
    return found


def _code(facts: Mapping[str, Any], name: str, *, empty: bool = False) -> str:
    found = _text(facts, name, 60)
    if not (empty and not found) and not _CODE.fullmatch(found):
        raise ValueError(f"The member {name} is no code.")
    return found


def _ulid(facts: Mapping[str, Any], name: str) -> str:
    found = facts.get(name)
    if not isinstance(found, str) or not _ULID.fullmatch(found):
        raise ValueError(f"The member {name} is no id (ULID).")
    return found


def _number(facts: Mapping[str, Any], name: str, least: float = 0.0) -> float:
    found = facts.get(name, 0.0)
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise ValueError(f"The member {name} is no number.")
    if not math.isfinite(found) or not least <= found < 1e16:
        raise ValueError(f"The member {name} is out of all bounds.")
    return found


def _figure(facts: Mapping[str, Any], name: str) -> float | None:
    return None if facts.get(name) is None else float(_number(facts, name))
