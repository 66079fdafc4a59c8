"""A lesson as both ends know it: its sources, takes, and the one timeline they lie on.

``lesson.json`` is the truth from which the ledger can be rebuilt, and the first asset the server receives. Standard
library only: the capture keeper, which must start in a few hundredths of a second, reads it too.

Time. A *span* is a stretch between Start or Resume and Pause or Stop on one boot of the machine; inside it
everything lies on the monotonic clock. The lesson's timeline begins with the first recorded instant; a pause takes
no time on it; a cut (crash or power) leaves a gap of its true length as well as the clocks know it. A take is
placed by its *epoch*: the monotonic instant of its media time zero.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import MISSING, asdict, dataclass, field, fields
from typing import Any, Literal, TypeVar

FORMAT = 1
GAP_TOLERANCE = 0.1
"""Seconds. Shorter holes between takes are the seams of frames and audio blocks, not gaps anyone can notice."""
LATE_TOLERANCE = 2.0
"""Seconds. Sources open at different speeds; only one that joins later than this left a gap at the beginning."""

LONGEST_CUT = 6 * 3600.0
"""Seconds. A wall clock that puts more between two spans of one lesson has leapt; nobody knows the gap then."""

State = Literal["recording", "paused", "stopping", "kept"]
STATES: tuple[State, ...] = ("recording", "paused", "stopping", "kept")
Media = Literal["video", "audio"]
SpanEnd = Literal["paused", "stopped", "cut"] | None

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_T = TypeVar("_T")


class BadLesson(ValueError):
    """lesson.json is not one: says in one sentence what is wrong with it."""


@dataclass(slots=True)
class Source:
    """One camera, screen or microphone of the room, as it was when the lesson began."""

    id: str
    kind: str
    media: Media
    label: str = ""
    av_offset_ms: float = 0.0
    driver: str = ""


@dataclass(slots=True)
class Span:
    """A stretch of recording. mono and wall in seconds at its beginning; ended says why it stopped, None while it
    runs. pre_roll: seconds recorded before that beginning, which an armed room had held in memory."""

    boot: str
    mono: float
    wall: float
    ended: SpanEnd = None
    pre_roll: float = 0.0


@dataclass(slots=True)
class Take:
    """An unbroken recording of one source: ``file`` is relative to the lesson's folder, times in seconds.

    epoch: the monotonic instant of media time zero. pace: monotonic seconds to a second of media, other than 1 if the
    source's own clock was seen to run wrong (``media.drift``). ended: ``stopped`` | ``paused`` | ``lost`` (the source
    went away or was killed) | ``changed`` (it sends another form of picture) | ``cut`` (salvaged after a crash) |
    ``full`` (no room on the disk).
    """

    source: str
    number: int
    span: int
    file: str
    bytes: int
    sha256: str
    epoch: float
    seconds: float
    ended: str
    codec: str = ""
    width: int = 0
    height: int = 0
    sample_rate: int = 0
    pace: float = 1.0

    @property
    def end(self) -> float:
        return self.epoch + self.lasted

    @property
    def lasted(self) -> float:
        """Seconds on the monotonic clock."""
        return self.seconds * self.pace


@dataclass(slots=True)
class Original:
    """A recording by a system that is not ours: one file of a source, in whatever container and codecs, pictures and
    sound together. Takes are made of it where the lesson is assembled."""

    source: str
    file: str
    bytes: int
    sha256: str


@dataclass(slots=True)
class Mark:
    """A moment the teacher marked: which span, and the monotonic instant."""

    span: int
    mono: float
    label: str = ""


@dataclass(slots=True, frozen=True)
class Remark:
    """What the judge found wrong with a source: a code and its facts, and from when to when on the lesson's timeline.

    In lesson.json they stand by source, under ``quality``: ``{"front": [{"code", "from", "to", "facts"}]}``.
    """

    source: str
    code: str
    begins: float
    ends: float
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True, frozen=True)
class Gap:
    """Where a source has nothing: at and seconds on the lesson's timeline; why is the code of what ended the take
    before. seconds is 0 where nobody knows: a power cut over which the room's clock was set back."""

    source: str
    at: float
    seconds: float
    why: str


@dataclass(slots=True)
class Lesson:
    id: str
    title: str
    room: str
    institution: str
    language: str
    state: State
    sources: list[Source] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    takes: list[Take] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    quality: list[Remark] = field(default_factory=list)
    originals: list[Original] = field(default_factory=list)
    teacher: str = ""

    # -- the timeline
    # -------------------------------------------------------------------------------------------------

    def offsets(self) -> list[tuple[float, float]]:
        """For every span: (lesson time at its first recorded instant, that instant on its monotonic clock).

        A span in which nothing was recorded takes no time.
        """
        return self._placed()[0]

    def _placed(self) -> tuple[list[tuple[float, float]], set[int]]:
        """offsets, and the numbers of the spans before which nobody knows how long the power was off."""
        placed: list[tuple[float, float]] = []
        seams: set[int] = set()
        cursor = 0.0
        end_wall: float | None = None
        for number, span in enumerate(self.spans):
            takes = [take for take in self.takes if take.span == number]
            first = min((take.epoch for take in takes), default=span.mono)
            last = max((take.end for take in takes), default=first)
            if number and self.spans[number - 1].ended == "cut" and end_wall is not None:
                # Only the wall clock crosses a reboot. A clock that leapt gives a seam without a length rather than a
                # negative or an endless gap.
                cut = span.wall + (first - span.mono) - end_wall
                if 0.0 < cut <= LONGEST_CUT:
                    cursor += cut
                else:
                    seams.add(number)
            placed.append((cursor, first))
            cursor += last - first
            end_wall = span.wall + (last - span.mono)
        return placed, seams

    def place(self, span: int, mono: float) -> float:
        """Lesson time in seconds of a monotonic instant inside a span."""
        at, first = self.offsets()[span]
        return at + mono - first

    def begins(self, take: Take) -> float:
        """Lesson time in seconds at which a take begins."""
        return self.place(take.span, take.epoch)

    @property
    def seconds(self) -> float:
        """Length of the timeline: from the first recorded instant to the last, pauses left out."""
        offsets = self.offsets()
        return max((offsets[t.span][0] + t.end - offsets[t.span][1] for t in self.takes), default=0.0)

    @property
    def started(self) -> float:
        """Wall time (Unix seconds) of Start, as the room's clock believed it then."""
        return self.spans[0].wall if self.spans else 0.0

    def takes_of(self, source: str) -> list[Take]:
        return sorted((take for take in self.takes if take.source == source), key=lambda take: take.number)

    def gaps(self) -> list[Gap]:
        """Every stretch in which a source has nothing, in the order of the sources."""
        return [gap for source in self.sources for gap in self._gaps_of(source.id)]

    def _gaps_of(self, source: str) -> Iterator[Gap]:
        offsets, seams = self._placed()
        total, span = self.seconds, len(self.spans)
        # Nobody misses a source in what was held before Start: it is there or it is not.
        cursor, why, tolerance = (self.spans[0].pre_roll if self.spans else 0.0), "late", LATE_TOLERANCE
        for take in self.takes_of(source):
            at = offsets[take.span][0] + take.epoch - offsets[take.span][1]
            if at - cursor > tolerance:
                yield Gap(source, round(cursor, 3), round(at - cursor, 3), why)
            elif any(span < seam <= take.span for seam in seams):
                yield Gap(source, round(at, 3), 0.0, "cut")
            span = take.span
            cursor = max(cursor, at + take.lasted)
            why = take.ended
            # A pause takes no time, so what is left after it is only sources opening at different speeds.
            tolerance = LATE_TOLERANCE if take.ended == "paused" else GAP_TOLERANCE
        if total - cursor > LATE_TOLERANCE:
            yield Gap(source, round(cursor, 3), round(total - cursor, 3), why)

    # -- as a file
    # ----------------------------------------------------------------------------------------------------

    def to_json(self) -> str:
        """lesson.json. ``seconds``, ``started`` and ``gaps`` are there for readers; from_json derives them again."""
        body = {"format": FORMAT, **asdict(self)}
        body["started"] = self.started
        body["seconds"] = round(self.seconds, 3)
        body["gaps"] = [asdict(gap) for gap in self.gaps()]
        body["quality"] = by_source(self.quality)
        if not self.originals:
            del body["originals"]
        return json.dumps(body, ensure_ascii=False, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> Lesson:
        """Read lesson.json. Raises BadLesson with one sentence; unknown keys of a newer minor form are passed
        over."""
        try:
            body: Any = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise BadLesson(f"lesson.json is not JSON: {error}") from error
        if type(body) is not dict or body.get("format") != FORMAT:
            raise BadLesson(f"lesson.json has another form than {FORMAT}; update this program.")
        try:
            head = _read(_Head, body)
            lesson = cls(
                **asdict(head),
                sources=[_read(Source, item) for item in _list(body, "sources")],
                spans=[_read(Span, item) for item in _list(body, "spans")],
                takes=[_read(Take, item) for item in _list(body, "takes")],
                marks=[_read(Mark, item) for item in _list(body, "marks")],
                quality=_remarks(body.get("quality", {})),
                originals=[_read(Original, item) for item in body.get("originals", [])],
            )
        except (TypeError, RecursionError) as error:
            raise BadLesson(f"lesson.json lacks or mistypes a field: {error}") from error
        lesson._validate()
        return lesson

    def _validate(self) -> None:
        if not _PLAIN.fullmatch(self.id):
            raise BadLesson(f"lesson.json names its lesson {self.id[:40]!r}, which no folder can be.")
        known = [source.id for source in self.sources]
        for source in known:
            if not _PLAIN.fullmatch(source) or known.count(source) > 1:
                raise BadLesson(f"lesson.json has a source named {source!r}, which no folder can be, or has it twice.")
        for span in (*(take.span for take in self.takes), *(mark.span for mark in self.marks)):
            if not 0 <= span < len(self.spans):
                raise BadLesson("lesson.json places something in a span it does not have.")
        seen: set[str] = set()
        for take in self.takes:
            if take.source not in known:
                raise BadLesson(f"lesson.json has a take of the unknown source {take.source!r}.")
            if take.file != take_file(take.source, take.number) or take.file in seen:
                raise BadLesson(
                    f"lesson.json names a take {take.file!r}, which is not a take's name, or names it twice."
                )
            if take.number < 1 or take.bytes < 0 or take.seconds < 0 or not 0.5 < take.pace < 2:
                raise BadLesson(f"lesson.json gives {take.file} an impossible number, size, length or pace.")
            seen.add(take.file)
        for original in self.originals:
            folder, _, name = original.file.partition("/")
            if original.source not in known or folder != original.source or not _PLAIN.fullmatch(name):
                raise BadLesson(f"lesson.json has an original {original.file[:40]!r}, which is none of its sources'.")
            if original.file in seen or original.bytes < 1:
                raise BadLesson(f"lesson.json names {original.file} twice, or says that it is empty.")
            seen.add(original.file)


@dataclass(slots=True)
class _Head:
    """What a lesson says of itself, apart from its lists."""

    id: str
    title: str
    room: str
    institution: str
    language: str
    state: State
    teacher: str = ""


def take_file(source: str, number: int) -> str:
    """The name of a take inside its lesson's folder."""
    return f"{source}/take-{number:03d}.mp4"


def _list(body: dict[str, Any], name: str) -> list[Any]:
    items = body.get(name)
    if not isinstance(items, list):
        raise TypeError(f"{name} is no list")
    return items


def by_source(remarks: list[Remark]) -> dict[str, list[dict[str, Any]]]:
    """Remarks in the form of lesson.json."""
    found: dict[str, list[dict[str, Any]]] = {}
    for remark in remarks:
        item = {"code": remark.code, "from": remark.begins, "to": remark.ends, "facts": remark.facts}
        found.setdefault(remark.source, []).append(item)
    return found


def _remarks(quality: Any) -> list[Remark]:
    """Raises TypeError. Lessons of older rooms have none."""
    if not isinstance(quality, dict) or not all(isinstance(items, list) for items in quality.values()):
        raise TypeError("quality is no table of lists")
    remarks = []
    for source, items in quality.items():
        for item in items:
            if not isinstance(item, dict):
                raise TypeError("quality has something in it that is no remark")
            named = {"source": source, "begins": item.get("from"), "ends": item.get("to")}
            remarks.append(_read(Remark, {**item, **named}))
    return remarks


_FITS: dict[str, Callable[[Any], bool]] = {
    "str": lambda value: isinstance(value, str) and not any("\ud800" <= sign <= "\udfff" for sign in value),
    "int": lambda value: type(value) is int and abs(value) < 2**63,
    "float": lambda value: type(value) in (int, float) and abs(value) < 1e15,
    "State": lambda value: value in STATES,
    "Media": lambda value: value in ("video", "audio"),
    "dict[str, Any]": lambda value: isinstance(value, dict) and all(map(_is_fact, value.items())),
    "SpanEnd": lambda value: value in (None, "paused", "stopped", "cut"),
}
"""What a field of each type takes, by the name of the type; half a surrogate pair cannot be written again."""


def _is_fact(item: tuple[Any, Any]) -> bool:
    return all(_FITS["str"](each) or _FITS["int"](each) or _FITS["float"](each) for each in item)


def _read(kind: type[_T], item: Any) -> _T:
    """A part of a lesson from its JSON object. Raises TypeError with the field."""
    name = kind.__name__.strip("_").lower()
    if not isinstance(item, dict):
        raise TypeError(f"{str(item)[:40]!r} is no {name}")
    known: dict[str, Any] = {}
    for each in fields(kind):  # type: ignore[arg-type]  # _T is one of the dataclasses above
        if each.name in item:
            value = item[each.name]
            if not _FITS[str(each.type)](value):
                raise TypeError(f"{name}.{each.name} cannot be {str(value)[:40]!r}")
            known[each.name] = value
        elif each.default is MISSING:
            raise TypeError(f"{name}.{each.name} is missing")
    return kind(**known)
