"""The room's health in one code, judged from evidence alone. Pure.

The gravest comes first; the face makes a sentence of the code and its facts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from appliance.api.views import HealthView, SelfTestView
from appliance.config import Device, DiskTable
from appliance.recorder.judge.facts import GRAVITY, Verdict
from appliance.recorder.status import RecorderStatus, SourceStatus
from appliance.thresholds import JudgeTable

UNBROKEN = 5.0
"""Seconds between two looks at a microphone beyond which silence in between is not proven."""


class Silence:
    """How long each microphone has been silent, as far as anybody looked."""

    def __init__(self, table: JudgeTable) -> None:
        self._table = table
        self._since: dict[str, float] = {}
        self._looked: dict[str, float] = {}

    def observe(self, sources: Sequence[SourceStatus], now: float) -> dict[str, float]:
        """Microphones silent for long enough to say so, and for how many seconds. now: monotonic seconds."""
        for source in sources:
            peak = source.peak_db if source.state == "recording" else None
            if peak is None or peak >= self._table.silence_db:
                self._since.pop(source.id, None)
            elif now - self._looked.get(source.id, -UNBROKEN) >= UNBROKEN:
                self._since[source.id] = now
            else:
                self._since.setdefault(source.id, now)
            self._looked[source.id] = now
        return {id_: now - at for id_, at in self._since.items() if now - at >= self._table.silence_seconds}


@dataclass(frozen=True, slots=True)
class JudgedRoom:
    """What the judge says. standing: what is wrong by source and code; speaking: microphones at which somebody teaches
    while nothing records; shed: codes of what has given way because the machine or its disk is short; tested:
    what the last self-test found, where no lesson is on; muting: switches that say that nobody shall be heard;
    doubtful: lamps of which nobody knows what they show; untold: devices that did not do what the lesson's scene says,
    and their problem's code; planned: why the timetable is not followed, a problem's code."""

    standing: Mapping[str, Mapping[str, Verdict]] = field(default_factory=dict)
    speaking: Sequence[str] = ()
    shed: Sequence[str] = ()
    tested: SelfTestView | None = None
    muting: Sequence[Device] = ()
    doubtful: Sequence[Device] = ()
    untold: Sequence[tuple[Device, str]] = ()
    planned: str = ""


NOBODY = JudgedRoom()


def judge(
    status: RecorderStatus, silent: Mapping[str, float], disk: DiskTable, judged: JudgedRoom = NOBODY
) -> HealthView:
    """The gravest finding, or ``all-well``. silent: seconds by microphone, from Silence."""
    return next(_findings(status, silent, disk, judged), HealthView(code="all-well"))


def _findings(
    status: RecorderStatus, silent: Mapping[str, float], disk: DiskTable, judged: JudgedRoom
) -> Iterator[HealthView]:
    """In the order of their gravity."""
    sources = status.sources
    if not sources:
        yield HealthView(code="no-sources", level="error")
    if status.disk_free <= status.disk_total * disk.reserve_percent / 100:
        yield HealthView(code="disk-full", level="error", facts={"free_bytes": status.disk_free})
    yield from _of_room("muted", judged.muting)
    lost = [s for s in sources if s.state == "lost" or (s.problem is not None and s.state != "recording")]
    if lost:
        why = lost[0].problem.code if lost[0].problem else None
        level: Literal["warning", "error"] = "error" if len(lost) == len(sources) else "warning"
        yield HealthView(code="source-lost", level=level, facts=_facts(lost, problem=why))
    stalled = [s for s in sources if s.state == "stalled"]
    if stalled:
        facts = _facts(stalled, seconds=stalled[0].last_byte_age)
        yield HealthView(code="source-stalled", level="warning", facts=facts)
    yield from _of_room("lamp-lost", judged.doubtful)
    speaking = [s for s in sources if s.id in judged.speaking]
    if speaking:
        yield HealthView(code="speech-unrecorded", level="warning", facts=_facts(speaking))
    for code in GRAVITY:
        yield from _poor(code, sources, silent, judged)
    if judged.untold:
        yield from _of_room("scene", [device for device, _ in judged.untold], problem=judged.untold[0][1])
    yield from _planned("" if status.lesson else judged.planned)
    if status.hours_left < disk.warn_hours:
        facts = {"hours_left": round(status.hours_left, 1), "free_bytes": status.disk_free}
        yield HealthView(code="disk-low", level="warning", facts=facts)
    for code in reversed(judged.shed):
        yield HealthView(code=code, level="warning")
    if judged.tested is not None:
        failed = [s for s in sources if s.id in judged.tested.wrong]
        if failed:
            facts = _facts(failed, verdict=judged.tested.wrong[failed[0].id], at=judged.tested.at)
            yield HealthView(code="selftest", level="warning", facts=facts)
    starting = [s for s in sources if s.state == "starting"]
    if starting:
        yield HealthView(code="source-starting", facts=_facts(starting))


def _planned(problem: str) -> Iterator[HealthView]:
    if problem:
        yield HealthView(code="timetable", level="warning", facts={"problem": problem})


def _of_room(code: str, devices: Sequence[Device], **more: Any) -> Iterator[HealthView]:
    """Of devices that give no picture and no sound."""
    if devices:
        first = devices[0]
        facts = {
            "source": first.id,
            "label": first.label or first.id,
            "kind": first.kind,
            "count": len(devices),
            **more,
        }
        yield HealthView(code=code, level="warning", facts=facts)


def _poor(
    code: str, sources: Sequence[SourceStatus], silent: Mapping[str, float], judged: JudgedRoom
) -> Iterator[HealthView]:
    """What is recorded, but is no good."""
    found = {s.id: judged.standing[s.id][code] for s in sources if code in judged.standing.get(s.id, {})}
    mute = code == "microphone-silent"
    poor = [s for s in sources if s.state == "recording" and (s.id in found or (mute and s.id in silent))]
    if poor:
        first = poor[0].id
        facts = dict(found[first].facts) if first in found else {}
        if mute and first in silent:
            facts["seconds"] = round(silent[first])
        yield HealthView(code=code, level="warning", facts=_facts(poor, **facts))


def _facts(sources: Sequence[SourceStatus], **more: Any) -> dict[str, Any]:
    """Of the first one concerned, and how many there are."""
    first = sources[0]
    return {"source": first.id, "label": first.label, "kind": first.kind, "count": len(sources), **more}
