"""From a lesson's takes to what people play and download, without re-encoding.

For every picture source one progressive MP4 (moov first): its video packets untouched, and the lesson's sound. For
every microphone one M4A. All files of a lesson share one zero and one length, so a player may change between them
at any moment:

- The first picture is stretched back to 0 and the last one held to the end; a gap shows the picture before it.
- The lesson's sound is that of the first microphone that has any; while it was lost, that of the next one, if it has
  the same form. A chapter says whose sound begins. Gaps hold silence of the same AAC form, so that a
  player that ignores edit lists and holes in time stays in sync. A packet of sound is never more than half a packet
  (11 ms at 48 kHz) from its true time.
- A source's ``av_offset_ms`` moves its media earlier. When that moves some of it before the beginning, the whole
  lesson begins that much earlier instead, and nothing is lost.
- Takes of one source with another codec configuration or size (the camera was changed) cannot share a track. They go
  to ``<source>-2.mp4`` and so on, each on the whole timeline with the whole sound; there the other takes are a gap.
- Chapters: the title at 0, the teacher's marks, the gaps of the sources in the file.

A take whose file is missing or damaged is left out (or used as far as it goes), and the rest goes on: ``problems`` of
an output says so. The bytes of takes are not hashed here; whoever received them has done so.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Literal

from av.error import FFmpegError

from media.failover import Turn, take_turns
from media.lesson import Gap, Lesson, Source, Take
from media.moov import Chapter, Track
from media.probe import Form, Unreadable, form_of
from media.remux import Torn, Written, write
from media.samples import Samples, samples_of
from media.silence import NoSilence, silent_packet
from media.tracks import TICKS, Piece, pictures, sound

LONGEST = 24 * 3600.0
"""Seconds. No lesson is longer; a timeline that is comes from a clock that leapt, and would be filled with silence."""

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_LANGUAGES = {"ar": "ara", "en": "eng", "fr": "fra", "ur": "urd", "zh": "zho"}
_LAST_SECOND = datetime(9999, 12, 31, tzinfo=UTC).timestamp()


class CannotAssemble(Exception):
    """Nothing can be made of this lesson: says in one sentence why."""


@dataclass(frozen=True, slots=True)
class Words:
    """What chapters are called, in the language of whoever asks."""

    mark: str = "Mark {number}"
    gap: str = "Gap: {source}, {seconds:.1f} s"
    seam: str = "Gap: {source}, of unknown length"
    voice: str = "Sound: {source}"


@dataclass(frozen=True, slots=True)
class Output:
    """A finished file. source: empty when it is of several.

    problems: one plain sentence each for what is missing from it; those of sources of which nothing could be made stand
    on every output.
    """

    name: str
    kind: Literal["programme", "audio", "composed", "poster", "slidecast", "proxy", "thumbnail"]
    source: str
    path: Path
    bytes: int
    sha256: str
    seconds: float
    content_type: str
    problems: tuple[str, ...] = ()


@dataclass(slots=True, eq=False)
class _Part:
    """Takes of one source and one form, on the files' timeline."""

    source: Source
    number: int
    form: Form
    pieces: list[Piece] = field(default_factory=list)
    silent: bytes = b""
    turns: list[Turn] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.source.id if self.number == 1 else f"{self.source.id}-{self.number}"


def assemble_lesson(
    lesson: Lesson,
    file_of: Callable[[Take], Path],
    out: Path,
    *,
    words: Words = Words(),
    progress: Callable[[float], None] = lambda done: None,
) -> list[Output]:
    """Make every file of a lesson in the folder ``out``; pictures first, in the order of the sources.

    file_of: where a take's file is; it need not exist. progress: called about once a second of media with the part
    done, 0 to 1. Each file is proved against the takes before it takes its name. The same takes give the same bytes.
    A lesson without takes gives no files.

    Raises CannotAssemble, media.remux.NotWhole, and OSError when the disk does not take it.
    """
    if not lesson.takes:
        return []
    return _Assembly(lesson, file_of, out, words, progress).run()


class _Assembly:
    """One run: what is where, what went wrong."""

    def __init__(
        self,
        lesson: Lesson,
        file_of: Callable[[Take], Path],
        out: Path,
        words: Words,
        progress: Callable[[float], None],
    ) -> None:
        self.lesson, self.out, self.words, self.progress = lesson, out, words, progress
        self.problems: dict[str, list[str]] = {source.id: [] for source in lesson.sources}
        self.lost: list[Gap] = []
        self._read: dict[Path, Samples] = {}
        for source in lesson.sources:
            if not _PLAIN.fullmatch(source.id):
                raise CannotAssemble(f"The source {source.id!r} has a name no file can have.")
        offsets = lesson.offsets()
        late = {source.id: source.av_offset_ms / 1000 for source in lesson.sources}
        begins = [offsets[t.span][0] + t.epoch - offsets[t.span][1] - late[t.source] for t in lesson.takes]
        self.shift = -min(0.0, *begins)
        self.end = self.shift + max(at + take.lasted for at, take in zip(begins, lesson.takes, strict=True))
        if not self.end <= LONGEST:
            raise CannotAssemble(
                f"The lesson would last {self.end / 3600:.0f} hours: the room's clock leapt. "
                "Correct the spans in its lesson.json."
            )
        self._parts: list[_Part] = []
        for at, take in sorted(zip(begins, lesson.takes, strict=True), key=lambda pair: pair[0]):
            self._add(at, take, file_of(take))
        # As the room prefers its devices, whichever of them happened to open first.
        self._parts.sort(key=lambda part: (lesson.sources.index(part.source), part.number))
        for part in list(self._parts):
            if part.source.media == "audio":
                self._silence(part)

    def _add(self, at: float, take: Take, path: Path) -> None:
        """Put a take with the others of its form."""
        source = next(source for source in self.lesson.sources if source.id == take.source)
        try:
            form = form_of(path, source.media)
            self._samples(path)
        except Unreadable as error:
            self.problems[source.id].append(f"{source.id}: {error}")
            self.lost.append(Gap(source.id, at, take.lasted, "missing"))
            return
        if path.stat().st_size != take.bytes:
            self.problems[source.id].append(f"{source.id}: {path.name} has another size than was recorded.")
        mine = [part for part in self._parts if part.source is source]
        part = next((part for part in mine if part.form == form), None)
        if part is None:
            part = _Part(source, len(mine) + 1, form)
            self._parts.append(part)
        part.pieces.append(Piece(path, at + self.shift, take.seconds, pace=take.pace))

    def _samples(self, path: Path) -> Samples:
        """A take's tables, read once: its sound is used in every file. Raises Unreadable."""
        if path not in self._read:
            self._read[path] = samples_of(path)
        return self._read[path]

    def _silence(self, part: _Part) -> None:
        """Sound whose gaps cannot be filled is left out."""
        try:
            part.silent = silent_packet(part.form)
        except NoSilence as error:
            self.problems[part.source.id].append(f"{part.source.id}: {error}")
            self._parts.remove(part)

    def run(self) -> list[Output]:
        parts = [part for media in ("video", "audio") for part in self._parts if part.source.media == media]
        speech = self._speech()
        made: list[Output] = []
        for number, part in enumerate(parts):
            output = self._make(part, speech, partial(self._tell, number, len(parts)))
            if output is not None:
                made.append(output)
        whole = {output.source for output in made}
        orphans = tuple(line for source, lines in self.problems.items() if source not in whole for line in lines)
        if not made:
            raise CannotAssemble(" ".join(["Nothing of the lesson can be used.", *orphans]))
        self.progress(1.0)
        return [replace(output, problems=(*output.problems, *orphans)) for output in made]

    def _tell(self, made: int, of: int, at: float) -> None:
        self.progress((made + min(at / self.end, 1.0)) / of)

    def _speech(self) -> _Part | None:
        """The lesson's sound: the longest part of the first microphone that has any, and of others what it lacks."""
        voiced = [part for part in self._parts if part.source.media == "audio"]
        first = max(
            (part for part in voiced if part.source is voiced[0].source),
            key=lambda part: sum(piece.seconds for piece in part.pieces),
            default=None,
        )
        if first is None:
            return None
        others = [part for part in voiced if part.source is not first.source and part.form == first.form]
        pieces, turns = take_turns([(part.source.id, part.pieces) for part in (first, *others)], self.end)
        return replace(first, pieces=pieces, turns=turns) if turns else first

    def _make(self, part: _Part, speech: _Part | None, progress: Callable[[float], None]) -> Output | None:
        """One file, or None with the reason among the problems."""
        pictured = part.source.media == "video"
        voice = speech if pictured else part
        used = [part] if voice is part or voice is None else [part, voice]
        name = f"{part.name}.mp4" if pictured else f"{part.name}.m4a"
        try:
            written, found = self._written(self.out / name, used, progress)
        except (Unreadable, FFmpegError) as error:
            if isinstance(error, OSError):
                raise
            self.problems[part.source.id].append(f"{part.source.id}: {name} cannot be made ({error}).")
            return None
        return Output(
            name=name,
            kind="programme" if pictured else "audio",
            source=part.source.id,
            path=self.out / name,
            bytes=written.bytes,
            sha256=written.sha256,
            seconds=written.seconds,
            content_type="video/mp4" if pictured else "audio/mp4",
            problems=(*(line for each in used for line in self.problems[each.source.id]), *found),
        )

    def _written(self, path: Path, used: list[_Part], progress: Callable[[float], None]) -> tuple[Written, list[str]]:
        """A file of these parts, and what was found wrong. A take whose bytes cannot be read is used up to there."""
        while True:
            found: list[str] = []
            try:
                written = write(
                    path,
                    [self._track(part, found) for part in used],
                    form="mp4" if used[0].source.media == "video" else "ipod",
                    end=self.end,
                    chapters=self._chapters({part.source.id for part in used}, used[-1].turns),
                    tags=self._tags(),
                    progress=progress,
                )
            except Torn as torn:
                self._read[torn.path] = samples_of(torn.path, torn.at)
            else:
                return written, found

    def _track(self, part: _Part, found: list[str]) -> Track:
        def report(problem: str) -> None:
            found.append(f"{part.source.id}: {problem}")

        if part.source.media == "video":
            rate = TICKS
            laid = pictures(part.pieces, self.end, report, self._samples)
        else:
            rate = part.form.rate
            laid = sound(part.pieces, self.end, report, silent=part.silent, rate=rate, read=self._samples)
        return Track(
            media=part.source.media,
            template=part.pieces[0].path,
            rate=rate,
            laid=laid,
            title=part.source.label or part.source.id,
            language=_LANGUAGES.get(self.lesson.language, "und"),
        )

    def _chapters(self, sources: set[str], turns: list[Turn]) -> list[Chapter]:
        """The title at 0, then marks, gaps and turns in order; what falls on one instant shares a chapter."""
        titles: dict[float, list[str]] = {0.0: [self.lesson.title or self.lesson.id]}
        for number, mark in enumerate(self.lesson.marks, 1):
            at = self.lesson.place(mark.span, mark.mono) + self.shift
            titles.setdefault(self._instant(at), []).append(mark.label or self.words.mark.format(number=number))
        labels = {source.id: source.label or source.id for source in self.lesson.sources}
        for gap in (*self.lesson.gaps(), *self.lost):
            if gap.source in sources:
                form = self.words.gap if gap.seconds else self.words.seam
                title = form.format(source=labels[gap.source], seconds=gap.seconds)
                titles.setdefault(self._instant(gap.at + self.shift), []).append(title)
        for turn in turns:
            titles.setdefault(self._instant(turn.at), []).append(self.words.voice.format(source=labels[turn.source]))
        return [Chapter(at, " · ".join(titles[at])) for at in sorted(titles)]

    def _instant(self, at: float) -> float:
        """Inside the file, to the millisecond."""
        return round(min(max(at, 0.0), max(self.end - 0.001, 0.0)), 3)

    def _tags(self) -> dict[str, str]:
        """What players show of a file. The date is what the room's clock believed."""
        tags = {
            "title": self.lesson.title,
            "album": self.lesson.room,
            "artist": self.lesson.institution,
            "comment": self.lesson.id,
        }
        if 0 < self.lesson.started < _LAST_SECOND:
            began = datetime.fromtimestamp(self.lesson.started, UTC)
            tags |= {"date": began.date().isoformat(), "creation_time": began.strftime("%Y-%m-%dT%H:%M:%SZ")}
        return {key: value for key, value in tags.items() if value}
