"""The daemon's side of the judge: starts the process that judges while a lesson records, and keeps what it says.

The daemon carries neither OpenCV nor a decoder. A judge that dies is started again with growing patience; what it had
said stands no longer, for nobody sees any more whether it is true.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import logging
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from appliance.events import Bus, Judged
from appliance.recorder.judge.facts import Verdict
from appliance.recorder.judge.speech import SpeechEar
from appliance.recorder.pipes import as_a_guest, surely, tell
from appliance.recorder.plan import SourcePlan
from appliance.recorder.preview import Recording
from appliance.spool.layout import write_atomically
from appliance.thresholds import JudgeTable
from media.lesson import Lesson, Remark

MODULE = "appliance.recorder.judge.process"
PATIENCE = (1.0, 2.0, 5.0, 15.0, 30.0)
TICK = 1.0
"""Seconds between looks at which takes are being written."""
LEAVING = 2.0
"""Seconds the process gets to end by itself."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Note:
    """A verdict on its way into lesson.json; times of the monotonic clock, ends None while it stands."""

    source: str
    span: int
    code: str
    begins: float
    facts: dict[str, Any]
    ends: float | None = None


@dataclass(slots=True)
class Judging:
    """Belongs to the event loop's thread. shed: set it when the machine is too busy for a judge."""

    table: JudgeTable
    plans: Sequence[SourcePlan]
    bus: Bus
    shed: bool = False
    standing: dict[str, dict[str, Verdict]] = field(default_factory=dict)
    """What is wrong with each source now, by code."""
    sensors: Path | None = None
    """File of the cameras whose sensor an earlier lesson has proved; None: nobody remembers."""
    _notes: list[_Note] = field(default_factory=list)
    _ears: dict[str, SpeechEar] = field(default_factory=dict)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _deaf: bool = False
    """The lesson was closed or paused: what its last fragments were like is no longer noted."""
    _known: set[str] = field(init=False)

    def __post_init__(self) -> None:
        self._known = self._recall()

    # -- while nothing records

    def overhear(self, source: str, rms_db: float) -> None:
        """A level of a microphone while nothing records."""
        self._ears.setdefault(source, SpeechEar(self.table)).hear(time.monotonic(), rms_db)

    def unrecorded_speech(self) -> list[str]:
        """Microphones at which somebody seems to be teaching. Asked only while nothing records."""
        now = time.monotonic()
        return [source for source, ear in self._ears.items() if ear.speaks(now)]

    # -- while a lesson records

    def wake(self) -> None:
        """Recording begins, or goes on."""
        for ear in self._ears.values():
            ear.forget()
        self._deaf = False
        self._wake.set()

    def report(self, lesson: Lesson) -> list[Remark]:
        """What the judge said of this lesson since the last call, on the lesson's timeline; its takes are known."""
        notes, self._notes = self._notes, []
        self._deaf = True
        now = time.monotonic()
        return [
            Remark(
                note.source,
                note.code,
                round(max(0.0, lesson.place(note.span, note.begins)), 1),
                round(min(lesson.seconds, lesson.place(note.span, note.ends or now)), 1),
                note.facts,
            )
            for note in notes
            if note.span < len(lesson.spans)
        ]

    async def run(self, recording: Recording) -> None:
        """Judge whatever is recorded, until cancelled."""
        if not self.table.enabled:
            await asyncio.Event().wait()
        failures = 0
        while True:
            if not recording.capturing:
                failures = 0
                self._wake.clear()
                await self._wake.wait()
            if self.shed or not any(recording.live(plan.id) for plan in self.plans):
                await asyncio.sleep(TICK)
                continue
            began = time.monotonic()
            died = True
            try:
                died = await self._judge(recording)
            except OSError as error:
                log.warning("The judge could not be started: %s", error)
            self._forget()
            if died and recording.capturing and not self.shed:
                failures = 0 if time.monotonic() - began > 2 * PATIENCE[-1] else failures
                log.warning("The judge has ended; it is started again.")
                await asyncio.sleep(PATIENCE[min(failures, len(PATIENCE) - 1)])
                failures += 1

    async def _judge(self, recording: Recording) -> bool:
        """One life of the process; whether it ended unasked. Raises OSError."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", MODULE, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, preexec_fn=as_a_guest
        )
        listening = asyncio.ensure_future(self._listen(process))
        try:
            await self._tell(process, self.table.model_dump(mode="json"))
            told: Mapping[str, Any] = {}
            while recording.capturing and not self.shed and not listening.done():
                takes = self._takes(recording)
                if takes != told:
                    told = takes
                    await self._tell(process, {"takes": takes})
                await asyncio.wait([listening], timeout=TICK)
            return listening.done()
        except (BrokenPipeError, ConnectionResetError):
            return True
        finally:
            await surely(_end(process))
            await listening

    def _takes(self, recording: Recording) -> dict[str, dict[str, Any]]:
        takes: dict[str, dict[str, Any]] = {}
        for plan in self.plans:
            live = recording.live(plan.id)
            if live is not None:
                takes[plan.id] = {
                    "media": plan.media,
                    "file": str(live.file),
                    "journal": str(live.journal),
                    "known": _device(plan) in self._known,
                }
        return takes

    async def _tell(self, process: Process, what: Mapping[str, Any]) -> None:
        await tell(process, json.dumps(what).encode() + b"\n")

    async def _listen(self, process: Process) -> None:
        if process.stdout is None:
            return
        async for line in process.stdout:
            try:
                said = json.loads(line)
                if said.get("proved"):
                    await self._remember(said["source"])
                    continue
                standing = [Verdict(item["code"], item["begins"], item["facts"]) for item in said["standing"]]
                self._take_in(said["source"], said["span"], said["at"], {each.code: each for each in standing})
            except (ValueError, KeyError, TypeError):
                continue  # half a line of a judge that was killed

    def _take_in(self, source: str, span: int, at: float, verdicts: dict[str, Verdict]) -> None:
        known = self.standing.get(source, {})
        self.standing[source] = verdicts
        for code in known.keys() - verdicts.keys():
            self._close(source, code, at)
            self.bus.publish(Judged(source, code, wrong=False))
        for code in verdicts.keys() - known.keys():
            verdict = verdicts[code]
            if not self._deaf:
                self._notes.append(_Note(source, span, code, verdict.begins, verdict.facts))
            self.bus.publish(Judged(source, code, wrong=True))

    async def _remember(self, source: str) -> None:
        """This camera's sensor, in the lessons to come."""
        self._known |= {_device(plan) for plan in self.plans if plan.id == source}
        if self.sensors is not None:
            try:
                await asyncio.to_thread(write_atomically, self.sensors, json.dumps(sorted(self._known)).encode())
            except OSError as error:
                log.warning("What the judge knows of %s could not be noted: %s.", source, error.strerror)

    def _recall(self) -> set[str]:
        """Nothing when nobody remembers: then a camera must show its sensor anew."""
        try:
            return {str(item) for item in json.loads(self.sensors.read_bytes())} if self.sensors is not None else set()
        except (OSError, ValueError, TypeError):
            return set()

    def _close(self, source: str, code: str, at: float) -> None:
        for note in self._notes:
            if note.source == source and note.code == code and note.ends is None:
                note.ends = at

    def _forget(self) -> None:
        now = time.monotonic()
        for source, known in self.standing.items():
            for code in known:
                self._close(source, code, now)
                self.bus.publish(Judged(source, code, wrong=False))
        self.standing.clear()


def _device(plan: SourcePlan) -> str:
    """A source and what it is connected to, without its passwords: another camera in its place is another."""
    words = (plan.id, plan.driver, *(plan.capture.input if plan.capture is not None else ()))
    return hashlib.sha256("\0".join(words).encode()).hexdigest()[:16]


async def _end(process: Process) -> None:
    if process.stdin is not None:
        process.stdin.close()
    try:
        async with asyncio.timeout(LEAVING):
            await process.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
