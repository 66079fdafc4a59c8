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
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

FORMAT = 1
GAP_TOLERANCE = 0.1
"""Seconds. Shorter holes between takes are the seams of frames and audio blocks, not gaps anyone can notice."""
LATE_TOLERANCE = 2.0
"""Seconds. Sources open at different speeds; only one that joins later than this left a gap at the beginning."""

State = Literal["recording", "paused", "stopping", "kept"]
STATES: tuple[State, ...] = ("recording", "paused", "stopping", "kept")


class BadLesson(ValueError):
    """lesson.json is not one: says in one sentence what is wrong with it."""


@dataclass(slots=True)
class Source:
    """One camera, screen or microphone of the room, as it was when the lesson began."""

    id: str
    kind: str
    media: Literal["video", "audio"]
    label: str = ""
    av_offset_ms: float = 0.0


@dataclass(slots=True)
class Span:
    """A stretch of recording. mono and wall in seconds at its beginning; ended says why it stopped, None while it
    runs."""

    boot: str
    mono: float
    wall: float
    ended: Literal["paused", "stopped", "cut"] | None = None


@dataclass(slots=True)
class Take:
    """An unbroken recording of one source: ``file`` is relative to the lesson's folder, times in seconds.

    epoch: the monotonic instant of media time zero. ended: ``stopped`` | ``paused`` | ``lost`` (the source went
    away or was killed) | ``cut`` (salvaged after a crash) | ``full`` (no room on the disk).
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

    @property
    def end(self) -> float:
        return self.epoch + self.seconds


@dataclass(slots=True)
class Mark:
    """A moment the teacher marked: which span, and the monotonic instant."""

    span: int
    mono: float
    label: str = ""


@dataclass(slots=True, frozen=True)
class Gap:
    """Where a source has nothing: at and seconds on the lesson's timeline; why is the code of what ended the take
    before."""

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

    # -- the timeline
    # -------------------------------------------------------------------------------------------------

    def offsets(self) -> list[tuple[float, float]]:
        """For every span: (lesson time at its first recorded instant, that instant on its monotonic clock).

        A span in which nothing was recorded takes no time.
        """
        placed: list[tuple[float, float]] = []
        cursor = 0.0
        end_wall: float | None = None
        for number, span in enumerate(self.spans):
            takes = [take for take in self.takes if take.span == number]
            first = min((take.epoch for take in takes), default=span.mono)
            last = max((take.end for take in takes), default=first)
            if number and self.spans[number - 1].ended == "cut" and end_wall is not None:
                # Only the wall clock crosses a reboot. A clock that lies backwards gives no gap rather than a
                # negative one.
                cursor += max(0.0, span.wall + (first - span.mono) - end_wall)
            placed.append((cursor, first))
            cursor += last - first
            end_wall = span.wall + (last - span.mono)
        return placed

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
        offsets = self.offsets()
        total = self.seconds
        cursor, why, tolerance = 0.0, "late", LATE_TOLERANCE
        for take in self.takes_of(source):
            at = offsets[take.span][0] + take.epoch - offsets[take.span][1]
            if at - cursor > tolerance:
                yield Gap(source, round(cursor, 3), round(at - cursor, 3), why)
            cursor = max(cursor, at + take.seconds)
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
        return json.dumps(body, ensure_ascii=False, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> Lesson:
        """Read lesson.json. Raises BadLesson with one sentence; unknown keys of a newer minor form are passed
        over."""
        try:
            body: Any = json.loads(text)
        except ValueError as error:
            raise BadLesson(f"lesson.json is not JSON: {error}") from error
        if type(body) is not dict or body.get("format") != FORMAT:
            raise BadLesson(f"lesson.json has another form than {FORMAT}; update this program.")
        try:
            lesson = cls(
                id=_text(body["id"]),
                title=_text(body["title"]),
                room=_text(body["room"]),
                institution=_text(body["institution"]),
                language=_text(body["language"]),
                state=body["state"],
                sources=[Source(**_known(Source, item)) for item in body["sources"]],
                spans=[Span(**_known(Span, item)) for item in body["spans"]],
                takes=[Take(**_known(Take, item)) for item in body["takes"]],
                marks=[Mark(**_known(Mark, item)) for item in body["marks"]],
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise BadLesson(f"lesson.json lacks or mistypes a field: {error}") from error
        lesson._validate()
        return lesson

    def _validate(self) -> None:
        if self.state not in STATES:
            raise BadLesson(f"lesson.json has the unknown state {self.state!r}.")
        known = {source.id for source in self.sources}
        placed = [take.span for take in self.takes] + [mark.span for mark in self.marks]
        for span_number in placed:
            if not _number(span_number) or span_number not in range(len(self.spans)):
                raise BadLesson("lesson.json places something in a span it does not have.")
        for take in self.takes:
            if take.source not in known:
                raise BadLesson(f"lesson.json has a take of the unknown source {take.source!r}.")
            if take.file != take_file(take.source, take.number):
                raise BadLesson(f"lesson.json names a take {take.file!r}, which is not a take's name.")
            if not (_number(take.bytes) and take.bytes >= 0 and _number(take.seconds) and take.seconds >= 0):
                raise BadLesson(f"lesson.json gives {take.file} an impossible size or length.")
            if not _number(take.epoch):
                raise BadLesson(f"lesson.json does not say when {take.file} began.")
        for span in self.spans:
            if not (_number(span.mono) and _number(span.wall)):
                raise BadLesson("lesson.json has a span without a time.")


def take_file(source: str, number: int) -> str:
    """The name of a take inside its lesson's folder."""
    return f"{source}/take-{number:03d}.mp4"


def _known(kind: type[Any], item: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in item.items() if key in kind.__dataclass_fields__}


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not text")
    return value


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e15
